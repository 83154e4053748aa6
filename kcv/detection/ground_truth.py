"""The objects of a batch that a detector is to learn."""

from typing import NamedTuple

import tensorflow as tf
from keras import ops


class Objects(NamedTuple):
    """What the images of a batch show, padded to N rows.

    Attributes:
        boxes: (B, N, 4) float32 xyxy, pixels.
        labels: (B, N) int32 from 0.
        valid: (B, N) bool, False for padding and for what takes no part.
    """

    boxes: tf.Tensor
    labels: tf.Tensor
    valid: tf.Tensor


def objects_to_learn(y: dict) -> Objects:
    """Read the objects of a batch, without the difficult and the crowds.

    Args:
        y: dict of `boxes` (B, N, 4) xyxy pixels and `labels` (B, N), -1 for
            padding; optionally `difficult` and `is_crowd` (B, N) bool.

    Returns:
        N + 1 rows.

    Example:

    >>> y = {"boxes": [[[0, 0, 9, 9]]], "labels": [[3]], "difficult": [[True]]}
    >>> objects_to_learn(y).valid.numpy()
    array([[False, False]])
    """
    boxes = ops.cast(y["boxes"], "float32")
    labels = ops.cast(y["labels"], "int32")
    valid = labels >= 0
    for key in ("difficult", "is_crowd"):
        if key in y:
            valid = valid & ~ops.cast(y[key], "bool")
    # Room for one, so that an image without objects has a box to point at.
    boxes = ops.pad(boxes, [[0, 0], [0, 1], [0, 0]])
    labels = ops.pad(labels, [[0, 0], [0, 1]], constant_values=-1)
    return Objects(boxes, labels, ops.pad(valid, [[0, 0], [0, 1]]))
