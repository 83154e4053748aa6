"""The color spaces in which methods group pixels.

Selective Search uses hsv, lab, rgi, hue and intensity, RandomizedPrim's
linear_lab, opponent, rg and full_hsv.

Every function takes an RGB image (H, W, 3) uint8 and returns the channels of
its color space, (H, W, C) uint8. Only `exact_linear_lab`, with which Objectness
quantizes colors, does not round.
"""

from collections.abc import Callable

import cv2
import numpy as np

# ITU-R BT.709 with the white point D65.
_RGB_TO_XYZ = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ]
)


def hsv(image: np.ndarray) -> np.ndarray:
    """Convert an image to hue, saturation and value.

    Args:
        image: Image (H, W, 3) uint8 RGB.

    Returns:
        Array (H, W, 3) uint8. The hue is in steps of two degrees.
    """
    return cv2.cvtColor(image, cv2.COLOR_RGB2HSV)


def lab(image: np.ndarray) -> np.ndarray:
    """Convert an image to CIE L*a*b*, scaled to 0..255.

    Args:
        image: Image (H, W, 3) uint8 RGB.

    Returns:
        Array (H, W, 3) uint8.
    """
    return cv2.cvtColor(image, cv2.COLOR_RGB2LAB)


def rgi(image: np.ndarray) -> np.ndarray:
    """Compute the shares of red and green in the sum, and the intensity.

    Args:
        image: Image (H, W, 3) uint8 RGB.

    Returns:
        Array (H, W, 3) uint8.
    """
    total = np.maximum(image.sum(-1, dtype=np.float32), 1)
    shares = image[..., :2] * np.float32(255) / total[..., np.newaxis]
    parts = [shares, intensity(image)]
    return np.rint(np.concatenate(parts, -1)).astype(np.uint8)


def hue(image: np.ndarray) -> np.ndarray:
    """Compute the hue of each pixel.

    Args:
        image: Image (H, W, 3) uint8 RGB.

    Returns:
        Array (H, W, 1) uint8, in steps of two degrees.
    """
    return hsv(image)[..., :1]


def intensity(image: np.ndarray) -> np.ndarray:
    """Compute the gray value of each pixel.

    Args:
        image: Image (H, W, 3) uint8 RGB.

    Returns:
        Array (H, W, 1) uint8.
    """
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., np.newaxis]


def linear_lab(image: np.ndarray) -> np.ndarray:
    """Convert an image to CIE L*a*b* as if RGB had no gamma.

    Args:
        image: Image (H, W, 3) uint8 RGB.

    Returns:
        Array (H, W, 3) uint8. L* is scaled to 0..255.
    """
    scaled = exact_linear_lab(image) * [2.55, 1, 1] + [0, 128, 128]
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def exact_linear_lab(image: np.ndarray) -> np.ndarray:
    """Convert an image to CIE L*a*b* as if RGB had no gamma, without rounding.

    Args:
        image: Image (H, W, 3) uint8 RGB.

    Returns:
        Array (H, W, 3) float64.
    """
    # OpenCV's conversion differs in dark colors, by 1 after rounding.
    x, y, z = np.moveaxis(image / 255 @ _RGB_TO_XYZ.T, -1, 0)
    x, y, z = (
        np.where(part > 0.008856, np.cbrt(part), 7.787 * part + 16 / 116)
        for part in (x / 0.950456, y, z / 1.088754)
    )
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def opponent(image: np.ndarray) -> np.ndarray:
    """Compute red-green, yellow-blue and the sum of each pixel.

    Args:
        image: Image (H, W, 3) uint8 RGB.

    Returns:
        Array (H, W, 3) uint8. Each channel is stretched to 0..255.
    """
    r, g, b = np.moveaxis(image.astype(float), -1, 0)
    parts = [
        (r - g) / np.sqrt(2),
        (r + g - 2 * b) / np.sqrt(6),
        (r + g + b) / np.sqrt(3),
    ]
    channels = np.stack(parts, -1)
    lowest, highest = channels.min((0, 1)), channels.max((0, 1))
    spread = np.where(highest > lowest, highest - lowest, 1)
    return ((channels - lowest) / spread * 255).astype(np.uint8)


def rg(image: np.ndarray) -> np.ndarray:
    """Compute the shares of red and green in the sum, and the mean.

    Args:
        image: Image (H, W, 3) uint8 RGB.

    Returns:
        Array (H, W, 3) uint8, rounded down.
    """
    total = image.sum(-1, keepdims=True, dtype=float)
    shares = image[..., :2] * 255.0 / np.maximum(total, 1)
    return np.concatenate([shares, total / 3], -1).astype(np.uint8)


def full_hsv(image: np.ndarray) -> np.ndarray:
    """Convert an image to hue, saturation and value in 0..255.

    Args:
        image: Image (H, W, 3) uint8 RGB.

    Returns:
        Array (H, W, 3) uint8.
    """
    values = image / 255
    highest = values.max(-1, keepdims=True)
    shares = values / np.where(highest > 0, highest, 1)
    lowest = shares.min(-1, keepdims=True)
    saturation = np.where(highest > 0, 1 - lowest, 0)
    # The order of these operations decides how halves are rounded.
    pure = (shares - lowest) / np.where(saturation > 0, saturation, 1)
    r, g, b = np.moveaxis(pure, -1, 0)
    red, green, _ = np.moveaxis(values == highest, -1, 0)
    degrees = np.select(
        [red & (g < b), red, green],
        [360 + 60 * (g - b), 60 * (g - b), 120 + 60 * (b - r)],
        240 + 60 * (r - g),
    )
    hue = degrees[..., np.newaxis] / 360
    parts = np.concatenate([hue, saturation, highest], -1)
    return np.floor(parts * 255 + 0.5).astype(np.uint8)


#: Functions from an RGB image to its channels, by name.
COLOR_SPACES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hsv": hsv,
    "lab": lab,
    "rgi": rgi,
    "hue": hue,
    "intensity": intensity,
    "linear_lab": linear_lab,
    "opponent": opponent,
    "rg": rg,
    "full_hsv": full_hsv,
}
