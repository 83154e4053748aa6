"""The regions that may teach a detection head, and what each stands for.

Shapes: B images, A proposals, N padded objects.
"""

from typing import NamedTuple

import tensorflow as tf
from keras import ops

from kcv import boxes as geometry
from kcv.detection.learning.crowds import inside_crowds
from kcv.detection.learning.matching import match
from kcv.detection.learning.targets import Objects


class Candidates(NamedTuple):
    """The proposals of a batch and, behind them, its objects.

    Attributes:
        regions: Boxes (B, A + N, 4) xyxy in pixels.
        exists: Whether a row may be learned from, (B, A + N) bool.
        best: Index (B, A + N) int32 of the object that each overlaps most.
        overlap: IoU (B, A + N) float32 with that object.
    """

    regions: tf.Tensor
    exists: tf.Tensor
    best: tf.Tensor
    overlap: tf.Tensor


def list_candidates(
    proposals: tf.Tensor,
    exists: tf.Tensor,
    objects: Objects,
    crowd_share: float = 0.7,
) -> Candidates:
    """List the regions that a head may learn from.

    Args:
        proposals: Regions (B, A, 4) xyxy in pixels, clipped to their images.
        exists: Whether a proposal is one, (B, A) bool; False for padding.
        objects: The ground truth. An object is the best region of all, and
            there from the first step.
        crowd_share: Share of a proposal's area inside a crowd above which it
            is left out. Defaults to 0.7.

    Returns:
        The candidates.
    """
    exists &= ~inside_crowds(proposals, objects, crowd_share)
    regions = ops.concatenate([proposals, objects.boxes], axis=1)
    exists = ops.concatenate([exists, objects.valid], axis=1)
    iou = geometry.iou_matrix(regions, objects.boxes)
    best, overlap = match(iou, objects.valid)
    return Candidates(regions, exists, best, overlap)
