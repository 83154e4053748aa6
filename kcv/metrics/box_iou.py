"""Intersection over union in NumPy and float64.

The metrics compare an IoU with a threshold that real boxes hit exactly (two
boxes of integer corners often overlap by one half), so the quotient must be
correctly rounded: float32 tensors of a training step would decide by noise.
"""

import numpy as np


def box_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the IoU of every pair of two lists of half-open boxes.

    Half-open areas (x2 - x1) * (y2 - y1) equal the (x2 - x1 + 1) *
    (y2 - y1 + 1) of the VOC development kit for the same pixels, whose last
    pixel is inclusive there.

    Args:
        boxes: Boxes (m, 4) float64, xyxy in pixels.
        others: Boxes (n, 4) float64, xyxy in pixels.

    Returns:
        IoU (m, n) float64 in [0, 1], 0 if both boxes are empty.
    """
    corner = np.maximum(boxes[:, None, :2], others[None, :, :2])
    far = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    both = np.clip(far - corner, 0, None).prod(axis=2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    other_area = (others[:, 2:] - others[:, :2]).prod(axis=1)
    either = area[:, None] + other_area[None] - both
    return np.divide(both, either, out=np.zeros_like(both), where=either > 0)
