"""Cutting boxes out of images or maps, where pixels are squares."""

import tensorflow as tf


def grow_boxes(boxes: tf.Tensor, context: float) -> tf.Tensor:
    """Enlarge boxes about their centers.

    Args:
        boxes: Boxes (..., 4) xyxy.
        context: Factor by which the sides grow.

    Returns:
        Boxes (..., 4) xyxy.
    """
    center = (boxes[..., :2] + boxes[..., 2:]) / 2
    half = (boxes[..., 2:] - boxes[..., :2]) / 2 * context
    return tf.concat([center - half, center + half], -1)


def cut(
    maps: tf.Tensor,
    boxes: tf.Tensor,
    owners: tf.Tensor,
    size: tuple[int, int] | tf.Tensor,
    method: str = "bilinear",
    outside: float = 0.0,
) -> tf.Tensor:
    """Cut boxes out of maps and resize them, where pixels are squares.

    Args:
        maps: Images or maps (B, H, W, C).
        boxes: Boxes (N, 4) float32, half-open xyxy in pixels.
        owners: Index of the map that each box belongs to, (N,) int32.
        size: Height and width of the output, in pixels. Two integers, or
            integer tensor (2,).
        method: "bilinear" or "nearest". Defaults to "bilinear".
        outside: Value outside of the map. Defaults to 0.0.

    Returns:
        Contents of the boxes, (N, height, width, C) float32.
    """
    sides = tf.cast(tf.shape(maps)[1:3], "float32")
    size = tf.convert_to_tensor(size)
    steps = tf.cast(size, "float32")
    first, last = boxes[:, 1::-1], boxes[:, :1:-1]  # y, x
    half = (last - first) / steps / 2
    # Centers of the first and the last pixel, in maps with a rim of one pixel,
    # because the area between the outermost centers and the edge is inside.
    first, last = first + half + 0.5, last - half + 0.5
    maps = tf.pad(maps, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    corners = tf.concat([first, last], -1) / tf.tile(sides + 1, [2])
    found = tf.image.crop_and_resize(
        maps, corners, owners, size, method, extrapolation_value=outside
    )

    def inside(axis):
        count = size[axis]
        number = tf.cast(tf.range(count), "float32")
        place = first[:, axis, None] + 2 * half[:, axis, None] * number
        return (place >= 0.5) & (place <= sides[axis] + 0.5)

    here = inside(0)[:, :, None] & inside(1)[:, None, :]
    return tf.where(here[..., None], found, outside)
