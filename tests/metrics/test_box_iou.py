import numpy as np

from kcv.metrics.box_iou import box_iou


def test_counts_pixels():
    """IoU of integer boxes equals that of their sets of pixels."""
    rng = np.random.default_rng(0)
    corner = rng.integers(0, 12, (20, 2))
    boxes = np.concatenate([corner, corner + rng.integers(0, 9, (20, 2))], 1)
    pixels = np.zeros((20, 24, 24), bool)
    for mask, (x1, y1, x2, y2) in zip(pixels, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    both = (pixels[:, None] & pixels[None]).sum((2, 3))
    either = (pixels[:, None] | pixels[None]).sum((2, 3))
    expected = np.where(either > 0, both / np.maximum(either, 1), 0)
    result = box_iou(boxes.astype(np.float64), boxes.astype(np.float64))
    np.testing.assert_array_equal(result, expected)


def test_no_boxes():
    assert box_iou(np.zeros((0, 4)), np.zeros((3, 4))).shape == (0, 3)
