"""Identification and verification of pairs, as DeepID2 learns them.

Sun et al., "Deep Learning Face Representation by Joint
Identification-Verification", NIPS 2014. In this module, B is the number of
images in a mini-batch, P the number of pairs, D the number of dimensions of a
feature and C the number of people.
"""

from typing import Any
from typing import NamedTuple

import keras
from keras import ops

from kcv.faces.learning.identification import identification_losses
from kcv.faces.learning.precision import at_least_float32


class PairLosses(NamedTuple):
    """The losses of a mini-batch of pairs.

    Attributes:
        loss: Mean over the pairs of both identification losses and the
            weighted verification loss. Tensor ().
        identification: Mean identification loss of an image. Tensor ().
        verification: Mean verification loss of a pair, without its weight.
            Tensor ().
    """

    loss: Any
    identification: Any
    verification: Any


def identification_verification(
    features: Any,
    logits: Any,
    labels: Any,
    first: Any,
    second: Any,
    margin: Any,
    weight: float = 0.05,
) -> PairLosses:
    """Compute the loss of DeepID2 for pairs of a mini-batch.

    The loss of a pair is ident_i + ident_j + weight * verif. The weights of the
    softmax learn from the identification alone, because the verification does
    not depend on them.

    Args:
        features: Features of the images, not normalized. Tensor (B, D).
        logits: Scores of the people before the softmax. Tensor (B, C).
        labels: Number of the person on each image, from 0 to C - 1. Tensor
            (B,) of integers.
        first: Number of the first image of each pair. Tensor (P,) of integers.
        second: Number of the second image of each pair. Tensor (P,) of
            integers.
        margin: Distance that images of two people should have at least, a
            float or a tensor (), see `VerificationMargin`.
        weight: Weight lambda of the verification loss. Float. Defaults to
            0.05.

    Returns:
        `PairLosses`.

    Example:

    >>> losses = identification_verification(
    ...     [[0.0], [2.0]], [[0.0, 0.0], [0.0, 0.0]], [1, 1], [0], [1], 1.0
    ... )
    >>> float(losses.verification), round(float(losses.loss), 4)
    (2.0, 1.4863)
    """
    ident = identification_losses(logits, labels)
    ident = ops.take(ident, first) + ops.take(ident, second)
    distances, same = pair_distances(features, labels, first, second)
    verif = verification_losses(distances, same, margin)
    # A batch without pairs has no loss.
    count = ops.cast(ops.maximum(ops.shape(verif)[0], 1), verif.dtype)
    total, pairs = ops.sum(ident) / count, ops.sum(verif) / count
    return PairLosses(total + weight * pairs, total / 2.0, pairs)


def pair_distances(
    features: Any, labels: Any, first: Any, second: Any
) -> tuple[Any, Any]:
    """Compute the Euclidean distances of pairs.

    The gradient at distance 0 is defined as 0.

    Args:
        features: Tensor (B, D).
        labels: Number of the person on each image. Tensor (B,) of integers.
        first: Number of the first image of each pair. Tensor (P,) of integers.
        second: Number of the second image of each pair. Tensor (P,) of
            integers.

    Returns:
        Distances (P,), float64 if the features are and float32 otherwise, and
        whether the images of a pair show the same person, (P,) bool.

    Example:

    >>> distances, same = pair_distances([[0.0], [2.0]], [7, 8], [0], [1])
    >>> distances.numpy().tolist(), same.numpy().tolist()
    ([2.0], [False])
    """
    features = at_least_float32(features)
    labels = ops.convert_to_tensor(labels)
    difference = ops.take(features, first, 0) - ops.take(features, second, 0)
    squares = ops.sum(difference * difference, axis=1)
    # The root has an infinite slope at 0, and 0 times infinity is NaN. The
    # inner `where` keeps the root away from 0, the outer one restores the 0.
    apart = squares > 0
    roots = ops.sqrt(ops.where(apart, squares, 1.0))
    distances = ops.where(apart, roots, 0.0)
    return distances, ops.take(labels, first) == ops.take(labels, second)


def verification_losses(distances: Any, same: Any, margin: Any) -> Any:
    """Compute the verification loss of DeepID2 for each pair.

    Args:
        distances: Euclidean distances of features. Float tensor (P,).
        same: Whether a pair shows one person. Tensor (P,) bool.
        margin: Distance that images of two people should have at least, a
            float or a tensor ().

    Returns:
        Half the squared distance for a pair of one person, and half of
        max(0, margin - distance) squared for a pair of two. Tensor (P,).

    Example:

    >>> losses = verification_losses([2.0, 0.5, 3.0], [True, False, False], 1.5)
    >>> losses.numpy().tolist()
    [2.0, 0.5, 0.0]
    """
    distances = at_least_float32(distances)
    lack = ops.relu(ops.cast(margin, distances.dtype) - distances)
    return 0.5 * ops.square(ops.where(same, distances, lack))


def sample_pairs(
    labels: Any, seed: int | keras.random.SeedGenerator | None = None
) -> tuple[Any, Any]:
    """Draw a partner for each image of a mini-batch.

    With probability 0.5 the partner is another photo of the same person, and
    otherwise a photo of another person. If the mini-batch has only one of the
    two kinds, the partner is of this kind. The only image of a mini-batch is
    its own partner.

    Args:
        labels: Number of the person on each image. Tensor (B,) of integers.
        seed: Seed of the selection: an integer, a
            `keras.random.SeedGenerator`, or None for a random seed. Defaults
            to None.

    Returns:
        Numbers of the first and of the second image of B pairs, tensors (B,)
        int32.

    Example:

    >>> first, second = sample_pairs([4, 4])
    >>> first.numpy().tolist(), second.numpy().tolist()
    ([0, 1], [1, 0])
    """
    labels = ops.convert_to_tensor(labels)
    size = ops.shape(labels)[0]
    itself = ops.eye(size, dtype="bool")
    same = labels[:, None] == labels[None]
    drawn = keras.random.uniform((size, size + 1), dtype="float32", seed=seed)
    wants_same = drawn[:, -1:] < 0.5
    # The largest of the random numbers wins: those of the wanted kind come
    # before those of the other kind, and these before the image itself.
    rank = drawn[:, :-1] + ops.cast(same == wants_same, "float32")
    second = ops.argmax(ops.where(itself, -1.0, rank), axis=1)
    return ops.arange(size, dtype="int32"), ops.cast(second, "int32")
