"""How the head of Fast R-CNN learns (Girshick 2015, section 2.3).

Faster R-CNN's head learns in the same way, from other regions. B images,
A candidates, N padded objects, R regions per image, C classes.
"""

from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kcv import boxes as geometry
from kcv.detection.learning import losses
from kcv.detection.learning.matching import match
from kcv.detection.learning.sampling import sample_rois

_UNIT_BOX = (0.0, 0.0, 1.0, 1.0)


class Objects(NamedTuple):
    """The ground truth of a batch, with room for one object at least."""

    boxes: tf.Tensor  # (B, N, 4) float32 xyxy
    labels: tf.Tensor  # (B, N) int32 from 0, -1 for padding
    valid: tf.Tensor  # (B, N) bool, whether an object takes part


class RoISampling(NamedTuple):
    """Which regions the head learns from, and in what units."""

    size: int  # R
    fg_fraction: float
    fg_iou: float
    bg_iou: tuple[float, float]
    box_mean: np.ndarray  # (4,) or (C, 4), taken from the box targets
    box_std: np.ndarray  # (4,) or (C, 4), that they are divided by


def objects_of(y: dict, classes: int | None = None) -> Objects:
    """Pick the objects to learn from a batch's ground truth.

    Args:
        y: dict of `boxes` (B, N, 4) xyxy and `labels` (B, N); optionally
            `difficult` and `is_crowd` (B, N) bool: such objects do not take
            part.
        classes: how many labels there are; None where any will do.

    Returns:
        The objects and one that is none, so that an image without objects has
        a box to point at.

    Raises:
        ValueError: if there are no `boxes` or `labels`.
        tf.errors.InvalidArgumentError: if a label is no class, when the graph
            runs.
    """
    if not {"boxes", "labels"} <= set(y):
        raise ValueError(
            "y must be a dict of `boxes` and `labels`, as "
            f"`kcv.data.detection_inputs` makes it. Received: {sorted(y)}"
        )
    boxes = ops.cast(y["boxes"], "float32")
    labels = ops.cast(y["labels"], "int32")
    if classes is not None:
        below = tf.debugging.assert_less(
            labels, classes, f"labels must be less than classes={classes}"
        )
        with tf.control_dependencies([below]):
            labels = tf.identity(labels)
    valid = labels >= 0
    for key in ("difficult", "is_crowd"):
        if key in y:
            valid = valid & ~ops.cast(y[key], "bool")
    return Objects(
        ops.pad(boxes, [[0, 0], [0, 1], [0, 0]]),
        ops.pad(labels, [[0, 0], [0, 1]], constant_values=-1),
        ops.pad(valid, [[0, 0], [0, 1]]),
    )


def head_losses(
    head,
    features,
    feature_sizes,
    proposals,
    exists,
    objects: Objects,
    sampling: RoISampling,
    seed: keras.random.SeedGenerator,
    training: bool = True,
) -> dict:
    """Sample regions against the ground truth and learn from them.

    Args:
        head: `RegionHead` of C classes.
        features: (B, H, W, channels).
        feature_sizes: (B, 2) int32.
        proposals: (B, A, 4) xyxy, pixels.
        exists: (B, A) bool, False for padding.
        objects: of `objects_of`; they are candidates, too.
        sampling: of the regions.
        seed: what chance comes from.
        training: whether dropout and batch normalisation are.

    Returns:
        `cls_loss` and `bbox_loss`, () float32.
    """
    # An object is the best region of all, and there from the first step.
    regions = ops.concatenate([proposals, objects.boxes], axis=1)
    exists = ops.concatenate([exists, objects.valid], axis=1)
    best, overlap = match(
        geometry.iou_matrix(regions, objects.boxes), objects.valid
    )
    chosen, foreground, used = sample_rois(
        overlap,
        exists,
        keras.random.uniform(ops.shape(overlap), seed=seed),
        sampling.size,
        sampling.fg_fraction,
        sampling.fg_iou,
        sampling.bg_iou,
    )
    regions, best = take(regions, chosen), take(best, chosen)
    logits, deltas = head([features, feature_sizes, regions], training=training)
    # Class 0 is background from here on: (B, R).
    classes = ops.where(foreground, take(objects.labels, best) + 1, 0)
    count = logits.shape[-1]
    deltas = ops.reshape(deltas, (-1, sampling.size, count, 4))
    deltas = tf.gather(deltas, classes, batch_dims=2)
    # Unused regions are empty, and no box can be relative to nothing.
    regions = ops.where(used[..., None], regions, _UNIT_BOX)
    targets = geometry.encode(take(objects.boxes, best), regions)
    mean, std = (
        tf.gather(_with_background(table, count), classes)
        for table in (sampling.box_mean, sampling.box_std)
    )
    return {
        "cls_loss": losses.cls_loss(logits, classes, used),
        "bbox_loss": losses.bbox_loss(
            deltas, (targets - mean) / std, foreground, used
        ),
    }


def take(values, indices):
    """Pick `indices` (B, K) from the second axis of values (B, N, ...)."""
    return tf.gather(values, indices, batch_dims=1)


def _with_background(table, count):
    """One row of four for each class, and one for background in front."""
    rows = np.broadcast_to(np.asarray(table, np.float32), (count - 1, 4))
    return np.concatenate([np.ones((1, 4), np.float32), rows])
