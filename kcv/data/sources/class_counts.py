"""How often each class occurs in a part of a set, without its pixels."""

import logging

import numpy as np

from kcv.data.sources.classification import classification_files
from kcv.data.sources.detection import detection_files


def count_objects(
    source: str, split: str, boxes: str = "raise", validation: float = 0.0
) -> np.ndarray | None:
    """Count the objects of each class in a part of a detection set.

    Objects that are difficult or crowds are not counted.

    Args:
        source: Name of a set, see `kcv.data.load_detection`.
        split: "train" or "test" (held out).
        boxes: "raise", "clip" or "drop", see `kcv.data.load_detection`.
            Defaults to "raise".
        validation: Part of the training images that are held back, and not
            counted. Defaults to 0.

    Returns:
        Numbers by label, (C,) int64, or None if the set is not one's own files.

    Raises:
        ValueError: If an annotation is wrong.
        FileNotFoundError: If files are missing.

    Example:

    >>> count_objects("digit_scenes", "train") is None
    True
    """
    found = _read_quietly(detection_files, source, split, boxes)
    if found is None:
        return None
    if validation:
        found = found.divide(validation, inside=False)
    labels = [
        image.labels[~(image.difficult | image.is_crowd)]
        for image in found.images
    ]
    return np.bincount(np.concatenate(labels), minlength=len(found.class_names))


def count_images(source: str, split: str) -> np.ndarray | None:
    """Count the images of each class in a part of a classification set.

    Args:
        source: Name of a set, see `kcv.data.load_classification`.
        split: "train" or "test" (held out).

    Returns:
        Numbers by label, (C,) int64, or None if the set is not a folder.

    Raises:
        ValueError: If a folder is wrong.
        FileNotFoundError: If a folder is missing.

    Example:

    >>> count_images("digits", "train") is None
    True
    """
    found = _read_quietly(classification_files, source, split)
    if found is None:
        return None
    return np.bincount(found.labels, minlength=len(found.class_names))


def _read_quietly(read, *arguments):
    """Read a set again, whose warnings were logged the first time."""
    log = logging.getLogger("kcv.data")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        return read(*arguments)
    finally:
        log.setLevel(level)
