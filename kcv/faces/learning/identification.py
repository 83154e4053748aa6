"""Identification: a softmax over the people of the training set.

Shapes: B images in a mini-batch, C people.
"""

from typing import Any

import tensorflow as tf

from kcv.faces.learning.precision import at_least_float32


def identification_losses(logits: Any, labels: Any) -> Any:
    """Compute the identification loss of DeepFace and DeepID for each image.

    Args:
        logits: Tensor (B, C), before the softmax.
        labels: Number of the person on each image, from 0 to C - 1. Tensor
            (B,) of integers.

    Returns:
        Cross entropy -log p of the right person. Tensor (B,), float64 if the
        logits are and float32 otherwise.

    Example:

    >>> [round(float(x), 4) for x in identification_losses([[0.0, 0.0]], [1])]
    [0.6931]
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        tf.convert_to_tensor(labels), at_least_float32(logits)
    )
