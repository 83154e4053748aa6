"""The objective of FaceNet: triplets of faces.

B faces of a batch, D numbers of a feature.
"""

from typing import Any

import keras

from kcv.faces.learning.collapse import CollapseWarning
from kcv.faces.learning.triplets import NEGATIVES
from kcv.faces.learning.triplets import REDUCTIONS
from kcv.faces.learning.triplets import triplet_losses
from kcv.faces.objectives.objective import Objective
from kcv.layers import unit_vectors


@keras.saving.register_keras_serializable("kcv")
class Triplets(Objective):
    """Learn from an anchor, a photo of the same person and one of another.

    In FaceNet (Schroff, Kalenichenko and Philbin 2015) the squared distance of
    the unit vectors of an anchor and a positive is to be smaller by a margin
    than that of the anchor and a negative. The anchor-positive pairs are all
    those of the batch, and the negative of each pair is chosen in the batch,
    too. A batch must therefore have several photos of each of several people,
    as `kcv.data.people_batches` makes them.

    `fit` shows the share of active triplets and the mean squared distances of
    the same and of different people. It warns if the vectors of all faces
    become the same, and if no batch of an epoch has two photos of a person or
    none has photos of two people.

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
        reduction: Number that the losses of the triplets are divided by:
            "active" for the number of triplets whose loss is positive, "pairs"
            for the number of anchor-positive pairs, "sum" for 1. Defaults to
            "active".
        seed: Seed of the random negatives. If None, it is random. Defaults to
            None.
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
            # An evaluation always draws the same negatives.
            self.seed_generator if training else 0,
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
