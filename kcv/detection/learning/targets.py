"""The ground truth of a batch, as the losses need it.

Shapes: B images, N padded objects, K indices per image. Boxes are xyxy in
pixels, labels count from 0 and are -1 for padding.
"""

from typing import Any
from typing import NamedTuple

import tensorflow as tf
from keras import ops


class Objects(NamedTuple):
    """The objects of a batch, with at least one row per image.

    Attributes:
        boxes: Boxes (B, N, 4) float32 xyxy.
        labels: Labels (B, N) int32 from 0, -1 for padding.
        valid: Whether an object takes part, (B, N) bool.
        crowds: Whether a row is a crowd, (B, N) bool. Defaults to None, if the
            ground truth does not say.
    """

    boxes: tf.Tensor
    labels: tf.Tensor
    valid: tf.Tensor
    crowds: tf.Tensor | None = None


def get_objects(
    y: Any, classes: int | None = None, keep_difficult: bool = False
) -> Objects:
    """Return the objects of a batch's ground truth.

    Args:
        y: Dict of `boxes` (B, N, 4) xyxy in pixels and `labels` (B, N), -1
            for padding. It may have `is_crowd` (B, N) bool, whose objects do
            not take part but are kept as crowds, and `difficult` (B, N) bool.
        classes: Number of classes that labels must be below. None, the
            default, allows any label.
        keep_difficult: Whether objects marked as `difficult` take part.
            Defaults to False.

    Returns:
        The objects, and behind them one that does not take part, so that an
        image without objects has a box to point at.

    Raises:
        ValueError: If `y` is not a dict of `boxes` and `labels`.
        tf.errors.InvalidArgumentError: If a label is not a class, an object's
            box is empty or inverted, or all boxes are relative coordinates in
            0..1. Raised when the graph runs.
    """
    if not isinstance(y, dict) or not {"boxes", "labels"} <= set(y):
        received = sorted(y) if isinstance(y, dict) else f"y={y!r}"
        raise ValueError(
            "`y` must be a dict of `boxes` and `labels`, as "
            f"`kcv.data.detection_inputs` makes it. Received: {received}"
        )
    boxes = ops.cast(y["boxes"], "float32")
    labels = ops.cast(y["labels"], "int32")
    with tf.control_dependencies(_checks(boxes, labels, classes)):
        labels = tf.identity(labels)
    valid = labels >= 0
    left_out = ("is_crowd",) if keep_difficult else ("difficult", "is_crowd")
    for key in left_out:
        if key in y:
            valid = valid & ~ops.cast(y[key], "bool")
    crowds = None
    if "is_crowd" in y:
        crowds = (labels >= 0) & ops.cast(y["is_crowd"], "bool")
        crowds = ops.pad(crowds, [[0, 0], [0, 1]])
    return Objects(
        ops.pad(boxes, [[0, 0], [0, 1], [0, 0]]),
        ops.pad(labels, [[0, 0], [0, 1]], constant_values=-1),
        ops.pad(valid, [[0, 0], [0, 1]]),
        crowds,
    )


def take(values: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """Pick rows of each image.

    Args:
        values: Values (B, N, ...) of the rows of each image.
        indices: Indices (B, K) of the rows to pick, integers below N.

    Returns:
        The values (B, K, ...) of the picked rows.
    """
    return tf.gather(values, indices, batch_dims=1)


def _checks(boxes, labels, classes):
    """Make the assertions of a batch; they run with the graph."""
    checks = []

    def refuse(wrong, values, rule):
        # `wrong` (B, N) tells which rows of `values` (B, N, ...) break a rule.
        checks.append(
            tf.debugging.Assert(
                ~tf.reduce_any(wrong),
                [rule, "Received:", tf.boolean_mask(values, wrong)],
                summarize=8,
            )
        )

    refuse(
        labels < -1,
        labels,
        "`labels` must be class numbers from 0, or -1 for padding.",
    )
    if classes is not None:
        refuse(
            labels >= classes,
            labels,
            f"`labels` must be less than classes={classes}.",
        )
    real = labels >= 0
    refuse(
        # Not `<=`, which a box of NaN would pass.
        real & ~tf.reduce_all(boxes[..., 2:] > boxes[..., :2], -1),
        boxes,
        "`boxes` must have x1 < x2 and y1 < y2.",
    )
    within = tf.reduce_all((boxes >= 0) & (boxes <= 1), -1)
    refuse(
        real & tf.reduce_all(within | ~real),
        boxes,
        "`boxes` must be in pixels, not relative to the image's size.",
    )
    return checks
