"""The objective of DeepFace and DeepID: a softmax over people.

B faces of a batch, D numbers of a feature.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kcv.faces.learning.identification import identification_losses
from kcv.faces.objectives.objective import Objective
from kcv.faces.objectives.objective import shapes_of_levels
from kcv.layers import unit_vectors


@keras.saving.register_keras_serializable("kcv")
class Identification(Objective):
    """Learn to tell the people of the training set apart.

    The loss is the cross entropy of a softmax over the people. It is the
    objective of DeepFace (Taigman et al. 2014) and DeepID (Sun, Wang and Tang
    2014). With `scale`, the logits are

        scale * (cosine of the feature and the person's vector - margin)

    where the margin is subtracted for the true person alone. This is not in
    these papers. It makes training faster, since what the softmax compares is
    what verification compares later.

    Call with features (B, D). Returns logits (B, people), float32, without
    margin.

    Args:
        people: Number of people in the training set. Positive integer.
        scale: Factor of the cosines. Positive float, or None for a dense layer
            with a bias, as in the papers. Defaults to None.
        margin: Margin of the true person's cosine. Non-negative float, 0
            without `scale`. Defaults to 0.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> objective = Identification(400, scale=24, margin=0.15)
    >>> objective(keras.ops.ones((2, 160))).shape
    TensorShape([2, 400])
    """

    figures = ("accuracy",)

    def __init__(
        self,
        people: int,
        scale: float | None = None,
        margin: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.people = check_people(people)
        if scale is not None and not scale > 0:
            raise ValueError(
                f"`scale` must be positive or None. Received: scale={scale!r}"
            )
        if not margin >= 0 or (margin and scale is None):
            raise ValueError(
                "`margin` must be zero or positive, and zero without `scale`. "
                f"Received: margin={margin!r}, scale={scale!r}"
            )
        self.scale = scale
        self.margin = margin
        self.softmax = keras.layers.Dense(
            self.people,
            use_bias=scale is None,
            dtype=self.dtype_policy,
            name="softmax",
        )

    def build(self, input_shape):
        self.softmax.build(shapes_of_levels(input_shape)[-1])

    def call(self, features):
        if self.scale is None:
            return self.softmax(features)
        people = tf.math.l2_normalize(self.softmax.kernel, axis=0)
        return self.scale * (unit_vectors(features) @ people)

    def compute(self, features, labels, training):
        logits = self(features[-1])
        figures = {"accuracy": accuracy(logits, labels)}
        if self.margin:
            true = tf.one_hot(labels, self.people, dtype=logits.dtype)
            logits -= self.scale * self.margin * true
        loss = tf.reduce_mean(identification_losses(logits, labels))
        return loss, figures

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.people)

    def get_config(self):
        return {
            **super().get_config(),
            "people": self.people,
            "scale": self.scale,
            "margin": self.margin,
        }


def accuracy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Compute the share of faces whose largest logit is that of the person.

    Args:
        logits: Float tensor (B, people).
        labels: Persons, (B,) int from 0.

    Returns:
        The share, () float32.
    """
    found = tf.argmax(logits, -1, output_type=tf.int32)
    right = tf.equal(found, tf.cast(labels, tf.int32))
    return tf.reduce_mean(tf.cast(right, tf.float32))


def check_people(people: int) -> int:
    """Check a number of people.

    Args:
        people: Number of people in the training set. Positive integer.

    Returns:
        The number as an int.

    Raises:
        ValueError: If it is not a positive integer.
    """
    if not isinstance(people, int | np.integer) or people < 1:
        raise ValueError(
            "`people` must be the number of people in the training set, a "
            f"positive integer. Received: people={people!r}"
        )
    return int(people)
