"""Boxes cut out of maps, and put back, pixels being squares."""

import tensorflow as tf


def grown(boxes: tf.Tensor, context: float) -> tf.Tensor:
    """Let boxes (..., 4) xyxy grow to `context` times their sides."""
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
    """Cut boxes out of maps and scale them, pixels being squares.

    Args:
        maps: (B, H, W, C).
        boxes: (N, 4) float32 xyxy, half-open.
        owners: (N,) int32, which of the maps a box is of.
        size: height and width of what comes out.
        method: "bilinear" or "nearest".
        outside: value of what lies outside the map.

    Returns:
        (N, height, width, C) float32.
    """
    sides = tf.cast(tf.shape(maps)[1:3], "float32")
    size = tf.convert_to_tensor(size)
    steps = tf.cast(size, "float32")
    first, last = boxes[:, 1::-1], boxes[:, :1:-1]  # y, x
    half = (last - first) / steps / 2
    # Centers of the first and the last pixel, on maps with a rim of one: what
    # lies between the outermost centers and the edge is inside.
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
