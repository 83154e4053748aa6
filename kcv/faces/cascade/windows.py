"""Square windows of an image, resized to what a network sees.

Shapes: an image of H x W pixels, N windows, S pixels along a side.
"""

import math

import tensorflow as tf

# Octaves of an image: the last one has 1 / 512 of its sides.
_OCTAVES = 10
# What lies outside of an image: gray, which the networks scale to 0.
OUTSIDE = 127.5


def octaves(image: tf.Tensor) -> list[tf.Tensor]:
    """Halve an image again and again.

    Args:
        image: Image (H, W, 3) float32.

    Returns:
        Ten images. Image k has ceil(H / 2 ** k) x ceil(W / 2 ** k) pixels,
        each the mean of the 2 ** k x 2 ** k pixels that it stands for, and is
        surrounded by a copy of its outermost pixels.
    """
    levels = [image[None]]
    for _ in range(_OCTAVES - 1):
        levels.append(tf.nn.avg_pool2d(levels[-1], 2, 2, "SAME"))
    around = [[0, 0], [1, 1], [1, 1], [0, 0]]
    return [tf.pad(level, around, "SYMMETRIC") for level in levels]


def crop_windows(
    levels: list[tf.Tensor], boxes: tf.Tensor, size: int
) -> tf.Tensor:
    """Crop windows and resize them to one size.

    Each window is taken from the octave where it is reduced by less than two,
    and sampled bilinearly there. So no pixel of a large window is left out, as
    would happen if a large face were sampled from the image itself.

    Args:
        levels: What `octaves` returned for the image.
        boxes: Windows (N, 4) float32, xyxy in pixels of the image.
        size: S, side of the result in pixels.

    Returns:
        Windows (N, S, S, 3) float32, gray where they leave the image.
    """
    sides = tf.reduce_max(boxes[:, 2:] - boxes[:, :2], axis=1)
    chosen = octave_of(sides / size)
    rows, parts = [], []
    for number, level in enumerate(levels):
        own = tf.where(chosen == number)[:, 0]
        rows.append(tf.cast(own, "int32"))
        parts.append(
            sample(level, tf.gather(boxes, own) / 2**number, (size, size))
        )
    windows = tf.dynamic_stitch(rows, parts)
    windows.set_shape((None, size, size, 3))
    return windows


def octave_of(reduction: tf.Tensor) -> tf.Tensor:
    """Choose the octave from which a window is reduced by less than two.

    Args:
        reduction: Pixels of the image per pixel of the window, float32.

    Returns:
        Index of the octave, int32 of the same shape.
    """
    # A little more, so that 2 ** k itself is not below k by rounding.
    octave = tf.math.log(tf.maximum(reduction, 1.0)) / math.log(2.0) + 1e-4
    return tf.cast(tf.minimum(octave, _OCTAVES - 1.0), "int32")


def sample(level: tf.Tensor, boxes: tf.Tensor, size) -> tf.Tensor:
    """Sample windows of an octave at the centers of their new pixels.

    Args:
        level: Octave (1, H + 2, W + 2, 3) with its border.
        boxes: Windows (N, 4) xyxy in pixels of the octave without the border.
        size: Height and width of the result, each at least 2.

    Returns:
        Windows (N, height, width, 3) float32.
    """
    limits = tf.cast(tf.shape(level)[1:3] - 1, "float32")
    ends = tf.reverse(tf.reshape(boxes, (-1, 2, 2)), [2])  # (N, 2, yx)
    first, last = ends[:, 0], ends[:, 1]
    half = 0.5 * (last - first) / tf.cast(size, "float32")
    # The border moves the centers of pixels from .5 to 1.
    corners = tf.concat([first + half, last - half], axis=1) + 0.5
    return tf.image.crop_and_resize(
        level,
        corners / tf.tile(limits, [2]),
        tf.zeros(tf.shape(boxes)[:1], "int32"),
        size,
        extrapolation_value=OUTSIDE,
    )
