"""The four losses of Faster R-CNN, with the divisors of its code.

Shapes: B images, A anchors, R regions per image, C + 1 classes of which 0 is
background. Each loss is computed per image and averaged over the batch, so
that a batch of two has the weight of two batches of one. py-faster-rcnn trains
with one image per batch, where this is its loss. Fast R-CNN trains with two,
and its code divides by the regions of both. The losses of the head do this with
`average="region"`. The two differ where one image has fewer regions.
"""

from typing import Literal

import tensorflow as tf
from keras import ops

from kcv.losses import smooth_l1

Average = Literal["image", "region"]


def _mean(values, weights, divisor, average="image"):
    """Sum the weighted values and divide, per image or for all together."""
    axis = 1 if average == "image" else (0, 1)
    weights = ops.cast(weights, "float32")
    divisor = ops.sum(ops.cast(divisor, "float32"), axis=axis)
    total = ops.sum(values * weights, axis=axis)
    return ops.mean(total / ops.maximum(divisor, 1.0))


def rpn_cls_loss(
    logits: tf.Tensor, foreground: tf.Tensor, background: tf.Tensor
) -> tf.Tensor:
    """Average the two-way softmax loss over the sampled anchors.

    Args:
        logits: Logits (B, A, 2) of background and foreground.
        foreground: Whether an anchor is sampled as foreground, (B, A) bool.
        background: Whether an anchor is sampled as background, (B, A) bool.

    Returns:
        The loss, () float32.
    """
    loss = ops.sparse_categorical_crossentropy(
        ops.cast(foreground, "int32"), logits, from_logits=True
    )
    sampled = foreground | background
    return _mean(loss, sampled, sampled)


def rpn_bbox_loss(
    deltas: tf.Tensor,
    targets: tf.Tensor,
    foreground: tf.Tensor,
    background: tf.Tensor,
) -> tf.Tensor:
    """Sum smooth L1 (sigma 3) of the foreground, over the number of sampled.

    Args:
        deltas: Predicted deltas (B, A, 4).
        targets: True deltas (B, A, 4).
        foreground: Whether an anchor is sampled as foreground, (B, A) bool.
        background: Whether an anchor is sampled as background, (B, A) bool.

    Returns:
        The loss, () float32.
    """
    loss = ops.sum(smooth_l1(deltas - targets, sigma=3.0), axis=-1)
    return _mean(loss, foreground, foreground | background)


def cls_loss(
    logits: tf.Tensor,
    class_ids: tf.Tensor,
    used: tf.Tensor,
    average: Average = "image",
) -> tf.Tensor:
    """Average the softmax loss over the sampled regions.

    Args:
        logits: Logits (B, R, C + 1) with background first.
        class_ids: True classes (B, R) int32, 0 for background.
        used: Whether a region is sampled, (B, R) bool.
        average: "image" averages the losses of the images, "region" weights
            all regions of the batch equally. Defaults to "image".

    Returns:
        The loss, () float32.
    """
    loss = ops.sparse_categorical_crossentropy(
        class_ids, logits, from_logits=True
    )
    return _mean(loss, used, used, average)


def bbox_loss(
    deltas: tf.Tensor,
    targets: tf.Tensor,
    foreground: tf.Tensor,
    used: tf.Tensor,
    average: Average = "image",
) -> tf.Tensor:
    """Sum smooth L1 (sigma 1) of the foreground, over the number of regions.

    Args:
        deltas: Deltas (B, R, 4) predicted for the class of the object.
        targets: True deltas (B, R, 4).
        foreground: Whether a region is foreground, (B, R) bool.
        used: Whether a region is sampled, (B, R) bool. Background counts in
            the divisor, too.
        average: "image" averages the losses of the images, "region" weights
            all regions of the batch equally. Defaults to "image".

    Returns:
        The loss, () float32.
    """
    loss = ops.sum(smooth_l1(deltas - targets), axis=-1)
    return _mean(loss, foreground, used, average)
