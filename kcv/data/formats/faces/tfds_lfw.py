"""Labeled Faces in the Wild from TensorFlow Datasets."""

import tensorflow as tf

from kcv.data.formats.tfds import open_tfds
from kcv.data.formats.tfds import repeat_epochs
from kcv.data.streams.decoding import decode
from kcv.data.streams.holdout import held_out_fifth
from kcv.examples import DataSet


def tfds_lfw(
    held_out: bool | None = None,
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
) -> DataSet:
    """Stream Labeled Faces in the Wild from TFDS, which downloads it.

    TFDS does not keep the numbers of the photos of a person, so the lists of
    pairs of the set's authors cannot be used with it. They need the folder of
    the set and `kcv.data.read_people`.

    Args:
        held_out: True selects the fifth of the people who are held out, drawn
            by their names, and False the others. Defaults to None, for all
            people.
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

    Returns:
        The `DataSet`. Examples have `images` (250, 250, 3) uint8, `labels` ()
        int32, and `image_id` () string, "train/NUMBER" in TFDS's order. People
        are sorted by name.

    Raises:
        ImportError: If tensorflow-datasets is not installed.
    """
    dataset, _, _ = open_tfds("lfw", "train")
    dataset = dataset.enumerate()
    # The labels are names, which one pass collects without decoding.
    names = [found["label"] for _, found in dataset.as_numpy_iterator()]
    people = sorted({name.decode() for name in names})
    if held_out is not None:
        fifth = held_out_fifth(people)
        people = [name for name in people if (name in fifth) == held_out]
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(
            people, list(range(len(people))), tf.string, tf.int32
        ),
        default_value=-1,
    )

    def describe(number, found):
        name = tf.strings.join(["train/", tf.strings.as_string(number)])
        return {
            "file": name,
            "encoded": found["image"],
            "image_id": name,
            "labels": table.lookup(found["label"]),
        }

    def finish(example):
        return {key: example[key] for key in ("images", "labels", "image_id")}

    chosen = set(people)
    size = sum(name.decode() in chosen for name in names)
    dataset = dataset.map(describe).filter(lambda x: x["labels"] >= 0)
    dataset = repeat_epochs(dataset, size, seed, start)
    dataset = decode(dataset, lambda x: x["encoded"], on_error, skipped)
    return DataSet(dataset.map(finish), tuple(people), size)
