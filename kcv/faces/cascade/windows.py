"""Square windows of an image, resized to what a network sees.

Shapes: an image of H x W pixels, N windows, S pixels along a side.
"""

import math

import tensorflow as tf

from kcv.boxes import TensorLike

# Octaves of an image: the last one has 1 / 512 of its sides.
_OCTAVES = 10
# What lies outside of an image: gray, which the networks scale to 0.
OUTSIDE = 127.5


def octaves(image: tf.Tensor) -> list[tf.Tensor]:
    """Halve an image again and again.

    Args:
        image: Image (H, W, 3) float32.

    Returns:
        Ten images (1, H', W', 3). Image k has ceil(H / 2 ** k) x
        ceil(W / 2 ** k) pixels, each the mean of the 2 ** k x 2 ** k pixels
        that it stands for.
    """
    levels = [image[None]]
    for _ in range(_OCTAVES - 1):
        levels.append(tf.nn.avg_pool2d(levels[-1], 2, 2, "SAME"))
    return levels


def crop_windows(
    levels: list[tf.Tensor], boxes: tf.Tensor, size: int
) -> tf.Tensor:
    """Crop windows and resize them to one size.

    Each window is taken from the octave where it is reduced by less than two,
    and sampled bilinearly there. So no pixel of a large window is left out, as
    would happen if a large face were sampled from the image itself.

    Args:
        levels: Octaves (1, H', W', 3) of the image, as `octaves` computes them.
        boxes: Windows (N, 4) float32, xyxy in pixels of the image.
        size: S, side of the result in pixels.

    Returns:
        Windows (N, S, S, 3) float32, gray where they leave the image.
    """
    sides = tf.reduce_max(boxes[:, 2:] - boxes[:, :2], axis=1)
    chosen = choose_octave(sides / size)
    corners = sampled_corners(boxes, chosen, levels, (size, size))
    rows = tf.range(tf.shape(boxes)[0])
    windows = [
        sample(level, own, images, (size, size))
        for level, own, images in zip(
            levels,
            tf.dynamic_partition(corners, chosen, _OCTAVES),
            tf.dynamic_partition(tf.zeros_like(rows), chosen, _OCTAVES),
            strict=True,
        )
    ]
    windows = tf.dynamic_stitch(
        tf.dynamic_partition(rows, chosen, _OCTAVES), windows
    )
    windows.set_shape((None, size, size, 3))
    return windows


def choose_octave(reduction: tf.Tensor) -> tf.Tensor:
    """Choose the octave from which a window is reduced by less than two.

    Args:
        reduction: Pixels of the image per pixel of the window. Float32 tensor
            of any shape.

    Returns:
        Index of the octave, int32 of the same shape.
    """
    # A little more, so that 2 ** k itself is not below k by rounding.
    octave = tf.math.log(tf.maximum(reduction, 1.0)) / math.log(2.0) + 1e-4
    return tf.cast(tf.minimum(octave, _OCTAVES - 1.0), "int32")


def sampled_corners(
    boxes: tf.Tensor,
    chosen: tf.Tensor,
    levels: list[tf.Tensor],
    size: TensorLike,
) -> tf.Tensor:
    """Find the centers of the first and the last pixel of windows.

    Args:
        boxes: Windows (N, 4) float32, xyxy in pixels of the image.
        chosen: Index of the octave of each window (N,) int32.
        levels: Octaves (1, H', W', 3) of the image, as `octaves` computes them.
        size: Height and width of the results, in pixels. One pair, or one for
            each window (N, 2).

    Returns:
        Centers (N, 4) float32 yxyx for `sample`, where 0 is the first and 1 the
        last pixel of the octave.
    """
    factor = tf.bitwise.left_shift(1, chosen)[:, None]
    limits = tf.cast((tf.shape(levels[0])[1:3] - 1) // factor, "float32")
    boxes = boxes / tf.cast(factor, "float32")
    ends = tf.reverse(tf.reshape(boxes, (-1, 2, 2)), [2])  # (N, 2, yx)
    first, last = ends[:, 0], ends[:, 1]
    half = 0.5 * (last - first) / tf.cast(size, "float32")
    first, last = first + half - 0.5, last - half - 0.5
    # Half a pixel at the border has no center beyond it.
    first = tf.where((first < 0) & (first >= -0.5), 0.0, first)
    beyond = last - limits
    last = tf.where((beyond > 0) & (beyond <= 0.5), limits, last)
    corners = tf.concat([first, last], axis=1)
    return tf.math.divide_no_nan(corners, tf.tile(limits, [1, 2]))


def sample(
    level: tf.Tensor, corners: tf.Tensor, images: tf.Tensor, size: TensorLike
) -> tf.Tensor:
    """Sample windows of an octave.

    Args:
        level: Octave (1, H, W, 3).
        corners: Corners (N, 4) of windows of the octave, as `sampled_corners`
            computes them.
        images: Zeros (N,) int32, the index of the image of each window.
        size: Height S and width T of the results, in pixels. Two integers, or
            integer tensor (2,).

    Returns:
        Windows (N, S, T, 3) float32, gray where they leave the image.
    """
    return tf.image.crop_and_resize(
        level, corners, images, size, extrapolation_value=OUTSIDE
    )
