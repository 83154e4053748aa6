"""Losses and batches on several devices."""

from typing import Any

import keras
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


def require_examples(x: Any) -> Any:
    """Return what a replica is given, which must be an example at least.

    A batch with fewer examples than there are replicas leaves nothing to the
    last ones, where a convolution fails with words of its own.

    Args:
        x: Tensor, or structure of tensors and None, with the batch first.

    Returns:
        The same, checked in the graph. On one device, `x` itself.

    Example:

    >>> require_examples(None) is None  # on one device
    True
    """
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return x
    tensors = [tensor for tensor in keras.tree.flatten(x) if tensor is not None]
    check = tf.debugging.Assert(
        tf.shape(tensors[0])[0] > 0,
        [
            "a replica has no example: a batch must have one at least for each "
            "replica, also the last one. Pass drop_remainder=True to "
            "kcv.data.batch"
        ],
    )
    with tf.control_dependencies([check]):
        return keras.tree.map_structure(
            lambda tensor: None if tensor is None else tf.identity(tensor), x
        )
