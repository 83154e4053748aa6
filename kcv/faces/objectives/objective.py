"""What all objectives of face embedders are."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

Figures = dict[str, tf.Tensor]


class Objective(keras.layers.Layer):
    """Base of the objectives.

    Args:
        **kwargs: Options of `keras.layers.Layer`. The dtype is float32 unless
            it is given, since losses need the digits.
    """

    #: Whether the objective uses the features of every level of a network.
    every_level = False
    #: Names of the figures that `fit` shows beside the loss.
    figures: tuple[str, ...] = ()

    def __init__(self, **kwargs: Any):
        super().__init__(**{"dtype": "float32", **kwargs})

    def compute(
        self, features: Sequence[tf.Tensor], labels: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, Figures]:
        """Compute the loss of a batch of faces.

        Args:
            features: Features of the levels of a network, (B, D) each. The
                last one is the feature that the embedding is made of.
            labels: Persons, (B,) int from 0.
            training: Whether the loss is computed to learn from it.

        Returns:
            The loss, () float32, and the figures by name, () float32 each.
        """
        raise NotImplementedError

    def make_callbacks(self) -> list[keras.callbacks.Callback]:
        """Return callbacks that watch the figures while `fit` runs.

        Returns:
            List of callbacks, which is empty in this base class.
        """
        return []


def shapes_of_levels(shape: Sequence) -> list[tuple[int | None, ...]]:
    """Return the shapes of all levels.

    Args:
        shape: Shape of the feature of the only level, or a list of shapes.

    Returns:
        List of shapes, of length 1 for a single shape.

    Example:

    >>> shapes_of_levels((None, 160))
    [(None, 160)]
    """
    is_one = not isinstance(shape[-1], list | tuple)
    return [tuple(each) for each in ([shape] if is_one else shape)]
