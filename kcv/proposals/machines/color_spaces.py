"""The color spaces in which Selective Search groups pixels.

Every function takes an RGB image (H, W, 3) uint8 and returns the channels of
its color space, (H, W, C) uint8.
"""

from collections.abc import Callable

import cv2
import numpy as np


def hsv(image: np.ndarray) -> np.ndarray:
    """Compute the hue in steps of two degrees, saturation and value."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2HSV)


def lab(image: np.ndarray) -> np.ndarray:
    """Compute CIE L*a*b*, scaled to 0..255."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2LAB)


def rgi(image: np.ndarray) -> np.ndarray:
    """Compute red and green as shares of the sum, and the intensity."""
    total = np.maximum(image.sum(-1, dtype=np.float32), 1)
    shares = 255 * image[..., :2] / total[..., np.newaxis]
    parts = [shares, intensity(image)]
    return np.rint(np.concatenate(parts, -1)).astype(np.uint8)


def hue(image: np.ndarray) -> np.ndarray:
    """Compute the hue alone."""
    return hsv(image)[..., :1]


def intensity(image: np.ndarray) -> np.ndarray:
    """Compute the gray value alone."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., np.newaxis]


#: Functions from an RGB image to its channels, by name.
COLOR_SPACES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hsv": hsv,
    "lab": lab,
    "rgi": rgi,
    "hue": hue,
    "intensity": intensity,
}
