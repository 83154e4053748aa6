"""Non-maximum suppression of face windows, per scale or across scales.

Shapes: N windows of one image, K of them that are kept.
"""

import tensorflow as tf

from kcv import boxes as box_geometry


def suppress(
    boxes: tf.Tensor,
    scores: tf.Tensor,
    iou: float,
    smaller: float | None = None,
    groups: tf.Tensor | None = None,
    max_outputs: int = 1000,
) -> tf.Tensor:
    """Keep the best of windows that overlap.

    Args:
        boxes: Windows (N, 4) float32, xyxy in pixels.
        scores: Scores (N,) float32.
        iou: IoU above which the window of the lower score is dropped.
        smaller: Share of the smaller window that lies inside the other, above
            which the window of the lower score is dropped as well. If None,
            there is no rule. Defaults to None.
        groups: Number of the scale of each window (N,), int32. Windows of
            different scales do not suppress each other. None for one group.
            Defaults to None.
        max_outputs: Largest number K of windows. Defaults to 1,000.

    Returns:
        Indices (K,) int32 of the windows that are kept, by decreasing score.
    """
    if groups is not None:
        # Scales are laid side by side, where they do not meet.
        low, high = tf.reduce_min(boxes), tf.reduce_max(boxes)
        boxes += (tf.cast(groups, "float32") * (high - low + 1.0))[:, None]
    if smaller is None:
        return tf.image.non_max_suppression(boxes, scores, max_outputs, iou)
    return tf.image.non_max_suppression_overlaps(
        tf.maximum(
            box_geometry.iou_matrix(boxes, boxes) / max(iou, 1e-6),
            share_of_smaller(boxes) / max(smaller, 1e-6),
        ),
        scores,
        max_outputs,
        overlap_threshold=1.0,
    )


def best_of_neighbors(
    boxes: tf.Tensor, scores: tf.Tensor, iou: float, of_smaller: bool = False
) -> tf.Tensor:
    """Keep the windows that overlap no better one.

    Unlike greedy suppression, a window that is dropped itself still drops
    others. So fewer windows are left.

    Args:
        boxes: Windows (N, 4) float32, xyxy in pixels.
        scores: Scores (N,) float32. Of equal scores the first one is better.
        iou: Overlap with a better window above which a window is dropped.
        of_smaller: Whether the overlap is the share of the smaller window that
            lies inside the other one, instead of the IoU. Defaults to False.

    Returns:
        Indices (K,) int32 of the windows that are kept, by decreasing score.
    """
    order = tf.argsort(scores, direction="DESCENDING", stable=True)
    boxes = tf.gather(boxes, order)
    if of_smaller:
        overlaps = share_of_smaller(boxes)
    else:
        overlaps = box_geometry.iou_matrix(boxes, boxes)
    # Column n has the overlaps of window n with better ones, above the
    # diagonal.
    better = tf.linalg.band_part(overlaps, 0, -1)
    better = tf.linalg.set_diag(better, tf.zeros_like(scores))
    return tf.gather(order, tf.where(tf.reduce_all(better <= iou, 0))[:, 0])


def share_of_smaller(boxes: tf.Tensor) -> tf.Tensor:
    """Compute the intersection of each pair over the area of the smaller box.

    Args:
        boxes: Boxes (N, 4) float32, xyxy in pixels.

    Returns:
        Shares (N, N) float32 in [0, 1].
    """
    first, second = boxes[:, None], boxes[None]
    corner = tf.maximum(first[..., :2], second[..., :2])
    opposite = tf.minimum(first[..., 2:], second[..., 2:])
    intersection = tf.reduce_prod(tf.maximum(opposite - corner, 0.0), axis=-1)
    areas = box_geometry.area(boxes)
    smaller = tf.minimum(areas[:, None], areas[None])
    return tf.math.divide_no_nan(intersection, smaller)
