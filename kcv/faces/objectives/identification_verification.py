"""The objective of DeepID2 and its successors: people and pairs.

B faces of a batch, D numbers of a feature.
"""

from typing import Any

import keras
import tensorflow as tf

from kcv.faces.learning.verification import identification_verification
from kcv.faces.learning.verification import pair_distances
from kcv.faces.learning.verification import sample_pairs
from kcv.faces.learning.verification_margin import VerificationMargin
from kcv.faces.objectives.identification import accuracy
from kcv.faces.objectives.identification import check_people
from kcv.faces.objectives.objective import Objective
from kcv.faces.objectives.objective import shapes_of_levels


@keras.saving.register_keras_serializable("kcv")
class IdentificationVerification(Objective):
    """Learn to distinguish people and to bring photos of a person together.

    DeepID2 (Sun, Chen, Wang and Tang 2014) adds to the softmax over the people
    a loss of pairs of faces. Each image of a batch is paired with another photo
    of the person or with a photo of someone else, with probability 0.5 each.
    The features i and j of a pair have the losses

        identification(i) + identification(j) + weight * verification(i, j)

    where verification is half the squared distance of the same person's
    features, and half the square of what the distance of different people's
    features lacks to the margin. The margin is not a trainable weight: it
    becomes the threshold that separates recent pairs best.

    DeepID2+ (Sun, Wang and Tang 2015) and DeepID3 supervise every level of the
    network in this way. The losses of the levels are added.

    Call with features (B, D) of the last level. Returns logits (B, people),
    float32.

    Args:
        people: Number of people in the training set. Positive integer.
        weight: Weight of the verification loss. Non-negative float. Defaults
            to 0.05.
        margin: Margin of the distance of different people. Positive float, or
            None for the margin that is estimated. Defaults to None.
        every: Number of pairs after which the margin is estimated again.
            Positive integer. Defaults to 200,000.
        every_level: Whether all levels of the network learn, and not only the
            last one. Defaults to False.
        seed: Seed of the pairs. If None, it is random. Defaults to None.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> objective = IdentificationVerification(400, every_level=True)
    >>> objective.figures
    ('accuracy', 'identification_loss', 'verification_loss')
    """

    figures = ("accuracy", "identification_loss", "verification_loss")

    def __init__(
        self,
        people: int,
        weight: float = 0.05,
        margin: float | None = None,
        every: int = 200_000,
        every_level: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.people = check_people(people)
        if not weight >= 0:
            raise ValueError(
                "`weight` must be zero or positive. Received: "
                f"weight={weight!r}"
            )
        if margin is not None and not margin > 0:
            raise ValueError(
                "`margin` must be positive or None. Received: "
                f"margin={margin!r}"
            )
        if not isinstance(every, int) or every < 1:
            raise ValueError(
                f"`every` must be a positive integer. Received: every={every!r}"
            )
        self.weight = weight
        self.margin = margin
        self.every = every
        self.every_level = bool(every_level)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        shapes = shapes_of_levels(input_shape)
        count = len(shapes) if self.every_level else 1
        numbers = [*range(1, count), None]  # the last level has no number
        self.softmaxes = [
            keras.layers.Dense(
                self.people,
                dtype=self.dtype_policy,
                name=f"softmax{number or ''}",
            )
            for number in numbers
        ]
        for softmax, shape in zip(self.softmaxes, shapes[-count:], strict=True):
            softmax.build(shape)
        self.margins = []
        if self.margin is None:
            self.margins = [
                VerificationMargin(self.every, name=f"margin{number or ''}")
                for number in numbers
            ]

    def call(self, features):
        return self.softmaxes[-1](features)

    def compute(self, features, labels, training):
        # An evaluation always draws the same pairs.
        seed = self.seed_generator if training else 0
        first, second = sample_pairs(labels, seed)
        total, figures = 0.0, dict.fromkeys(self.figures[1:], 0.0)
        features = features[-len(self.softmaxes) :]
        for level, x in enumerate(features):
            x = tf.cast(x, tf.float32)
            margin = self.margin
            if margin is None:
                tracker = self.margins[level]
                if training:
                    distances, same = pair_distances(x, labels, first, second)
                    tracker.update_state(distances, same)
                margin = tracker.result()
            logits = self.softmaxes[level](x)
            losses = identification_verification(
                x, logits, labels, first, second, margin, self.weight
            )
            total += losses.loss
            figures["identification_loss"] += losses.identification
            figures["verification_loss"] += losses.verification
        return total, {**figures, "accuracy": accuracy(logits, labels)}

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.people)

    def get_config(self):
        return {
            **super().get_config(),
            "people": self.people,
            "weight": self.weight,
            "margin": self.margin,
            "every": self.every,
            "every_level": self.every_level,
            "seed": self.seed,
        }
