"""The four losses of Faster R-CNN, with the normalisers of its code.

B images, A anchors, R regions per image, C classes (background is 0 here).
Each loss is computed per image and averaged over the batch, so that a batch
of two weighs like two batches of one.
"""

from keras import ops

from kcv.losses import smooth_l1


def _per_image_mean(values, weights, divisor):
    """Sum the weighted values of each image, divide, average over images."""
    weights = ops.cast(weights, "float32")
    divisor = ops.sum(ops.cast(divisor, "float32"), axis=1)
    total = ops.sum(values * weights, axis=1)
    return ops.mean(total / ops.maximum(divisor, 1.0))


def rpn_cls_loss(logits, foreground, background):
    """Average the two-way softmax loss over the sampled anchors.

    Args:
        logits: (B, A, 2) background and foreground.
        foreground: (B, A) bool, sampled.
        background: (B, A) bool, sampled.

    Returns:
        () float32.
    """
    loss = ops.sparse_categorical_crossentropy(
        ops.cast(foreground, "int32"), logits, from_logits=True
    )
    sampled = foreground | background
    return _per_image_mean(loss, sampled, sampled)


def rpn_bbox_loss(deltas, targets, foreground, background):
    """Sum smooth L1 (sigma 3) of foreground, over the number of sampled.

    Args:
        deltas: (B, A, 4) predicted.
        targets: (B, A, 4).
        foreground: (B, A) bool, sampled.
        background: (B, A) bool, sampled.

    Returns:
        () float32.
    """
    loss = ops.sum(smooth_l1(deltas - targets, sigma=3.0), axis=-1)
    return _per_image_mean(loss, foreground, foreground | background)


def cls_loss(logits, classes, used):
    """Average the softmax loss over the sampled regions.

    Args:
        logits: (B, R, C) with background first.
        classes: (B, R) int32, 0 for background.
        used: (B, R) bool.

    Returns:
        () float32.
    """
    loss = ops.sparse_categorical_crossentropy(
        classes, logits, from_logits=True
    )
    return _per_image_mean(loss, used, used)


def bbox_loss(deltas, targets, foreground, used):
    """Sum smooth L1 (sigma 1) of foreground, over the number of regions.

    Args:
        deltas: (B, R, 4) predicted for the class of the object.
        targets: (B, R, 4).
        foreground: (B, R) bool.
        used: (B, R) bool; background counts in the divisor.

    Returns:
        () float32.
    """
    loss = ops.sum(smooth_l1(deltas - targets), axis=-1)
    return _per_image_mean(loss, foreground, used)
