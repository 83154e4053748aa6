"""Pictures for the recipes of style: photographs of kcv, or files."""

from pathlib import Path

import numpy as np
import tensorflow as tf

import kcv
from kcv.data.embedded.scenes.material import PHOTOGRAPHS
from kcv.data.embedded.scenes.material import RAW
from kcv.style.gatys import STARTS

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


def open_start(name: str, size: int) -> str | np.ndarray:
    """Return what an optimization begins with.

    Args:
        name: Kind of the start, see `kcv.style.neural_style`, or image file.
        size: Longer side in pixels of an image.

    Returns:
        The kind, or the image (H, W, 3) uint8, RGB.
    """
    return name if name in STARTS else open_picture(name, size)


def weigh_losses(
    objective: str, loss_weights: kcv.style.LossWeights, content: np.ndarray
) -> kcv.style.LossWeights:
    """Choose the weights of the losses for the size of the content.

    Args:
        objective: "paper", or the name of a preset of `LossWeights`.
        loss_weights: Weights for "paper".
        content: Content image (H, W, 3).

    Returns:
        The weights.
    """
    if objective == "paper":
        return loss_weights
    return getattr(kcv.style.LossWeights, objective)(*content.shape[:2])


def scale_picture(image: np.ndarray, size: int) -> np.ndarray:
    """Scale the longer side of an image (H, W, 3) uint8 to `size` pixels."""
    sides = np.array(image.shape[:2])
    sides = np.maximum(np.rint(sides * size / sides.max()), 1).astype(int)
    found = tf.image.resize(image, sides, antialias=True)
    return tf.cast(tf.round(found), tf.uint8).numpy()
