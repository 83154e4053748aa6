"""VOC and COCO as TensorFlow Datasets prepares them."""

import os
import re

import tensorflow as tf

from kcv.data.formats.tfds_stream import epochs
from kcv.data.formats.tfds_stream import open_tfds
from kcv.data.streams.decoding import decode
from kcv.data.streams.validation import validate
from kcv.examples import DataSet


def is_tfds_name(source: str | os.PathLike, family: str) -> bool:
    """Tell "voc/2007" from the path of a user's own set."""
    return (
        isinstance(source, str)
        and re.fullmatch(rf"{family}/\d{{4}}", source) is not None
        and not os.path.exists(source)
    )


def tfds_detection(
    name: str,
    split: str | None,
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
) -> DataSet:
    """Stream VOC or COCO from TFDS, which downloads it at first use.

    With a seed, epochs without end, each shuffled through a buffer; example
    number p is a pure function of (prepared files, seed, p). To resume at
    `start` reads, but does not decode, what lies before it in its epoch.

    Boxes are brought back from TFDS's relative corners to the pixels of the
    original annotation. Boxes without width or height are left out of COCO,
    which has a few.

    Args:
        name: "voc/2007", "voc/2012", "coco/2014" or "coco/2017".
        split: "train", "val", "trainval", "test" or any split of TFDS.
        seed: None is one pass in TFDS's order.
        start: position of the first example.
        on_error: "raise" or "skip" an image that cannot be decoded.
        skipped: a list to which the names of skipped images are appended.

    Returns:
        The stream, as `kcv.data.voc` gives it, with names and size.

    Raises:
        ImportError: if tensorflow-datasets is not installed.
        ValueError: if there is no such split.
    """
    dataset, features, size = open_tfds(name, split)
    is_voc = name.startswith("voc")
    dataset = epochs(dataset, size, seed, start)
    dataset = dataset.map(_voc_example if is_voc else _coco_example)
    dataset = decode(dataset, lambda x: x["encoded"], on_error, skipped)
    dataset = dataset.map(lambda x: _in_pixels(x, is_voc))
    names = tuple(features["objects"]["label"].names)
    return DataSet(validate(dataset, len(names)), names, size)


def _voc_example(found):
    objects = found["objects"]
    file = found["image/filename"]
    return {
        "file": file,
        "encoded": found["image"],
        "image_id": tf.strings.regex_replace(file, r"\.[^.]*$", ""),
        "relative": objects["bbox"],
        "labels": objects["label"],
        "difficult": objects["is_difficult"],
        "is_crowd": tf.zeros_like(objects["is_difficult"]),
    }


def _coco_example(found):
    objects = found["objects"]
    return {
        "file": found["image/filename"],
        "encoded": found["image"],
        "image_id": tf.strings.as_string(found["image/id"]),
        "relative": objects["bbox"],
        "labels": objects["label"],
        "difficult": tf.zeros_like(objects["is_crowd"]),
        "is_crowd": objects["is_crowd"],
    }


def _in_pixels(example, is_voc):
    sides = tf.cast(tf.shape(example["images"])[:2], tf.float32)
    y1, x1, y2, x2 = tf.unstack(
        example["relative"] * tf.concat([sides, sides], 0), axis=-1
    )
    # Annotations have two decimals at most; float32 quotients lose the rest.
    boxes = tf.round(tf.stack([x1, y1, x2, y2], -1) * 1000) / 1000
    if is_voc:
        boxes -= tf.constant([1.0, 1, 0, 0])
        keep = tf.ones_like(example["difficult"])
    else:
        keep = tf.reduce_all(boxes[:, 2:] > boxes[:, :2], -1)
    return {
        "images": example["images"],
        "image_id": example["image_id"],
        "bounding_boxes": {
            "boxes": boxes[keep],
            "labels": tf.cast(example["labels"], tf.int32)[keep],
        },
        "difficult": example["difficult"][keep],
        "is_crowd": example["is_crowd"][keep],
    }
