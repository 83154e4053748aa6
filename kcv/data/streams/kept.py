"""A set of labeled images of one size, kept in memory."""

from collections.abc import Callable
from typing import Self

import numpy as np
import tensorflow as tf

from kcv.data.streams.ordering import visit
from kcv.examples import DataSet

# Number of examples that are gathered at a time. Gathering small images one by
# one takes ten times as long.
_CHUNK = 64


class KeptFaces:
    """The faces of a set in memory, in the order in which the set gave them.

    Attributes:
        class_names: Names of the people, by label.
        labels: Label of each image, (N,) int32.
        image_ids: Names of the images.

    Args:
        examples: Examples stacked along a first axis. Dict of arrays (N, ...),
            with `images`, `labels` and `image_id`.
        class_names: Names of the people, by label.
    """

    def __init__(self, examples: dict, class_names: tuple[str, ...]):
        self.class_names = class_names
        self.labels = np.asarray(examples["labels"])
        self.image_ids = tuple(
            name.decode() for name in examples["image_id"].tolist()
        )
        self._examples = tf.nest.map_structure(tf.constant, examples)

    def __len__(self) -> int:
        return len(self.labels)

    def dataset(
        self, seed: int | None = None, start: int = 0
    ) -> tf.data.Dataset:
        """Stream the examples.

        Args:
            seed: Integer that determines the shuffling. Every epoch has a
                different order, the stream repeats forever, and example number
                p is a pure function of (set, seed, p). If None, the examples
                are read once, in order. Defaults to None.
            start: Position of the first example, for a run that is resumed.
                Defaults to 0.

        Returns:
            Dataset of single examples, see `kcv.examples`.
        """
        return self.pick(visit(len(self), seed, start))

    def pick(self, indices: tf.data.Dataset) -> tf.data.Dataset:
        """Stream chosen examples.

        Args:
            indices: Dataset of () int64, positions in the set.

        Returns:
            Dataset of single examples in this order.
        """

        def take(chosen):
            return tf.nest.map_structure(
                lambda values: tf.gather(values, chosen), self._examples
            )

        examples = indices.batch(_CHUNK).map(take).unbatch()
        return examples.apply(
            tf.data.experimental.assert_cardinality(indices.cardinality())
        )

    def only_people(self, wanted: Callable[[str], bool]) -> Self:
        """Select people, who are numbered from 0 in the same order.

        Args:
            wanted: Function of a name that returns whether to select the
                person.

        Returns:
            Their faces, in the same order.
        """
        people = [wanted(name) for name in self.class_names]
        chosen = np.flatnonzero(np.take(people, self.labels))
        examples = tf.nest.map_structure(
            lambda values: values.numpy()[chosen], self._examples
        )
        numbers = np.cumsum(people) - 1
        examples["labels"] = numbers[examples["labels"]].astype(np.int32)
        names = tuple(name for name in self.class_names if wanted(name))
        return type(self)(examples, names)


def keep_faces(data_set: DataSet) -> KeptFaces:
    """Read a set once, and keep its examples in memory.

    12,000 images of 64 x 64 pixels take 150 MB. Files that are larger than
    memory are better read as they are needed: what `kcv.data.read_people`
    returns has the same methods.

    Args:
        data_set: Finite set whose images have the same size.

    Returns:
        The `KeptFaces`.

    Raises:
        ValueError: If the set has no end or no image, or images differ in
            size.

    Example:

    >>> import kcv
    >>> faces = kcv.data.rendered_faces("test", people=2, photos=3)
    >>> faces = keep_faces(faces)
    >>> faces.labels.tolist()
    [0, 0, 0, 1, 1, 1]
    """
    dataset = data_set.dataset
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "`data_set` must have an end. Received: a dataset that repeats "
            "forever"
        )
    shape = dataset.element_spec["images"].shape
    parts = []
    try:
        for part in dataset.batch(256):
            parts.append(tf.nest.map_structure(lambda x: x.numpy(), part))
        if not parts:
            raise ValueError(
                "`data_set` must have at least one example. Received: none"
            )
        kept = tf.nest.map_structure(lambda *x: np.concatenate(x), *parts)
    except (tf.errors.InvalidArgumentError, ValueError) as error:
        if shape.is_fully_defined() or "shape" not in str(error).lower():
            raise
        raise ValueError(
            "`data_set` must have images of one size, such as aligned faces "
            f"(`kcv.data.align_faces`). Received: {error}"
        ) from error
    return KeptFaces(kept, data_set.class_names)
