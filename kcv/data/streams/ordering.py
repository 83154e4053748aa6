"""The order in which a stream visits its examples."""

import tensorflow as tf

# Indices that one call of a kernel shuffles: one by one, calling costs more
# than a small image.
_CHUNK = 1024


def visit(
    count: int, seed: int | None = None, start: int = 0
) -> tf.data.Dataset:
    """Give the indices of a stream over `count` examples.

    Without a seed, every index once, in order. With one, epochs without end,
    each in an order of its own; index number p is a pure function of (count,
    seed, p), so that a stream resumed at `start` goes on as it would have, and
    nothing before `start` is read.

    Args:
        count: number of examples, at least 1.
        seed: of the shuffling; None is no shuffling and one epoch.
        start: position of the first index that is given.

    Returns:
        A dataset of () int64 in [0, count).
    """
    if start < 0:
        raise ValueError(f"start must be at least 0, not {start}")
    if seed is None:
        return tf.data.Dataset.range(start, max(start, count))

    def epoch(number):
        first = tf.maximum(start - number * count, 0)
        positions = tf.data.Dataset.range(first, count).batch(_CHUNK)
        return positions.map(
            lambda position: tf.random.experimental.index_shuffle(
                position,
                seed=tf.stack([tf.constant(seed, tf.int64), number]),
                max_index=tf.constant(count - 1, tf.int64),
            )
        ).unbatch()

    indices = tf.data.Dataset.counter(start // count).flat_map(epoch)
    return indices.apply(
        tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    )
