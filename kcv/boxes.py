"""Geometry of axis-aligned boxes.

A box is (x1, y1, x2, y2), called xyxy, in absolute pixels and half-open: it
covers the columns x1 <= x < x2 and the rows y1 <= y < y2, so its width is
x2 - x1. The Caffe code bases write the same box with inclusive corners,
(x1, y1, x2 - 1, y2 - 1). Where they add one to every side, widths, centers,
areas and IoUs are the same numbers in both conventions. They do so everywhere
but in four places, where kcv differs from them by a pixel or less:

- Fast R-CNN (2015) and R-CNN add a small epsilon instead of one when they
  encode and decode boxes, so that a side is one pixel shorter there.
- py-faster-rcnn decodes to corners that it reads as inclusive. Its detections
  and proposals extend one pixel further right and below than what it encoded.
  `decode` inverts `encode`, and returns the same four numbers.
- A scaled box is (s * x1, s * x2) here and s * (x2 - 1) there, to which one is
  added: 64.0 instead of 63.4 pixels for 40 pixels at s = 1.6.
- Boxes are clipped to the width W here and to W - 1 there.

All functions compute in float32 under every precision policy, because bfloat16
cannot distinguish pixel 513 from pixel 514.

In the shapes below, B is the number of images, N and M are numbers of boxes.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import kcv.backend  # noqa: F401

import tensorflow as tf
from keras import ops
from numpy.typing import ArrayLike

TensorLike: TypeAlias = tf.Tensor | ArrayLike

# Limit of a predicted log-size. Without it, one wild prediction of an untrained
# network would overflow in exp(). No image is 62 times as large as an anchor.
MAX_LOG_SIZE = math.log(1000 / 16)

# Lower limit of a side inside a logarithm. The sides of padding boxes are zero.
MIN_SIDE = 1e-3


def area(boxes: TensorLike) -> tf.Tensor:
    """Compute the area of each box.

    Args:
        boxes: Boxes. Tensor (..., 4), xyxy in pixels.

    Returns:
        Areas in square pixels. Float32 tensor (...). The area of an inverted
        box is zero.

    Example:

    >>> float(area([[2.0, 1.0, 5.0, 3.0]])[0])
    6.0
    """
    boxes = ops.cast(boxes, "float32")
    sides = ops.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    return sides[..., 0] * sides[..., 1]


def iou_matrix(a: TensorLike, b: TensorLike) -> tf.Tensor:
    """Compute the intersection over union of every pair of boxes.

    Args:
        a: First set of boxes. Tensor (..., N, 4), xyxy in pixels.
        b: Second set of boxes. Tensor (..., M, 4), xyxy in pixels.

    Returns:
        IoUs in [0, 1]. Float32 tensor (..., N, M). The IoU of two empty boxes
        is zero, so padding boxes overlap nothing.

    Example:

    >>> float(iou_matrix([[0.0, 0, 2, 2]], [[1.0, 0, 3, 2]])[0, 0])
    0.3333333432674408
    """
    a = ops.cast(a, "float32")[..., :, None, :]
    b = ops.cast(b, "float32")[..., None, :, :]
    intersection = _intersection(a, b)
    union = area(a) + area(b) - intersection
    return intersection / ops.where(union > 0, union, 1.0)


def coverage_matrix(a: TensorLike, b: TensorLike) -> tf.Tensor:
    """Compute the share of each box that lies inside each other box.

    This is how COCO measures the overlap of a box with a crowd, in which other
    boxes may stand beside it.

    Args:
        a: Boxes that may be covered. Tensor (..., N, 4), xyxy in pixels.
        b: Boxes that cover. Tensor (..., M, 4), xyxy in pixels.

    Returns:
        Area of the intersection over the area of the first box, in [0, 1].
        Float32 tensor (..., N, M). The share of an empty box is zero.

    Example:

    >>> float(coverage_matrix([[0.0, 0, 2, 2]], [[1.0, 0, 9, 9]])[0, 0])
    0.5
    """
    a = ops.cast(a, "float32")[..., :, None, :]
    b = ops.cast(b, "float32")[..., None, :, :]
    own = area(a)
    return _intersection(a, b) / ops.where(own > 0, own, 1.0)


def _intersection(a, b):
    """Compute the area that boxes (..., 4) and (..., 4) have in common."""
    corner = ops.maximum(a[..., :2], b[..., :2])
    opposite = ops.minimum(a[..., 2:], b[..., 2:])
    sides = ops.maximum(opposite - corner, 0.0)
    return sides[..., 0] * sides[..., 1]


def centers_and_sides(boxes: TensorLike) -> tuple[tf.Tensor, tf.Tensor]:
    """Compute the center and the sides of each box.

    Args:
        boxes: Boxes. Tensor (..., 4), xyxy in pixels.

    Returns:
        The tuple (centers, sides). Centers are (x, y) and sides are (width,
        height), both float32 tensors (..., 2) in pixels.

    Example:

    >>> centers, sides = centers_and_sides([2.0, 1.0, 5.0, 3.0])
    >>> [float(x) for x in centers], [float(x) for x in sides]
    ([3.5, 2.0], [3.0, 2.0])
    """
    boxes = ops.cast(boxes, "float32")
    sides = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + 0.5 * sides, sides


def encode(
    boxes: TensorLike,
    anchors: TensorLike,
    std: Sequence[float] = (1.0, 1.0, 1.0, 1.0),
) -> tf.Tensor:
    """Encode boxes as offsets from anchors.

    This is the parametrization of R-CNN (Girshick et al. 2014, appendix C): the
    shift of the center in units of the sides of the anchor, and the logarithm
    of the ratio of the sides. `decode` is the inverse.

    Args:
        boxes: Boxes to encode. Tensor (..., 4), xyxy in pixels. A padding box
            of zeros gives finite numbers without meaning.
        anchors: Reference boxes. Tensor (..., 4), xyxy in pixels. Sides below
            0.001 pixels are taken as 0.001, so that the offsets are finite.
        std: Four numbers by which the offsets are divided. Defaults to ones.

    Returns:
        Offsets (dx, dy, dw, dh) without unit. Float32 tensor (..., 4).

    Example:

    >>> offsets = encode([[5.0, 0, 15, 10]], [[0.0, 0, 10, 10]])
    >>> [float(offset) for offset in offsets[0]]
    [0.5, 0.0, 0.0, 0.0]
    """
    centers, sides = centers_and_sides(boxes)
    anchor_centers, anchor_sides = centers_and_sides(anchors)
    anchor_sides = ops.maximum(anchor_sides, MIN_SIDE)
    shift = (centers - anchor_centers) / anchor_sides
    growth = ops.log(ops.maximum(sides, MIN_SIDE) / anchor_sides)
    return ops.concatenate([shift, growth], axis=-1) / ops.array(std, "float32")


def decode(
    deltas: TensorLike,
    anchors: TensorLike,
    std: Sequence[float] = (1.0, 1.0, 1.0, 1.0),
) -> tf.Tensor:
    """Apply offsets to anchors.

    This is the inverse of `encode`.

    Args:
        deltas: Offsets (dx, dy, dw, dh) without unit. Tensor (..., 4). Values
            of dw and dh above log(1000 / 16) are reduced to it. (The codes of
            the papers have no limit.)
        anchors: Reference boxes. Tensor (..., 4), xyxy in pixels.
        std: Four numbers by which the offsets were divided. Defaults to ones.

    Returns:
        Boxes, which may extend beyond the image. Float32 tensor (..., 4), xyxy
        in pixels.

    Example:

    >>> boxes = decode([[0.5, 0.0, 0.0, 0.0]], [[0.0, 0, 10, 10]])
    >>> [float(x) for x in boxes[0]]
    [5.0, 0.0, 15.0, 10.0]
    """
    deltas = ops.cast(deltas, "float32") * ops.array(std, "float32")
    anchor_centers, anchor_sides = centers_and_sides(anchors)
    centers = anchor_centers + deltas[..., :2] * anchor_sides
    growth = ops.minimum(deltas[..., 2:], MAX_LOG_SIZE)
    half = 0.5 * anchor_sides * ops.exp(growth)
    return ops.concatenate([centers - half, centers + half], axis=-1)


def clip(boxes: TensorLike, image_sizes: TensorLike) -> tf.Tensor:
    """Clip boxes to their images.

    Args:
        boxes: Boxes. Tensor (B, N, 4), xyxy in pixels.
        image_sizes: Height and width of each image in pixels. Tensor (B, 2).

    Returns:
        Boxes with 0 <= x <= width and 0 <= y <= height. Float32 tensor
        (B, N, 4). A box that lies right of its image or below becomes empty.
        (The Caffe code bases leave a strip of one pixel of it.)

    Example:

    >>> [float(x) for x in clip([[[-3.0, 2, 9, 30]]], [[20, 8]])[0, 0]]
    [0.0, 2.0, 8.0, 20.0]
    """
    boxes = ops.cast(boxes, "float32")
    sizes = ops.cast(image_sizes, "float32")
    height, width = sizes[:, 0], sizes[:, 1]
    limits = ops.stack([width, height, width, height], axis=-1)[:, None, :]
    return ops.minimum(ops.maximum(boxes, 0.0), limits)
