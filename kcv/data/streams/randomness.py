"""Random numbers that are a function of (seed, position) alone."""

import enum
from collections.abc import Callable

import tensorflow as tf


class Purpose(enum.IntEnum):
    """What random numbers are for: of one seed, they are independent."""

    FLIP = 0
    BRIGHTNESS = 1
    CONTRAST = 2
    SATURATION = 3
    HUE = 4
    CROP = 5
    AREA = 6
    ASPECT = 7
    COLOUR = 8
    SCALE = 9
    OBJECT = 10


def own_seed(seed: int, position: tf.Tensor, purpose: Purpose) -> tf.Tensor:
    """Make the seed of a stateless operation.

    Args:
        seed: of the data set.
        position: () int64, of the example in its stream.
        purpose: what it is for.

    Returns:
        (2,) int64.
    """
    own = tf.stack(
        [tf.constant(seed, tf.int64), tf.constant(purpose, tf.int64)]
    )
    return tf.random.experimental.stateless_fold_in(own, position)


def map_with_position(
    dataset: tf.data.Dataset,
    function: Callable[[tf.Tensor, dict], dict],
    start: int,
) -> tf.data.Dataset:
    """Map a function of an example and its position, side by side.

    Args:
        dataset: of single examples.
        function: of the position, () int64, and the example.
        start: position of the first example.

    Returns:
        The dataset of what the function gives.
    """
    return dataset.enumerate(start).map(
        function, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
