"""Sets that TensorFlow Datasets prepares, as streams that can be resumed."""

import os
import re
from typing import Any

import numpy as np
import tensorflow as tf

from kcv.data.streams.decoding import decode
from kcv.data.streams.holdout import EvenlySpaced
from kcv.data.streams.validation import validate
from kcv.examples import DataSet
from kcv.extras import describe_installation

# Encoded examples held while shuffling: all 5,011 of VOC 2007 for training.
_SHUFFLE = 5_120
_SPLITS = {"val": "validation", "trainval": "train+validation"}


def is_tfds_name(source: str | os.PathLike, family: str) -> bool:
    """Tell the name of a set in TFDS from the path of a user's own.

    Args:
        source: Name such as "voc/2007", or a path.
        family: Name without the year, such as "voc".

    Returns:
        Whether `source` is a name.
    """
    return (
        isinstance(source, str)
        and re.fullmatch(rf"{family}/\d{{4}}", source) is not None
        and not os.path.exists(source)
    )


def tfds_classification(
    name: str,
    split: str | None,
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
    belongs: EvenlySpaced | None = None,
) -> DataSet:
    """Stream a set of labeled images from TFDS.

    It is downloaded at first use, except ImageNet, whose archives TFDS expects
    in its own folder.

    Args:
        name: "mnist", "fashion_mnist", "cifar10", "cifar100", "imagenet2012"
            or any set of TFDS with `image` and `label`.
        split: "train", "val", "test" or any split of TFDS. None raises an
            error, because TFDS has no default split.
        seed: Seed of the order. Every epoch is shuffled through a buffer, the
            stream repeats forever, and example number p is a pure function of
            (prepared files, seed, p). If None, the examples are read once, in
            TFDS's order. Defaults to None.
        start: Position of the first example, for a run that is resumed. What
            lies before it in its epoch is read, but not decoded. Defaults to 0.
        on_error: "raise" an error at an image that cannot be decoded, or "skip"
            it. Defaults to "raise".
        skipped: List to which the names of skipped images are appended. If
            None, they are only logged. Defaults to None.
        belongs: Part of the examples in TFDS's order that is taken. Defaults
            to None, for all examples.

    Returns:
        The `DataSet`. Examples have `images` (H, W, C) uint8, with C as in the
        set, `labels` () int32, and `image_id` () string. Classes of ImageNet
        are in the order of the sorted WordNet ids, as in published weights.

    Raises:
        ImportError: If tensorflow-datasets is not installed.
        ValueError: If the split does not exist, or the set is of another kind.
    """
    dataset, features, size = open_tfds(name, split, belongs)
    if not {"image", "label"} <= set(features):
        raise ValueError(
            f"{name} has {', '.join(features)}, not image and label"
        )
    channels = features["image"].shape[-1]

    def describe(number, found):
        # ImageNet and CIFAR have names of their own, MNIST does not.
        own = found.get("file_name", found.get("id"))
        if own is None:
            own = tf.strings.join([f"{split}/", tf.strings.as_string(number)])
        return {
            "file": own,
            "encoded": found["image"],
            "image_id": own,
            "labels": tf.cast(found["label"], tf.int32),
        }

    def finish(example):
        return {
            # Decoding makes three equal channels of a gray image.
            "images": example["images"][..., :channels],
            "labels": example["labels"],
            "image_id": example["image_id"],
        }

    dataset = repeat_epochs(
        dataset.enumerate().map(describe), size, seed, start
    )
    dataset = decode(dataset, lambda x: x["encoded"], on_error, skipped, size)
    return DataSet(dataset.map(finish), tuple(features["label"].names), size)


def tfds_detection(
    name: str,
    split: str | None,
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
    boxes: str = "raise",
    belongs: EvenlySpaced | None = None,
) -> DataSet:
    """Stream VOC, COCO or WIDER FACE from TFDS, downloaded at first use.

    Boxes are converted from TFDS's relative corners back to the pixels of the
    original annotation. Boxes without width or height are left out of COCO and
    WIDER FACE, which have a few. Faces that WIDER FACE marks as invalid are
    difficult.

    Args:
        name: "voc/2007", "voc/2012", "coco/2014", "coco/2017" or
            "wider_face".
        split: "train", "val", "trainval", "test" or any split of TFDS. None
            raises an error, because TFDS has no default split.
        seed: Seed of the order. Every epoch is shuffled through a buffer, the
            stream repeats forever, and example number p is a pure function of
            (prepared files, seed, p). If None, the examples are read once, in
            TFDS's order. Defaults to None.
        start: Position of the first example, for a run that is resumed. What
            lies before it in its epoch is read, but not decoded. Defaults to 0.
        on_error: "raise" an error at an image that cannot be decoded, or "skip"
            it. Defaults to "raise".
        skipped: List to which the names of skipped images are appended. If
            None, they are only logged. Defaults to None.
        boxes: "raise" an error at a box that is inverted or outside its image,
            "clip" it, or "drop" it. Defaults to "raise".
        belongs: Part of the examples in TFDS's order that is taken. Defaults
            to None, for all examples.

    Returns:
        The `DataSet` of examples as `kcv.data.voc` returns them.

    Raises:
        ImportError: If tensorflow-datasets is not installed.
        ValueError: If the split does not exist.
    """
    dataset, features, size = open_tfds(name, split, belongs)
    family = name.split("/")[0]
    dataset = repeat_epochs(dataset, size, seed, start).map(_EXAMPLES[family])
    dataset = decode(dataset, lambda x: x["encoded"], on_error, skipped, size)
    dataset = dataset.map(lambda x: _in_pixels(x, family == "voc"))
    if family == "wider_face":
        names = ("face",)
    else:
        names = tuple(features["objects"]["label"].names)
    return DataSet(validate(dataset, len(names), boxes), names, size)


def tfds_labels(
    name: str,
    split: str,
    belongs: EvenlySpaced | None = None,
) -> tf.data.Dataset:
    """Stream the labels of a set, without decoding its images.

    Args:
        name: Name of the set, see `tfds_classification` and `tfds_detection`.
        split: "train", "val", "trainval", "test" or any split of TFDS.
        belongs: Part of the examples in TFDS's order that is taken. Defaults
            to None, for all examples.

    Returns:
        Dataset of the labels of each image, (N,) int32: its own one, or those
        of its objects that are neither difficult nor crowds.

    Raises:
        ImportError: If tensorflow-datasets is not installed.
        ValueError: If the split does not exist.
    """
    dataset, features, _ = open_tfds(name, split, belongs)
    family = name.split("/")[0]

    def find(found):
        if "label" in features:
            return tf.cast(found["label"], tf.int32)[tf.newaxis]
        example = _EXAMPLES[family](found)
        kept = ~(example["difficult"] | example["is_crowd"])
        if family != "voc":  # whose boxes of one pixel have no extent in TFDS
            low, high = tf.split(example["relative"], 2, axis=-1)
            kept &= tf.reduce_all(high > low, -1)
        return tf.cast(example["labels"], tf.int32)[kept]

    return dataset.map(find, num_parallel_calls=tf.data.AUTOTUNE)


def open_tfds(
    name: str,
    split: str | None,
    belongs: EvenlySpaced | None = None,
) -> tuple[tf.data.Dataset, Any, int | None]:
    """Open a set, which TFDS downloads at first use.

    Args:
        name: Name of the set in TFDS, such as "voc/2007".
        split: "train", "val", "trainval", "test" or any split of TFDS. None
            raises an error, because TFDS has no default split.
        belongs: Part of the examples in TFDS's order that is taken. If None,
            all examples are taken. Defaults to None.

    Returns:
        Tuple (dataset, features, size): the examples in TFDS's order, which is
        the same in every run, with encoded images; TFDS's features; the number
        of examples, None if it is not known.

    Raises:
        ImportError: If tensorflow-datasets is not installed.
        ValueError: If the split does not exist, or the validation part of
            `belongs` is empty.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(
            f"{name} needs tensorflow-datasets. {describe_installation('data')}"
        ) from error
    if split is None:
        raise ValueError(
            f"`split` of {name} must be a name. Received: split=None"
        )
    dataset, info = tfds.load(
        name,
        split=_SPLITS.get(split, split),
        decoders={"image": tfds.decode.SkipDecoding()},
        shuffle_files=False,  # so that the order is the same in every run
        with_info=True,
    )
    size = int(dataset.cardinality())
    if belongs is not None:
        belongs.check(size, name)
        size = int(np.sum(belongs(np.arange(max(size, 0), dtype=np.float64))))
        dataset = dataset.enumerate().filter(
            lambda number, _: belongs(tf.cast(number, tf.float64))
        )
        dataset = dataset.map(lambda _, example: example)
    return dataset, info.features, size if size > 0 else None


def repeat_epochs(
    dataset: tf.data.Dataset, size: int | None, seed: int | None, start: int
) -> tf.data.Dataset:
    """Repeat a dataset forever, with each epoch shuffled through a buffer.

    Args:
        dataset: Dataset of one epoch.
        size: Number of its examples, None if it is not known.
        seed: Seed of the shuffling. None is one epoch in the order as it is.
        start: Position of the first example.

    Returns:
        The stream. Example number p is a pure function of (dataset, seed, p).
    """
    if seed is None:
        return dataset.skip(start)
    first = 0 if size is None else start // size

    def epoch(number):
        # The seed of this function's graph: `shuffle` mixes its own seed with
        # the global one, on which the order of a stream must not depend.
        tf.random.set_seed(1)
        return dataset.shuffle(
            _SHUFFLE,
            # Every epoch has a seed of its own instead of reshuffling, so that
            # an iterator that starts later sees the same epochs.
            seed=tf.random.stateless_uniform(
                (), [seed, number], None, None, tf.int64
            ),
            reshuffle_each_iteration=False,
        )

    stream = tf.data.Dataset.counter(first).flat_map(epoch)
    return stream.skip(start - first * (size or 0))


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


def _wider_example(found):
    faces, file = found["faces"], found["image/filename"]
    return {
        "file": file,
        "encoded": found["image"],
        "image_id": tf.strings.regex_replace(file, r"\.[^.]*$", ""),
        "relative": faces["bbox"],
        "labels": tf.zeros_like(faces["invalid"], tf.int32),
        "difficult": faces["invalid"],
        "is_crowd": tf.zeros_like(faces["invalid"]),
    }


_EXAMPLES = {
    "voc": _voc_example,
    "coco": _coco_example,
    "wider_face": _wider_example,
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
