"""Pictures as the optimisations of this chapter take them."""

import numpy as np
import tensorflow as tf


def picture(image, name: str, least: int) -> tf.Tensor:
    """Bring a picture into the form of a batch of one.

    Args:
        image: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), 0..255. Grey becomes
            three equal channels; alpha is dropped, as by `decode_image`.
        name: what an error calls it.
        least: pixels that its shorter side must have.

    Returns:
        (1, H, W, 3) float32, 0..255.

    Raises:
        ValueError: if it is no such picture, or too small, or not finite; or
            of floats that are 0..1 by the looks of them.
    """
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"{name} must be a picture (H, W, 3), or grey, or with alpha. "
            f"Received: shape {image.shape}"
        )
    if min(image.shape[:2]) < least:
        raise ValueError(
            f"{name} must have {least} pixels on its shorter side at least, "
            "so that every layer of the network sees something. Received: "
            f"{image.shape[1]} x {image.shape[0]} pixels"
        )
    pixels = image[..., :3].astype("float32")
    pixels = np.broadcast_to(pixels, (*image.shape[:2], 3))
    if not (np.isfinite(pixels).all() and pixels.min() >= 0):
        raise ValueError(f"{name} must have pixels in 0..255")
    if pixels.max() > 255:
        raise ValueError(
            f"{name} must have pixels in 0..255. Received: {pixels.max()}"
        )
    if image.dtype.kind == "f" and 0 < pixels.max() <= 1:
        raise ValueError(
            f"{name} must have pixels in 0..255, but has {image.dtype} of "
            f"{pixels.max()} at most: multiply them by 255"
        )
    return tf.constant(pixels[None])


def to_pixels(image) -> np.ndarray:
    """Clip and round a picture (1, H, W, 3) to (H, W, 3) uint8."""
    image = np.asarray(image)[0]
    return np.rint(np.clip(image, 0, 255)).astype(np.uint8)


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
