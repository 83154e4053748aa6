"""Label maps drawn on their images by NumPy alone."""

import numpy as np
from numpy.typing import ArrayLike

from kcv.pixels import to_rgb


def voc_palette() -> np.ndarray:
    """Return the colors of PASCAL VOC's masks.

    The three lowest bits of a label are the highest bits of its red, green and
    blue. Its next three bits are the second highest bits, and so on.

    Returns:
        Palette (256, 3) uint8 RGB. Background, 0, is black. Void, 255, has the
        beige of the rims in VOC.

    Example:

    >>> voc_palette()[[0, 1, 15, 255]].tolist()
    [[0, 0, 0], [128, 0, 0], [192, 128, 128], [224, 224, 192]]
    """
    labels = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for place in range(3):
        for channel in range(3):
            bit = labels >> (3 * place + channel) & 1
            palette[:, channel] |= (bit << (7 - place)).astype(np.uint8)
    return palette


def draw_mask(
    image: ArrayLike, labels: ArrayLike, opacity: float = 0.7
) -> np.ndarray:
    """Blend the colors of a label map with its image, except in background.

    Args:
        image: Image (H, W, 3) or (H, W) with values in [0, 255].
        labels: Label map (H, W) of integers in [0, 255].
        opacity: Opacity of the colors. Float in [0, 1]. Defaults to 0.7.

    Returns:
        Image (H, W, 3) uint8.

    Raises:
        ValueError: If image and label map differ in size.

    Example:

    >>> labels = np.array([[0, 1]])
    >>> draw_mask(np.zeros((1, 2, 3), np.uint8), labels, opacity=1.0)[0, 1]
    array([128,   0,   0], dtype=uint8)
    """
    pixels = to_rgb(image, clip=True)
    labels = np.asarray(labels)
    if labels.shape != pixels.shape[:2]:
        raise ValueError(
            f"`labels` must have the size of the image, {pixels.shape[:2]}. "
            f"Received: shape {labels.shape}"
        )
    share = np.where(labels == 0, 0.0, opacity)[..., None]
    mixed = (1 - share) * pixels + share * voc_palette()[labels]
    return np.rint(mixed).astype(np.uint8)
