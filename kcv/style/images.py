"""Pictures as the optimisations of this chapter take them."""

import numpy as np
import tensorflow as tf

from kcv.pixels import to_rgb


def picture(image, name: str, least: int) -> tf.Tensor:
    """Convert a picture to a batch of one.

    Args:
        image: Array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of numbers in
            0..255, see `kcv.pixels`.
        name: Name of the argument in error messages.
        least: Minimum length of the shorter side, in pixels.

    Returns:
        Tensor (1, H, W, 3), float32, 0..255.

    Raises:
        ValueError: If `image` has another shape, is too small, holds values
            that are not finite or not in 0..255, or holds floats that look
            like a picture in 0..1.
    """
    pixels = to_rgb(image, name, dtype="float32")
    height, width = pixels.shape[:2]
    if min(height, width) < least:
        raise ValueError(
            f"`{name}` must have at least {least} pixels on its shorter side, "
            "so that every layer of the network has an output. Received: "
            f"{width} x {height} pixels"
        )
    if np.asarray(image).dtype.kind == "f" and 0 < pixels.max() <= 1:
        raise ValueError(
            f"`{name}` must have values in 0..255. Received: floats of at most "
            f"{pixels.max()}. Multiply them by 255"
        )
    return tf.constant(pixels[None])


def to_pixels(image) -> np.ndarray:
    """Clip and round a picture (1, H, W, 3) to (H, W, 3) uint8."""
    return to_rgb(np.asarray(image)[0], clip=True)


def keep_colors(image, content):
    """Give a picture the colours of another: its Y, the other's U and V.

    As `original_colors` of neural-style.

    Args:
        image: (B, H, W, 3), RGB 0..255.
        content: of the same shape, whose colours are wanted.

    Returns:
        Of the same shape, within 0..255.
    """
    brightness = tf.image.rgb_to_yuv(tf.clip_by_value(image, 0, 255))[..., :1]
    colors = tf.image.rgb_to_yuv(content)[..., 1:]
    mixed = tf.image.yuv_to_rgb(tf.concat([brightness, colors], -1))
    return tf.clip_by_value(mixed, 0, 255)
