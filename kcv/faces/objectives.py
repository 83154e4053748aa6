"""What a face embedder learns from: people, pairs or triplets.

B faces of a batch, D numbers of a feature. An objective is a layer, since the
softmax over the people of the training set belongs to it. It is saved with the
model and plays no part when the model answers.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kcv.faces.learning.collapse import CollapseWarning
from kcv.faces.learning.identification import identification_losses
from kcv.faces.learning.triplets import NEGATIVES
from kcv.faces.learning.triplets import REDUCTIONS
from kcv.faces.learning.triplets import triplet_losses
from kcv.faces.learning.verification import identification_verification
from kcv.faces.learning.verification import pair_distances
from kcv.faces.learning.verification import sample_pairs
from kcv.faces.learning.verification_margin import VerificationMargin
from kcv.layers import unit_vectors

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
        """Return callbacks that watch the figures while `fit` runs."""
        return []


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
        self.people = _check_people(people)
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
        figures = {"accuracy": _accuracy(logits, labels)}
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


@keras.saving.register_keras_serializable("kcv")
class IdentificationVerification(Objective):
    """Learn to tell people apart and to bring photos of a person together.

    DeepID2 (Sun, Chen, Wang and Tang 2014) adds to the softmax over the people
    a loss of pairs of faces. Each image of a batch is paired with another photo
    of the person or with a photo of someone else, with probability 0.5 each.
    The features i and j of a pair have the losses

        identification(i) + identification(j) + weight * verification(i, j)

    where verification is half the squared distance of the same person's
    features, and half the square of what the distance of different people's
    features lacks to the margin. The margin is no weight that learns: it
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
        seed: Seed of the pairs. Defaults to None, a random one.
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
        self.people = _check_people(people)
        if not weight >= 0:
            raise ValueError(
                f"`weight` must be zero or positive. Received: weight={weight!r}"
            )
        if margin is not None and not margin > 0:
            raise ValueError(
                f"`margin` must be positive or None. Received: margin={margin!r}"
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
        first, second = sample_pairs(labels, self.seed_generator)
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
        return total, {**figures, "accuracy": _accuracy(logits, labels)}

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


@keras.saving.register_keras_serializable("kcv")
class Triplets(Objective):
    """Learn from an anchor, a photo of the same person and one of another.

    FaceNet (Schroff, Kalenichenko and Philbin 2015) wants the squared distance
    of the unit vectors of an anchor and a positive to be smaller by a margin
    than that of the anchor and a negative. The anchor-positive pairs are all
    those of the batch, and the negative of each pair is chosen in the batch,
    too. A batch must therefore have several photos of each of several people,
    as `kcv.data.people_batches` makes them.

    `fit` shows the share of active triplets and the mean squared distances of
    the same and of different people. It warns if the vectors of all faces
    become the same.

    Call with features (B, D). Returns unit vectors (B, D), float32.

    Args:
        margin: Margin of the squared distances. Positive float. Defaults to
            0.2.
        negatives: Rule by which the negative is chosen. "semihard" takes the
            nearest one that is farther than the positive but within the
            margin, and leaves the pair out if there is none.
            "semihard_or_hardest" takes the nearest of all negatives then.
            "violating" takes a random one within the margin, which may be
            nearer than the positive, as OpenFace and davidsandberg/facenet do.
            "hardest" takes the nearest of all negatives. Defaults to
            "semihard".
        reduction: What the losses of the triplets are divided by: "active"
            for the number of triplets whose loss is positive, "pairs" for the
            number of anchor-positive pairs, "sum" for 1. Defaults to "active".
        seed: Seed of the random negatives. Defaults to None, a random one.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> Triplets(negatives="violating").margin
    0.2
    """

    figures = ("active", "positive_distance", "negative_distance")

    def __init__(
        self,
        margin: float = 0.2,
        negatives: str = "semihard",
        reduction: str = "active",
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not margin > 0:
            raise ValueError(
                f"`margin` must be positive. Received: margin={margin!r}"
            )
        for argument, value, allowed in (
            ("negatives", negatives, NEGATIVES),
            ("reduction", reduction, REDUCTIONS),
        ):
            if value not in allowed:
                raise ValueError(
                    f"`{argument}` must be one of {', '.join(allowed)}. "
                    f"Received: {argument}={value!r}"
                )
        self.margin = margin
        self.negatives = negatives
        self.reduction = reduction
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, features):
        return unit_vectors(features)

    def compute(self, features, labels, training):
        return triplet_losses(
            unit_vectors(features[-1]),
            labels,
            self.margin,
            self.negatives,
            self.reduction,
            self.seed_generator,
        )

    def make_callbacks(self):
        return [CollapseWarning(self.margin)]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "margin": self.margin,
            "negatives": self.negatives,
            "reduction": self.reduction,
            "seed": self.seed,
        }


def _accuracy(logits, labels):
    found = tf.argmax(logits, -1, output_type=tf.int32)
    right = tf.equal(found, tf.cast(labels, tf.int32))
    return tf.reduce_mean(tf.cast(right, tf.float32))


def shapes_of_levels(input_shape):
    """Return a list of shapes (B, D), also if there is one level alone."""
    is_one = not isinstance(input_shape[-1], list | tuple)
    return [input_shape] if is_one else input_shape


def _check_people(people):
    if int(people) != people or people < 1:
        raise ValueError(
            "`people` must be the number of people in the training set, a "
            f"positive integer. Received: people={people!r}"
        )
    return int(people)
