import numpy as np
import pytest

from kcv.segmentation.class_balance import CAMVID_WEIGHTS
from kcv.segmentation.class_balance import median_frequency_weights


def test_by_hand():
    """Shares .1, .2, .4 of one image."""
    mask = np.repeat([0, 1, 2, 3], [1, 2, 4, 3]).reshape(2, 5)
    weights = median_frequency_weights([mask], 4)
    np.testing.assert_allclose(weights * [0.1, 0.2, 0.4, 0.3], 0.25)
    mask = np.array([[0, 1, 1, 2, 2, 2, 2]])
    weights = median_frequency_weights([mask], 3)
    np.testing.assert_allclose(weights, [2, 1, 0.5])


def test_only_images_with_the_class_count():
    # Class 1 has half of the one image that it is in, class 0 3/4 of both.
    masks = np.array([[[0, 1]], [[0, 0]]])
    np.testing.assert_allclose(
        median_frequency_weights([masks], 2), [0.625 / 0.75, 0.625 / 0.5]
    )


def test_void_and_absent_classes():
    weights = median_frequency_weights([np.array([[0, 255, 2, 2]])], 4)
    assert weights[1] == weights[3] == 0
    np.testing.assert_allclose(weights[[0, 2]], [1.5, 0.75])
    assert not median_frequency_weights([np.full((2, 2), 255)], 3).any()


def test_camvids_weights_are_no_medians():
    """Of 11 classes' one weight would be 1."""
    assert len(CAMVID_WEIGHTS) == 11
    assert 1.0 not in CAMVID_WEIGHTS


def test_labels_beyond_the_classes():
    with pytest.raises(ValueError, match="classes=2.*0 to 7"):
        median_frequency_weights([np.array([[0, 7]])], 2)
