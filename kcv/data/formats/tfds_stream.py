"""Sets that TensorFlow Datasets prepares, as streams that can be resumed."""

from typing import Any

import tensorflow as tf

# Encoded examples held while shuffling: all of VOC 2007's 5,011 for training.
_SHUFFLE = 5_120
_SPLITS = {"val": "validation", "trainval": "train+validation"}


def open_tfds(
    name: str, split: str | None
) -> tuple[tf.data.Dataset, Any, int | None]:
    """Open a set, which TFDS downloads at first use.

    Args:
        name: as of TFDS, "voc/2007".
        split: "train", "val", "trainval", "test" or any split of TFDS.

    Returns:
        (dataset, features, size): examples in TFDS's order, which is the same
        in every run, images encoded; TFDS's features; examples in an epoch,
        None if not known.

    Raises:
        ImportError: if tensorflow-datasets is not installed.
        ValueError: if there is no such split.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise ImportError(
            f'{name} needs tensorflow-datasets: pip install "kcv[data]"'
        ) from error
    if split is None:
        raise ValueError(f"split of {name} must be a name, not None")
    dataset, info = tfds.load(
        name,
        split=_SPLITS.get(split, split),
        decoders={"image": tfds.decode.SkipDecoding()},
        shuffle_files=False,  # the order must be the same in every run
        with_info=True,
    )
    size = int(dataset.cardinality())
    return dataset, info.features, size if size >= 0 else None


def epochs(
    dataset: tf.data.Dataset, size: int | None, seed: int | None, start: int
) -> tf.data.Dataset:
    """Repeat a set without end, each epoch shuffled through a buffer.

    Args:
        dataset: of one epoch.
        size: examples in it, None if not known.
        seed: of the shuffling; None is one epoch as it is.
        start: position of the first example that is given.

    Returns:
        The stream: example number p is a pure function of (dataset, seed, p).
    """
    if seed is None:
        return dataset.skip(start)
    first = 0 if size is None else start // size

    def epoch(number):
        # Of this function alone: `shuffle` mixes its own seed with the
        # global one, on which the order of a stream must not depend.
        tf.random.set_seed(1)
        return dataset.shuffle(
            _SHUFFLE,
            # Its own seed for every epoch, rather than reshuffling: an
            # iterator that starts later must see the same epochs.
            seed=tf.random.stateless_uniform(
                (), [seed, number], None, None, tf.int64
            ),
            reshuffle_each_iteration=False,
        )

    stream = tf.data.Dataset.counter(first).flat_map(epoch)
    return stream.skip(start - first * (size or 0))
