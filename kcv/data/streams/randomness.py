"""Random numbers that depend on (seed, position) only."""

import enum
from collections.abc import Callable

import tensorflow as tf


class Purpose(enum.IntEnum):
    """Purposes of random numbers.

    Random numbers of one seed and of different purposes are independent.
    """

    FLIP = 0
    BRIGHTNESS = 1
    CONTRAST = 2
    SATURATION = 3
    HUE = 4
    CROP = 5
    AREA = 6
    ASPECT = 7
    COLOR = 8
    SCALE = 9
    OBJECT = 10
    PEOPLE = 11
    PHOTOS = 12
    LANDMARKS = 13


def own_seed(seed: int, position: tf.Tensor, purpose: Purpose) -> tf.Tensor:
    """Compute the seed of a stateless operation.

    Args:
        seed: Seed of the dataset.
        position: Position of the example in its stream, () int64.
        purpose: Purpose of the random numbers.

    Returns:
        Tensor (2,) of int64.
    """
    own = tf.stack(
        [tf.constant(seed, tf.int64), tf.constant(purpose, tf.int64)]
    )
    return tf.random.experimental.stateless_fold_in(own, position)


def random_integers(
    seed: tf.Tensor, shape: tuple[int, ...], ends: int | tf.Tensor
) -> tf.Tensor:
    """Draw integers from 0 to ends - 1.

    Args:
        seed: Seed of a stateless operation, (2,) integer, as `own_seed` returns
            it.
        shape: Shape of the result.
        ends: Number of integers to draw from, of a shape that broadcasts to
            `shape`.

    Returns:
        Tensor of `shape`, int32.
    """
    # The modulus of 2**32 numbers has a negligible bias.
    numbers = tf.random.stateless_uniform(shape, seed, None, None, tf.int32)
    return tf.math.floormod(numbers, ends)


def map_with_position(
    dataset: tf.data.Dataset,
    function: Callable[[tf.Tensor, dict], dict],
    start: int,
) -> tf.data.Dataset:
    """Map a function of an example and its position, in parallel.

    Args:
        dataset: Dataset of single examples.
        function: Function of the position, () int64, and the example, which
            returns an example. It runs in the graph.
        start: Position of the first example.

    Returns:
        The dataset of the results, in order.
    """
    return dataset.enumerate(start).map(
        function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
