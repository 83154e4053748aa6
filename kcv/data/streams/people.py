"""Batches of several photos of each of several people."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import tensorflow as tf

from kcv.data.streams.randomness import Purpose
from kcv.data.streams.randomness import own_seed


class Faces(Protocol):
    """A set of faces that can be read at any position.

    Attributes:
        class_names: Names of the people, by label.
        labels: Label of each image, (N,).
        image_ids: Names of the images.
    """

    class_names: tuple[str, ...]
    labels: np.ndarray
    image_ids: tuple[str, ...]

    def pick(self, indices: tf.data.Dataset) -> tf.data.Dataset:
        """Stream chosen examples.

        Args:
            indices: Dataset of () int64, positions in the set.

        Returns:
            Dataset of single examples in this order.
        """


def people_batches(
    faces: Faces,
    people: int = 24,
    photos: int = 5,
    seed: int = 0,
    start: int = 0,
    transform: Callable[[tf.data.Dataset, int], tf.data.Dataset] | None = None,
) -> tf.data.Dataset:
    """Draw batches of P people with K photos each, forever.

    Losses on pairs and triplets need several photos of a person in a batch
    (Schroff et al. 2015, section 3.2). In an epoch every person is drawn at
    most once, with other photos and other people than in the epoch before. The
    people that are left when P does not divide their number wait for the next
    epoch.

    Args:
        faces: Set of faces, what `kcv.data.keep_faces` or
            `kcv.data.read_people` returns.
        people: Number P of people in a batch. Defaults to 24.
        photos: Number K of photos of each person. Defaults to 5.
        seed: Seed of the draws. Batch number b is a pure function of (faces,
            people, photos, seed, b). Defaults to 0.
        start: Number of images drawn before, for a run that is resumed. A
            multiple of P times K. Defaults to 0.
        transform: Function of a dataset of single examples and of the position
            of its first example, which returns the changed dataset, for
            example with aligned or flipped faces. Defaults to None.

    Returns:
        Endless dataset of batches: `images` (P * K, H, W, 3) float32, `labels`
        (P * K,) int32, and what else examples have. The photos of a person
        stand together.

    Raises:
        ValueError: If there are fewer people than P, a person has fewer photos
            than K, or an argument is out of its range.

    Example:

    >>> import kcv
    >>> faces = kcv.data.rendered_faces("test", people=4, photos=3)
    >>> faces = kcv.data.keep_faces(faces)
    >>> batch = next(iter(people_batches(faces, people=2, photos=3)))
    >>> batch["images"].shape
    TensorShape([6, 64, 64, 3])
    """
    size = people * photos
    if people < 1 or photos < 1:
        raise ValueError(
            "`people` and `photos` must be at least 1. Received: "
            f"people={people}, photos={photos}"
        )
    if start < 0 or start % size:
        raise ValueError(
            "`start` must be a multiple of people * photos. Received: "
            f"start={start}, people={people}, photos={photos}"
        )
    indices = _draw(faces, people, photos, seed, start // size)
    examples = faces.pick(indices)
    if transform is not None:
        examples = transform(examples, start)
    return examples.batch(size, drop_remainder=True).map(
        lambda batch: {**batch, "images": tf.cast(batch["images"], tf.float32)}
    )


def _draw(faces, people, photos, seed, first_batch) -> tf.data.Dataset:
    """Draw positions of examples forever."""
    labels = np.asarray(faces.labels)
    there, counts = np.unique(labels, return_counts=True)
    if len(there) < people:
        raise ValueError(
            f"`people` must be at most {len(there)}, the number of people in "
            f"the set. Received: people={people}"
        )
    if counts.min() < photos:
        rare = faces.class_names[there[counts.argmin()]]
        raise ValueError(
            "`photos` must be at most the number of photos of each person, "
            f"and {rare!r} has {counts.min()}. Received: photos={photos}. "
            "`with_photos` of `kcv.data.FaceFiles` selects the people who have "
            "enough."
        )
    order = tf.constant(np.argsort(labels, kind="stable"), tf.int64)
    starts = tf.constant(np.cumsum(counts) - counts, tf.int64)
    counts = tf.constant(counts, tf.int32)
    per_epoch = len(there) // people

    def epoch(number):
        first = tf.maximum(first_batch - number * per_epoch, 0)
        shuffled = tf.random.experimental.stateless_shuffle(
            tf.range(len(there)), own_seed(seed, number, Purpose.PEOPLE)
        )
        chosen = tf.data.Dataset.from_tensor_slices(shuffled)
        chosen = chosen.batch(people, drop_remainder=True).enumerate()
        return chosen.skip(first).map(
            lambda place, who: (number * per_epoch + place, who)
        )

    def draw(number, who):
        # Of random keys, those of photos that a person lacks are the largest.
        own = tf.gather(counts, who)[:, None]
        places = tf.range(tf.reduce_max(own))
        keys = tf.random.stateless_uniform(
            (people, tf.size(places)), own_seed(seed, number, Purpose.PHOTOS)
        )
        keys = tf.where(places < own, keys, 2.0)
        drawn = tf.math.top_k(-keys, photos).indices
        members = tf.gather(starts, who)[:, None] + tf.cast(drawn, tf.int64)
        return tf.reshape(tf.gather(order, members), [-1])

    return (
        tf.data.Dataset.counter(first_batch // per_epoch)
        .flat_map(epoch)
        .map(draw)
        .unbatch()
        .apply(
            tf.data.experimental.assert_cardinality(
                tf.data.INFINITE_CARDINALITY
            )
        )
    )
