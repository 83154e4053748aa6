"""Which object does an anchor or a region of interest stand for?

B images, A anchors, N (padded) objects of the ground truth.
"""

from keras import ops

FOREGROUND, BACKGROUND, IGNORE = 1, 0, -1


def match(iou, valid):
    """Find the best object of each candidate.

    Args:
        iou: (B, A, N) IoU of candidates and objects.
        valid: (B, N) bool, False for padding.

    Returns:
        best (B, A) int32, the object's index (0 when there is none), and
        overlap (B, A) float32, its IoU (0 when there is none).
    """
    iou = ops.where(valid[:, None, :], iou, 0.0)
    # An image without objects may come with an N of zero.
    iou = ops.pad(iou, [[0, 0], [0, 0], [0, 1]])
    objects = ops.maximum(ops.shape(valid)[1] - 1, 0)
    best = ops.minimum(ops.argmax(iou, axis=-1), objects)
    return best, ops.max(iou, axis=-1)


def label_anchors(iou, valid, usable, fg_iou=0.7, bg_iou=0.3):
    """Label anchors for the training of a region proposal network.

    The rule of Faster R-CNN (Ren et al. 2015, section 3.1.2) in the order of
    its code: background below `bg_iou`, then foreground for every anchor that
    ties the highest IoU of some object (so each object has an anchor, be the
    IoU ever so small), then foreground from `fg_iou` on; the rest is ignored.
    An object that overlaps no usable anchor has no best anchor: its maximum
    of zero would otherwise tie with every anchor that misses it.

    Args:
        iou: (B, A, N) IoU of anchors and objects.
        valid: (B, N) bool, False for padding.
        usable: (B, A) bool; the others are ignored (those across the border).
        fg_iou: foreground from here on.
        bg_iou: background below.

    Returns:
        (B, A) int32 of FOREGROUND (1), BACKGROUND (0) and IGNORE (-1).

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
