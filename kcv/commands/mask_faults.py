"""What is wrong in the masks of an image, in words for its owner."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kcv.metrics.box_iou import box_iou

# Overlap of a box with its mask below which they are not of one object.
_LEAST = 0.5


def mask_faults(example: Mapping[str, Any], place: str) -> list[str]:
    """Find masks without pixels, and those that are not where their box is.

    Args:
        example: Example with `bounding_boxes` and `instance_masks`, as arrays.
        place: Name of the image.

    Returns:
        Sentences that name the image and the object, which is counted from 0.

    Example:

    >>> example = {"instance_masks": np.zeros((1, 4, 4)),
    ...            "bounding_boxes": {"boxes": np.zeros((1, 4))}}
    >>> mask_faults(example, "a.png")
    ['a.png: mask 0 has no pixels']
    """
    faults = []
    boxes = example["bounding_boxes"]["boxes"]
    for k, mask in enumerate(example["instance_masks"]):
        rows, columns = np.nonzero(mask)
        if not rows.size:
            faults.append(f"{place}: mask {k} has no pixels")
            continue
        left, right = columns.min(), columns.max() + 1
        tight = [left, rows.min(), right, rows.max() + 1]
        overlap = box_iou(boxes[k : k + 1], np.array([tight], np.float64))[0, 0]
        if overlap < _LEAST:
            faults.append(
                f"{place}: box {k} {_corners(boxes[k])} is not that of its "
                f"mask, which fills {_corners(tight)} (IoU {overlap:.2f})"
            )
    return faults


def _corners(box) -> list[int]:
    return [round(float(side)) for side in box]
