"""Conversion of images for style transfer, and filters for its results."""

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kcv.boxes import TensorLike
from kcv.pixels import to_rgb


def to_batch(image: ArrayLike, name: str, min_side: int) -> tf.Tensor:
    """Convert an image to a batch of one.

    Args:
        image: Array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of numbers in
            [0, 255], see `kcv.pixels`.
        name: Name of the argument in error messages.
        min_side: Minimum length of the shorter side, in pixels.

    Returns:
        Tensor (1, H, W, 3) float32 in [0, 255].

    Raises:
        ValueError: If `image` has another shape, is too small, has values that
            are not finite or not in [0, 255], or has floats that appear to be
            scaled to [0, 1].
    """
    pixels = to_rgb(image, name, dtype="float32")
    height, width = pixels.shape[:2]
    if min(height, width) < min_side:
        raise ValueError(
            f"`{name}` must have at least {min_side} pixels on its shorter "
            "side, so that every layer of the network has an output. Received: "
            f"{width} x {height} pixels"
        )
    if np.asarray(image).dtype.kind == "f" and 0 < pixels.max() <= 1:
        raise ValueError(
            f"`{name}` must have values in 0..255. Received: floats of at most "
            f"{pixels.max()}. Multiply them by 255"
        )
    return tf.constant(pixels[None])


def to_pixels(image: ArrayLike) -> np.ndarray:
    """Clip and round an image, and remove the axis of the batch.

    Args:
        image: Image (1, H, W, 3), RGB in 0..255, with values beyond.

    Returns:
        Image (H, W, 3) uint8.
    """
    return to_rgb(np.asarray(image)[0], clip=True)


def median_filter(images: TensorLike, size: int = 3) -> tf.Tensor:
    """Replace each pixel by the median of a square around it.

    The authors of fast-neural-style apply it with `size=3` to all outputs of
    their networks. A border of (size - 1) / 2 pixels is removed, as in their
    code.

    Args:
        images: Images (B, H, W, C).
        size: Side of the square, in pixels. Odd integer. Defaults to 3.

    Returns:
        Tensor (B, H - size + 1, W - size + 1, C) of the dtype of `images`.

    Raises:
        ValueError: If `size` is not odd and positive.

    Example:

    >>> image = tf.constant([[0.0, 9, 1], [8, 2, 7], [3, 6, 4]])
    >>> float(median_filter(image[None, :, :, None])[0, 0, 0, 0])
    4.0
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(
            f"`size` must be odd and positive. Received: size={size}"
        )
    images = tf.convert_to_tensor(images)
    height, width = tf.unstack(tf.shape(images)[1:3] - size + 1)
    shifted = [
        images[:, top : top + height, left : left + width]
        for top in range(size)
        for left in range(size)
    ]
    return tf.sort(tf.stack(shifted, -1), -1)[..., size * size // 2]


def keep_colors(image: tf.Tensor, content: tf.Tensor) -> tf.Tensor:
    """Combine the brightness of an image with the colors of another.

    The result has Y of the image and U and V of the other, as with
    `original_colors` of neural-style.

    Args:
        image: Images (B, H, W, 3), RGB in [0, 255].
        content: Images of the same shape, whose colors are kept.

    Returns:
        Images of the same shape in [0, 255].
    """
    brightness = tf.image.rgb_to_yuv(tf.clip_by_value(image, 0, 255))[..., :1]
    colors = tf.image.rgb_to_yuv(content)[..., 1:]
    mixed = tf.image.yuv_to_rgb(tf.concat([brightness, colors], -1))
    return tf.clip_by_value(mixed, 0, 255)
