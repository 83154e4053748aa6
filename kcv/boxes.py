"""Geometry of axis-aligned boxes.

A box is (x1, y1, x2, y2) in absolute pixels, half-open: it covers the columns
x1 <= x < x2, so its width is x2 - x1. The Caffe code bases write the same box
with inclusive corners, (x1, y1, x2 - 1, y2 - 1), and add one to every side;
widths, centres, areas and IoUs are the same numbers in both.

Everything is computed in float32, whatever the precision policy: a bfloat16
cannot tell pixel 513 from pixel 514.
"""

import math

from keras import ops

# exp() of a larger log-size would let one wild prediction of an untrained
# network overflow. No image is 62 times as large as an anchor.
MAX_LOG_SIZE = math.log(1000 / 16)

# Stands in for the sides of padding boxes, which are zero, in a logarithm.
MIN_SIDE = 1e-3


def area(boxes):
    """Compute the area of each box.

    Args:
        boxes: (..., 4) xyxy, pixels.

    Returns:
        (...) float32, square pixels; inverted boxes have area zero.

    Example:

    >>> float(area([[2.0, 1.0, 5.0, 3.0]])[0])
    6.0
    """
    boxes = ops.cast(boxes, "float32")
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    return sides[..., 0] * sides[..., 1]


def iou_matrix(a, b):
    """Compute the intersection over union of every pair of boxes.

    Args:
        a: (..., N, 4) xyxy, pixels.
        b: (..., M, 4) xyxy, pixels.

    Returns:
        (..., N, M) float32 in 0..1; zero where both boxes are empty, so
        padding boxes overlap nothing.

    Example:

    >>> float(iou_matrix([[0.0, 0, 2, 2]], [[1.0, 0, 3, 2]])[0, 0])
    0.3333333432674408
    """
    a = ops.cast(a, "float32")[..., :, None, :]
    b = ops.cast(b, "float32")[..., None, :, :]
    corner = ops.maximum(a[..., :2], b[..., :2])
    opposite = ops.minimum(a[..., 2:], b[..., 2:])
    sides = ops.maximum(opposite - corner, 0.0)
    intersection = sides[..., 0] * sides[..., 1]
    union = area(a) + area(b) - intersection
    return intersection / ops.where(union > 0, union, 1.0)


def centers_and_sides(boxes):
    """Split boxes into centres (..., 2) and sides (..., 2), as (x, y)."""
    boxes = ops.cast(boxes, "float32")
    sides = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + 0.5 * sides, sides


def encode(boxes, anchors, std=(1.0, 1.0, 1.0, 1.0)):
    """Express boxes relative to anchors: (dx, dy, dw, dh).

    The parametrisation of R-CNN (Girshick et al. 2014, appendix C): the shift
    of the centre in units of the anchor's sides, and the log of the ratio of
    the sides.

    Args:
        boxes: (..., 4) xyxy, pixels. A padding box of zeros gives finite
            numbers that mean nothing.
        anchors: (..., 4) xyxy, pixels, with positive sides.
        std: the four deltas are divided by these.

    Returns:
        (..., 4) float32, without unit.

    Example:

    >>> [round(float(d), 3) for d in encode([[2.0, 0, 12, 20]], [[0.0, 0, 10, 10]])[0]]
    [0.2, 0.5, 0.0, 0.693]
    """  # noqa: E501
    centers, sides = centers_and_sides(boxes)
    anchor_centers, anchor_sides = centers_and_sides(anchors)
    shift = (centers - anchor_centers) / anchor_sides
    growth = ops.log(ops.maximum(sides, MIN_SIDE) / anchor_sides)
    return ops.concatenate([shift, growth], axis=-1) / ops.array(std, "float32")


def decode(deltas, anchors, std=(1.0, 1.0, 1.0, 1.0)):
    """Invert `encode`: apply (dx, dy, dw, dh) to anchors.

    Args:
        deltas: (..., 4), without unit. dw and dh are clamped at log(1000/16)
            before they are exponentiated.
        anchors: (..., 4) xyxy, pixels.
        std: what the deltas were divided by.

    Returns:
        (..., 4) float32 xyxy, pixels, not clipped to any image.

    Example:

    >>> [float(x) for x in decode([[0.2, 0.5, 0.0, 0.0]], [[0.0, 0, 10, 10]])[0]]
    [2.0, 5.0, 12.0, 15.0]
    """  # noqa: E501
    deltas = ops.cast(deltas, "float32") * ops.array(std, "float32")
    anchor_centers, anchor_sides = centers_and_sides(anchors)
    centers = anchor_centers + deltas[..., :2] * anchor_sides
    growth = ops.minimum(deltas[..., 2:], MAX_LOG_SIZE)
    half = 0.5 * anchor_sides * ops.exp(growth)
    return ops.concatenate([centers - half, centers + half], axis=-1)


def clip(boxes, image_sizes):
    """Clip boxes to their image.

    Args:
        boxes: (B, N, 4) xyxy, pixels.
        image_sizes: (B, 2) height and width, pixels.

    Returns:
        (B, N, 4) float32 with 0 <= x <= width and 0 <= y <= height.

    Example:

    >>> [float(x) for x in clip([[[-3.0, 2, 9, 30]]], [[20, 8]])[0, 0]]
    [0.0, 2.0, 8.0, 20.0]
    """
    boxes = ops.cast(boxes, "float32")
    sizes = ops.cast(image_sizes, "float32")
    height, width = sizes[:, 0], sizes[:, 1]
    limits = ops.stack([width, height, width, height], axis=-1)[:, None, :]
    return ops.minimum(ops.maximum(boxes, 0.0), limits)
