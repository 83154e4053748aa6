"""Random minibatches of anchors and regions, without a loop over images.

Shapes: B images, A candidates per image, R regions that are chosen. Every
function takes `keys`, random numbers of the candidates' shape, so that the
caller owns the generator and its state.
"""

import tensorflow as tf
from keras import ops


def random_subset(
    mask: tf.Tensor, count: int | tf.Tensor, keys: tf.Tensor
) -> tf.Tensor:
    """Keep a random part of the True entries of each row.

    Args:
        mask: Entries (B, A) bool to choose from.
        count: Largest number of entries to keep per row, an int or (B,) int32.
        keys: Random numbers (B, A) float32 in 0..1.

    Returns:
        A subset (B, A) bool of `mask` with min(count, mask.sum()) entries per
        row.

    Example:

    >>> import numpy as np
    >>> mask = np.array([[True, True, False, True]])
    >>> keys = np.array([[0.3, 0.1, 0.0, 0.2]], "float32")
    >>> random_subset(mask, 2, keys)[0].numpy()
    array([False,  True, False,  True])
    """
    order = ops.argsort(ops.where(mask, keys, 2.0), axis=-1)
    rank = ops.argsort(order, axis=-1)
    count = ops.reshape(ops.cast(count, rank.dtype), (-1, 1))
    return mask & (rank < count)


def sample_anchors(
    labels: tf.Tensor,
    keys: tf.Tensor,
    size: int = 256,
    fg_fraction: float = 0.5,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Choose the anchors that a region proposal network trains on.

    Args:
        labels: Labels (B, A) int32 from `label_anchors`.
        keys: Random numbers (B, A) float32 in 0..1.
        size: Number of anchors per image, foreground and background together.
            Defaults to 256.
        fg_fraction: Largest share of foreground. Background fills the rest.
            Defaults to 0.5.

    Returns:
        Two masks (B, A) bool, of foreground and of background.
    """
    foreground = random_subset(labels == 1, int(size * fg_fraction), keys)
    taken = ops.sum(ops.cast(foreground, "int32"), axis=-1)
    background = random_subset(labels == 0, size - taken, keys)
    return foreground, background


def sample_rois(
    overlap: tf.Tensor,
    valid: tf.Tensor,
    keys: tf.Tensor,
    size: int = 128,
    fg_fraction: float = 0.25,
    fg_iou: float = 0.5,
    bg_iou: tuple[float, float] = (0.0, 0.5),
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Choose the regions that a detection head trains on.

    There are always `size` of them, so that shapes are static and never empty.
    If an image has too few candidates, the rest is marked as unused.

    Args:
        overlap: IoU (B, A) float32 with the best object.
        valid: Whether a candidate is a region, (B, A) bool.
        keys: Random numbers (B, A) float32 in 0..1.
        size: R, number of regions per image. Defaults to 128.
        fg_fraction: Largest share of foreground. The number is rounded to the
            nearest integer, a half to the even one, as in py-faster-rcnn.
            Defaults to 0.25.
        fg_iou: Lowest IoU of foreground. Defaults to 0.5.
        bg_iou: IoU of background, from the first number (inclusive) to the
            second (exclusive). Defaults to `(0.0, 0.5)`.

    Returns:
        Indices (B, R) int32 of the candidates, foreground first; whether a
        region is foreground, (B, R) bool; and whether it is used, (B, R) bool.
    """
    low, high = bg_iou
    is_fg = valid & (overlap >= fg_iou)
    is_bg = valid & (overlap >= low) & (overlap < high) & ~is_fg
    foreground = random_subset(is_fg, round(size * fg_fraction), keys)
    taken = ops.sum(ops.cast(foreground, "int32"), axis=-1)
    background = random_subset(is_bg, size - taken, keys)

    priority = 2 * ops.cast(foreground, "int32") + ops.cast(background, "int32")
    shortage = ops.maximum(size - ops.shape(priority)[1], 0)
    priority = ops.pad(priority, [[0, 0], [0, shortage]])
    priority, indices = ops.top_k(priority, size)
    last = ops.shape(overlap)[1] - 1
    return ops.minimum(indices, last), priority == 2, priority > 0
