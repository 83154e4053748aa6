"""Pictures for the recipes of style: photographs of kcv, or files."""

from pathlib import Path

import numpy as np
import tensorflow as tf

import kcv
from kcv.data.embedded.scenes.material import PHOTOGRAPHS
from kcv.data.embedded.scenes.material import RAW

EMBEDDED = tuple(sorted(PHOTOGRAPHS["train"] + PHOTOGRAPHS["test"]))


def open_picture(name: str, size: int) -> np.ndarray:
    """Read a picture and scale its longer side.

    Args:
        name: Name of an embedded photograph, see `EMBEDDED`, or image file.
        size: Longer side in pixels.

    Returns:
        Image (H, W, 3) uint8, RGB.

    Raises:
        FileNotFoundError: If there is neither.
        ValueError: If the file cannot be decoded.
    """
    file = RAW / f"{name}.jpg" if name in EMBEDDED else Path(name)
    if not file.exists():
        raise FileNotFoundError(
            f"there is no image file {name}, and no photograph of that name "
            f"comes with kcv: those are {', '.join(EMBEDDED)}"
        )
    return scale_picture(kcv.data.read_image(file), size)


def scale_picture(image: np.ndarray, size: int) -> np.ndarray:
    """Scale the longer side of an image (H, W, 3) uint8 to `size` pixels."""
    sides = np.array(image.shape[:2])
    sides = np.maximum(np.rint(sides * size / sides.max()), 1).astype(int)
    found = tf.image.resize(image, sides, antialias=True)
    return tf.cast(tf.round(found), tf.uint8).numpy()
