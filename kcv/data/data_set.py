"""What a data set is, besides its stream."""

import typing

import tensorflow as tf


class DataSet(typing.NamedTuple):
    """A stream of examples, what its labels mean, and how long an epoch is.

    Attributes:
        dataset: of single examples.
        class_names: of the labels 0, 1, ...
        size: examples in one epoch, or None where that is not known.
    """

    dataset: tf.data.Dataset
    class_names: tuple[str, ...]
    size: int | None
