"""The colour spaces in which Selective Search groups pixels."""

from collections.abc import Callable

import cv2
import numpy as np


def hsv(image):
    """Hue in steps of two degrees, saturation and value in 0..255."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2HSV)


def lab(image):
    """CIE L*a*b*, scaled to 0..255."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2LAB)


def rgi(image):
    """Red and green as shares of the sum, and the intensity."""
    total = np.maximum(image.sum(-1, dtype=np.float32), 1)
    shares = 255 * image[..., :2] / total[..., np.newaxis]
    parts = [shares, intensity(image)]
    return np.rint(np.concatenate(parts, -1)).astype(np.uint8)


def hue(image):
    """The hue alone."""
    return hsv(image)[..., :1]


def intensity(image):
    """The grey value alone."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., np.newaxis]


#: From RGB (H, W, 3) uint8 to channels (H, W, C) uint8, by name.
COLOUR_SPACES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hsv": hsv,
    "lab": lab,
    "rgi": rgi,
    "hue": hue,
    "intensity": intensity,
}
