"""Class weights that balance rare and frequent classes."""

from collections.abc import Iterable

import numpy as np

from kcv.examples import VOID

#: The authors' weights for CamVid's 11 classes: sky, building, pole, road,
#: pavement, tree, sign, fence, car, pedestrian, bicyclist. No class has the
#: weight 1, that of the median, so the median seems to include void.
CAMVID_WEIGHTS = (
    *(0.2595, 0.1826, 4.5640, 0.1417, 0.9051, 0.3826),
    *(9.6446, 1.8418, 0.6823, 6.2478, 7.3614),
)


def median_frequency_weights(
    masks: Iterable[np.ndarray], classes: int, void: int = VOID
) -> np.ndarray:
    """Compute class weights by median frequency (Eigen and Fergus 2015).

    Let freq(c) be the share of class c in the pixels of the images that contain
    the class. The weight of the class is the median of the frequencies of all
    classes divided by freq(c), as in SegNet (Badrinarayanan et al. 2015).

    Args:
        masks: Labels (H, W) or (B, H, W) of all images.
        classes: Number of classes C, including background.
        void: Label of pixels that do not count. Defaults to 255.

    Returns:
        Weights (C,) float32, 0 for a class that never occurs.

    Raises:
        ValueError: If a label is not a class and not void.

    Example:

    >>> mask = np.repeat([0, 1, 2, 255], [1, 2, 4, 3]).reshape(1, 10)
    >>> median_frequency_weights([mask], classes=3)
    array([2. , 1. , 0.5], dtype=float32)
    """
    pixels, of_images = np.zeros(classes), np.zeros(classes)
    for batch in masks:
        batch = np.asarray(batch)
        for mask in batch.reshape(-1, *batch.shape[-2:]):
            labels = mask[mask != void]
            if labels.size and not 0 <= labels.min() <= labels.max() < classes:
                raise ValueError(
                    f"`masks` must have labels below classes={classes}, or "
                    f"void={void}. Received: {labels.min()} to {labels.max()}"
                )
            counts = np.bincount(labels.ravel(), minlength=classes)
            pixels += counts
            of_images += labels.size * (counts > 0)
    there = pixels > 0
    frequency = pixels[there] / of_images[there]
    weights = np.zeros(classes, np.float32)
    if there.any():
        weights[there] = np.median(frequency) / frequency
    return weights
