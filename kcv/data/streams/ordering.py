"""The order in which a stream visits its examples."""

import tensorflow as tf

# Number of indices that one call of the kernel shuffles. One call per index
# would cost more than a small image.
_CHUNK = 1024


def visit(
    count: int, seed: int | None = None, start: int = 0
) -> tf.data.Dataset:
    """Stream the indices of `count` examples in the order of their visit.

    Without a seed, every index is visited once, in order. With a seed, epochs
    follow each other forever, each in an order of its own. Index number p is a
    pure function of (count, seed, p), so a stream that is resumed at `start`
    continues as it would have, and nothing before `start` is read.

    Args:
        count: Number of examples. Integer of at least 1.
        seed: Integer that determines the shuffling. If None, there is one epoch
            in order. Defaults to None.
        start: Position of the first index. Integer of at least 0. Defaults to
            0.

    Returns:
        Dataset of () int64 in [0, count).

    Raises:
        ValueError: If `start` is negative.
    """
    if start < 0:
        raise ValueError(f"`start` must be at least 0. Received: start={start}")
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
