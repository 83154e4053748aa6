"""Losses on several devices."""

import tensorflow as tf


def divide_by_replicas(loss: tf.Tensor) -> tf.Tensor:
    """Divide a loss by the number of replicas of the current strategy.

    `tf.distribute` adds up the gradients of the replicas. A loss that is a
    mean over the replica's own batch must be divided, so that several devices
    learn as one device does from the whole batch.

    Args:
        loss: Float tensor of any shape.

    Returns:
        Tensor of the same shape and dtype.

    Example:

    >>> float(divide_by_replicas(tf.constant(3.0)))  # on one device
    3.0
    """
    return loss / tf.distribute.get_strategy().num_replicas_in_sync
