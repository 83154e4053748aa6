"""Matching anchors and regions with the objects that they stand for.

Shapes: B images, A anchors or regions, N padded objects.
"""

import tensorflow as tf
from keras import ops

FOREGROUND, BACKGROUND, IGNORE = 1, 0, -1


def match(iou: tf.Tensor, valid: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Find the best object of each candidate.

    Args:
        iou: IoU (B, A, N) of candidates and objects.
        valid: Whether an object takes part, (B, N) bool.

    Returns:
        The object's index (B, A) int32 and its IoU (B, A) float32. Both are 0
        for a candidate that overlaps no object.
    """
    iou = ops.where(valid[:, None, :], iou, 0.0)
    # An image without objects may come with an N of zero.
    iou = ops.pad(iou, [[0, 0], [0, 0], [0, 1]])
    objects = ops.maximum(ops.shape(valid)[1] - 1, 0)
    best = ops.minimum(ops.argmax(iou, axis=-1), objects)
    return best, ops.max(iou, axis=-1)


def label_anchors(
    iou: tf.Tensor,
    valid: tf.Tensor,
    usable: tf.Tensor,
    fg_iou: float = 0.7,
    bg_iou: float = 0.3,
) -> tf.Tensor:
    """Label anchors for the training of a region proposal network.

    The rule of Faster R-CNN (Ren et al. 2015, section 3.1.2) in the order of
    its code: background below `bg_iou`, then foreground for every anchor that
    ties the highest IoU of some object (so that each object has an anchor,
    however small the IoU), then foreground from `fg_iou` on. The rest is
    ignored.
    An object that overlaps no usable anchor has no best anchor: its maximum
    of zero would otherwise tie with every anchor that misses it. In the
    reference it does: a box of 3 x 3 pixels in the corner of an image of
    400 x 400 makes all 986 anchors foreground there, and none here.

    Args:
        iou: IoU (B, A, N) of anchors and objects.
        valid: Whether an object takes part, (B, N) bool.
        usable: Whether an anchor may be used, (B, A) bool. The others, which
            cross the border of the image, are ignored.
        fg_iou: Lowest IoU of foreground. Defaults to 0.7.
        bg_iou: IoU below which an anchor is background. Defaults to 0.3.

    Returns:
        Labels (B, A) int32: FOREGROUND (1), BACKGROUND (0) or IGNORE (-1).

    Example:

    >>> import numpy as np
    >>> iou = np.array([[[0.1], [0.6], [0.2]]])
    >>> label_anchors(iou, np.array([[True]]), np.full((1, 3), True))[0].numpy()
    array([0, 1, 0], dtype=int32)
    """
    pairs = valid[:, None, :] & usable[:, :, None]
    iou = ops.where(pairs, ops.cast(iou, "float32"), 0.0)
    iou = ops.pad(iou, [[0, 0], [0, 0], [0, 1]])  # N may be zero
    overlap = ops.max(iou, axis=2)
    highest = ops.max(iou, axis=1, keepdims=True)
    ties = ops.any((iou == highest) & (highest > 0), axis=2)
    labels = ops.where(overlap < bg_iou, BACKGROUND, IGNORE)
    labels = ops.where(ties | (overlap >= fg_iou), FOREGROUND, labels)
    return ops.cast(ops.where(usable, labels, IGNORE), "int32")
