"""How often each class occurs in a part of a dataset, without its pixels."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from kcv.data.embedded.digit_scenes import drawn_labels
from kcv.data.formats.label_maps import read_label_map
from kcv.data.formats.shards import Shards
from kcv.data.formats.tfds import tfds_labels
from kcv.data.sources import classification
from kcv.data.sources import detection
from kcv.data.sources import segmentation
from kcv.data.streams.holdout import validation_rule

# Digit scenes to train on have no end. As many are counted as are held out.
_SCENES = 500
# All 138 GB of ImageNet would have to be read.
_NOT_COUNTED = "imagenet2012"
_BATCH = 1024


def count_classes(
    task: str,
    source: str,
    split: str,
    classes: int,
    *,
    boxes: str = "raise",
    validation: float = 0.0,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Count the objects or the images of each class in a part of a dataset.

    Args:
        task: "detection" to count objects that are neither difficult nor
            crowds, "classification" to count images, or "segmentation" to count
            the images in which a class occurs. Nothing is counted for other
            tasks.
        source: Name of a dataset, see `kcv.data.load_detection`,
            `kcv.data.load_classification` and `kcv.data.load_segmentation`.
        split: "train" or "test" (held out).
        classes: Number of classes C of the dataset.
        boxes: "raise", "clip" or "drop", see `kcv.data.load_detection`.
            Defaults to "raise".
        validation: Part of the training images that is held back, and not
            counted. Float in [0, 1). Defaults to 0.
        seed: Seed of digit scenes to train on. Defaults to 0.

    Returns:
        Numbers by label, (C,) int64, by a heading that says what was counted.
        Of digit scenes, the digits of the first 500 are counted, difficult ones
        included. The dict is empty if nothing was counted. That is so for
        imagenet2012, and for objects and label maps in shards, all of which
        would have to be read.

    Raises:
        ValueError: If an annotation is wrong.
        FileNotFoundError: If files are missing.

    Example:

    >>> counts = count_classes("classification", "digits", "test", 10)
    >>> counts["held-out images"].tolist()
    [36, 37, 36, 37, 37, 37, 37, 36, 35, 36]
    """
    find = {
        "detection": _object_labels,
        "classification": _image_labels,
        "segmentation": _occurring_labels,
    }.get(task)
    is_in_shards = source.startswith("shards:") and task != "classification"
    if find is None or source == _NOT_COUNTED or is_in_shards:
        return {}
    part = "training"
    if split == "test":
        part, validation, seed = "held-out", 0.0, 0
    if source == "digit_scenes":
        heading = f"digits in {_SCENES} {part} scenes"
        found = drawn_labels(split, _SCENES, seed)
        if task == "segmentation":
            heading = f"images of {_SCENES} {part} scenes"
            found = (np.unique([0, *(labels + 1)]) for labels in found)
    else:
        heading = f"{part} {'objects' if task == 'detection' else 'images'}"
        found = find(source, split, validation, boxes)
    counts = np.zeros(classes, np.int64)
    log = logging.getLogger("kcv.data")
    level = log.level
    # The warnings were logged when the dataset was opened.
    log.setLevel(logging.ERROR)
    try:
        for labels in found:
            counts += np.bincount(labels, minlength=classes)
    finally:
        log.setLevel(level)
    return {heading: counts}


def _object_labels(source, split, validation, boxes) -> Iterator[np.ndarray]:
    if source in detection.TFDS_SPLITS:
        own = detection.TFDS_SPLITS[source][split]
        yield from _read_tfds(source, own, split, validation)
        return
    files = detection.detection_files(source, split, boxes)
    for image in _leave_out(files, validation).images:
        yield image.labels[~(image.difficult | image.is_crowd)]


def _image_labels(source, split, validation, boxes) -> Iterator[np.ndarray]:
    if source in classification.TFDS_TEST:
        own = "train" if split == "train" else classification.TFDS_TEST[source]
        yield from _read_tfds(source, own, split, validation)
        return
    if source.startswith("shards:"):
        shards = Shards(source.partition(":")[2], split)
        yield _leave_out(shards, validation).labels
        return
    files = classification.classification_files(source, split)
    if files is not None:
        yield np.array(_leave_out(files, validation).labels)
        return
    examples = classification.load_classification(
        source, split, validation=validation
    ).dataset
    for batch in examples.batch(_BATCH):
        yield batch["labels"].numpy()


def _occurring_labels(source, split, validation, boxes) -> Iterator[np.ndarray]:
    files = segmentation.segmentation_files(source, split)
    files = _leave_out(files, validation)
    for mask in files.masks:
        labels = np.unique(read_label_map(mask))
        # Void is above the classes.
        yield labels[labels < len(files.class_names)]


def _leave_out(files: Any, validation: float) -> Any:
    return files.divide(validation, inside=False) if validation else files


def _read_tfds(name, own, split, validation) -> Iterator[np.ndarray]:
    labels = tfds_labels(name, own, validation_rule(split, validation))
    for batch in labels.ragged_batch(_BATCH):
        yield tf.reshape(batch.flat_values, [-1]).numpy()
