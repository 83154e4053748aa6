import numpy as np
import pytest

from kcv.metrics import mask_iou
from kcv.metrics import patch_measures


def test_measures_of_patches():
    masks = np.zeros((3, 4, 4), bool)
    masks[0], masks[1, :3], masks[2, :2] = True, True, True
    truth = np.ones_like(masks)
    assert patch_measures(masks, truth) == {
        "mean_iou": 0.75,
        "median_iou": 0.75,
        "iou_50": 1.0,
        "iou_70": 2 / 3,
    }
    assert mask_iou(0 * masks, 0 * masks).tolist() == [0, 0, 0]


def test_shapes_of_masks_and_truth_agree():
    with pytest.raises(ValueError, match="the same shape"):
        mask_iou(np.ones((1, 2, 2)), np.ones((1, 2, 3)))
    with pytest.raises(ValueError, match="no mask"):
        patch_measures(np.ones((0, 2, 2)), np.ones((0, 2, 2)))
