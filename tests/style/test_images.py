"""The median filter of fast-neural-style, against NumPy."""

import numpy as np
import pytest

from kcv.style import median_filter


@pytest.mark.parametrize("size", [1, 3, 5])
def test_medians_are_those_of_numpy(size):
    images = np.random.default_rng(0).integers(0, 256, (2, 9, 11, 3))
    windows = np.lib.stride_tricks.sliding_window_view(
        images, (size, size), (1, 2)
    )
    expected = np.median(windows, (4, 5))
    found = median_filter(images.astype("float32"), size)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("size", [0, 2])
def test_an_even_size_has_no_middle(size):
    with pytest.raises(ValueError, match=f"size={size}"):
        median_filter(np.zeros((1, 9, 9, 3), "float32"), size)
