"""The small trunk: its stride, and where it adds."""

import keras
import numpy as np
import pytest

from recipes.common.trunks import small_parts
from recipes.common.trunks import small_trunk


def test_stride_and_residuals():
    trunk = small_trunk()
    assert trunk.compute_output_shape((1, 192, 250, 3)) == (1, 24, 32, 128)
    added = [x.name for x in trunk.layers if x.name.startswith("add")]
    assert added == ["add3", "add5", "add6", "add7"]


@pytest.mark.parametrize("side", [47, 45, 41])
def test_cells_see_the_same_pixels_in_images_of_all_sizes(side):
    trunk = small_trunk(filters=(4, 4, 4), strides=(2, 2, 2))
    images = np.random.default_rng(0).standard_normal((1, 48, 48, 3))
    smaller = trunk(images[:, :side, :side])
    assert smaller.shape == (1, 6, 6, 4)
    np.testing.assert_allclose(
        smaller[:, :4, :4], trunk(images)[:, :4, :4], atol=1e-6
    )


def test_a_residual_of_nothing_passes_its_input_on():
    trunk = small_trunk(filters=(4, 4), strides=(2, 1))
    images = np.random.default_rng(0).standard_normal((1, 8, 8, 3))
    first = keras.Model(trunk.input, trunk.get_layer("relu1").output)
    convolution = trunk.get_layer("conv2")
    convolution.kernel.assign(0 * convolution.kernel)
    np.testing.assert_array_equal(trunk(images), first(images))


def test_the_parts_see_pixels_about_one():
    parts = small_parts()
    assert parts.stride == 8
    assert parts.roi_size == 7
    assert parts.head.output_shape == (None, 256)
    pixels = np.full((1, 2, 2, 3), 255, "float32")
    assert 1 < float(np.max(parts.preprocessing(pixels))) < 3
