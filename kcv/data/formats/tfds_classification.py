"""MNIST, CIFAR and ImageNet as TensorFlow Datasets prepares them."""

import tensorflow as tf

from kcv.data.formats.tfds_stream import epochs
from kcv.data.formats.tfds_stream import open_tfds
from kcv.data.streams.decoding import decode
from kcv.examples import DataSet


def tfds_classification(
    name: str,
    split: str | None,
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
) -> DataSet:
    """Stream a set of labelled images from TFDS.

    It is downloaded at first use, but for ImageNet, whose archives TFDS wants
    to find in its own folder. With a seed, epochs without end, each shuffled
    through a buffer; example number p is a pure function of (prepared files,
    seed, p). To resume at `start` reads, but does not decode, what lies
    before it in its epoch.

    Args:
        name: "mnist", "fashion_mnist", "cifar10", "cifar100", "imagenet2012"
            or any set of TFDS with `image` and `label`.
        split: "train", "val", "test" or any split of TFDS.
        seed: None is one pass in TFDS's order.
        start: position of the first example.
        on_error: "raise" or "skip" an image that cannot be decoded.
        skipped: a list to which the ids of skipped images are appended.

    Returns:
        The stream of `images` (H, W, C) uint8, C as in the set; `labels` ()
        int32, of ImageNet in the order of the sorted WordNet ids, as
        published weights have them; `image_id` () string. Its names and size.

    Raises:
        ImportError: if tensorflow-datasets is not installed.
        ValueError: if there is no such split, or the set is of another kind.
    """
    dataset, features, size = open_tfds(name, split)
    if not {"image", "label"} <= set(features):
        raise ValueError(
            f"{name} has {', '.join(features)}, not image and label"
        )
    channels = features["image"].shape[-1]

    def describe(number, found):
        # ImageNet and CIFAR have names of their own, MNIST has not.
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
            # Decoding makes three equal channels of grey.
            "images": example["images"][..., :channels],
            "labels": example["labels"],
            "image_id": example["image_id"],
        }

    dataset = epochs(dataset.enumerate().map(describe), size, seed, start)
    dataset = decode(dataset, lambda x: x["encoded"], on_error, skipped)
    return DataSet(dataset.map(finish), tuple(features["label"].names), size)
