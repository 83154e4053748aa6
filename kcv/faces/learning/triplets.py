"""The triplet loss of FaceNet (Schroff et al., CVPR 2015) on one mini-batch.

A triplet has an anchor, a positive (another photo of the same person) and a
negative (a photo of another person). All ordered pairs of anchor and positive
of the mini-batch are used, and each has one negative, which is selected among
the photos of the mini-batch.

Shapes: B embeddings in a mini-batch, of D dimensions.
"""

from typing import Any
from typing import NamedTuple

import keras
import tensorflow as tf
from keras import ops

from kcv.faces.learning.precision import at_least_float32

#: How negatives may be selected, see `select_triplets`.
NEGATIVES = ("semihard", "semihard_or_hardest", "violating", "hardest")
#: How the losses of triplets may be combined, see `triplet_losses`.
REDUCTIONS = ("active", "pairs", "sum")


class TripletSelection(NamedTuple):
    """The triplets of a mini-batch, one for each ordered pair of its images.

    Attributes:
        exists: Whether image i and image j are anchor and positive of a
            triplet. Tensor (B, B) bool.
        negatives: Number of the negative in the mini-batch, where a triplet
            exists. Tensor (B, B) int32.
        is_fallback: Whether the negative is the nearest one because no
            semi-hard one exists. Tensor (B, B) bool.
    """

    exists: Any
    negatives: Any
    is_fallback: Any


def squared_distances(embeddings: Any) -> Any:
    """Compute the squared Euclidean distances of all pairs of embeddings.

    Args:
        embeddings: Tensor (B, D).

    Returns:
        Tensor (B, B) of non-negative numbers, float64 if the embeddings are
        and float32 otherwise.

    Example:

    >>> squared_distances([[0.0, 0.0], [3.0, 4.0]]).numpy().tolist()
    [[0.0, 25.0], [25.0, 0.0]]
    """
    x = at_least_float32(embeddings)
    squares = ops.sum(x * x, axis=1)
    products = ops.matmul(x, ops.transpose(x))
    return ops.relu(squares[:, None] + squares[None] - 2.0 * products)


def select_triplets(
    distances: Any,
    labels: Any,
    margin: float = 0.2,
    negatives: str = "semihard",
    seed: int | keras.random.SeedGenerator | None = None,
) -> TripletSelection:
    """Select a negative for each ordered pair of anchor and positive.

    Let d_ap and d_an be the squared distances of the anchor to the positive
    and to a negative. `negatives` is one of

    - "semihard", the rule of the paper: the nearest negative with
      d_ap < d_an < d_ap + margin. A pair without one is skipped.
    - "semihard_or_hardest": as "semihard", but a pair without one takes the
      nearest negative.
    - "violating": a random one of all negatives with d_an < d_ap + margin.
      This is what the public implementations (OpenFace and
      davidsandberg/facenet) call semi-hard. A pair without one is skipped.
    - "hardest": the nearest negative. It can make all embeddings collapse to
      one point early in the training.

    Each anchor's negatives are sorted once, so that memory grows with B^2 and
    not with B^3.

    Args:
        distances: Squared distances. Tensor (B, B).
        labels: Number of the person on each image. Tensor (B,) of integers.
        margin: Margin alpha of squared distances. Positive float. Defaults to
            0.2.
        negatives: Name of the rule. Defaults to "semihard".
        seed: Seed of the random selection: an integer, a
            `keras.random.SeedGenerator`, or None for a random seed. Only
            "violating" uses it. Defaults to None.

    Returns:
        `TripletSelection`.

    Raises:
        ValueError: If `negatives` is not one of the names.

    Example:

    >>> distances = squared_distances([[0.0], [0.3], [0.5], [2.0]])
    >>> chosen = select_triplets(distances, [0, 0, 1, 1])
    >>> chosen.exists[0, 1].numpy(), chosen.negatives[0, 1].numpy()
    (np.True_, np.int32(2))
    """
    if negatives not in NEGATIVES:
        raise ValueError(
            f"`negatives` must be one of {', '.join(map(repr, NEGATIVES))}. "
            f"Received: negatives={negatives!r}"
        )
    distances = ops.stop_gradient(at_least_float32(distances))
    same, pairs = _positives(labels)
    # Photos of the anchor's own person come last.
    sorting = ops.where(same, float("inf"), distances)
    order = tf.argsort(sorting, axis=1, stable=True)
    ordered = ops.take_along_axis(sorting, order, axis=1)
    numbers = ops.sum(ops.cast(~same, "int32"), axis=1, keepdims=True)

    # Numbers of negatives that are at most as far as the positive, and that
    # violate the margin.
    nearer = tf.searchsorted(ordered, distances, side="right")
    nearer = ops.minimum(nearer, numbers)
    violating = tf.searchsorted(ordered, distances + margin, side="left")
    violating = ops.minimum(violating, numbers)

    nearest = ops.zeros_like(nearer)
    is_fallback = ops.zeros_like(pairs)
    if negatives == "hardest":
        places, found = nearest, nearest < numbers
    elif negatives == "violating":
        shape = ops.shape(distances)
        drawn = keras.random.uniform(shape, dtype="float32", seed=seed)
        places = ops.floor(drawn * ops.cast(violating, "float32"))
        places = ops.cast(places, "int32")
        found = violating > 0
    else:
        places, found = nearer, nearer < violating
        if negatives == "semihard_or_hardest":
            is_fallback = pairs & ~found & (numbers > 0)
            places = ops.where(found, places, nearest)
            found = found | is_fallback
    exists = pairs & found
    places = ops.where(exists, places, 0)
    chosen = ops.take_along_axis(order, places, axis=1)
    return TripletSelection(exists, chosen, is_fallback)


def triplet_losses(
    embeddings: Any,
    labels: Any,
    margin: float = 0.2,
    negatives: str = "semihard",
    reduction: str = "active",
    seed: int | keras.random.SeedGenerator | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Compute the triplet loss of a mini-batch, and figures to watch.

    The loss of a triplet is max(0, d_ap - d_an + margin) with squared
    distances. A triplet with a positive loss is called active. No gradient
    flows through the selection of the negatives.

    The paper writes a sum, and trains with AdaGrad, which does not depend on
    the scale of the loss. For other optimizers the mean over active triplets
    has a scale that does not shrink while training succeeds, so it is the
    default here. The mean over all pairs differs from it by a factor of more
    than 10 at the end of a training, and so does its learning rate.

    Args:
        embeddings: Unit vectors. Tensor (B, D).
        labels: Number of the person on each image. Tensor (B,) of integers.
        margin: Margin alpha of squared distances. Positive float. Defaults to
            0.2.
        negatives: Rule for the negatives: "semihard", "semihard_or_hardest",
            "violating" or "hardest", see `select_triplets`. Defaults to
            "semihard".
        reduction: "active" for the mean over active triplets, "pairs" for the
            mean over all ordered pairs of anchor and positive, or "sum".
            Defaults to "active".
        seed: Seed of the random selection of "violating": an integer, a
            `keras.random.SeedGenerator`, or None for a random seed. Defaults
            to None.

    Returns:
        The loss, (), 0 if no triplet is active, and a dictionary of numbers
        (): `active`, the share of the ordered pairs of anchor and positive
        that have an active triplet; `positive_distance` and
        `negative_distance`, the mean squared distances of all pairs of images
        of one person and of two. They become equal if the embeddings collapse.

    Raises:
        ValueError: If `negatives` or `reduction` is not one of the names.

    Example:

    >>> loss, figures = triplet_losses(
    ...     [[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]], [0, 0, 1], negatives="hardest"
    ... )
    >>> round(float(loss), 3), float(figures["active"])
    (0.52, 0.5)
    """
    if reduction not in REDUCTIONS:
        raise ValueError(
            f"`reduction` must be one of {', '.join(map(repr, REDUCTIONS))}. "
            f"Received: reduction={reduction!r}"
        )
    distances = squared_distances(embeddings)
    selection = select_triplets(distances, labels, margin, negatives, seed)
    losses = losses_of_triplets(distances, selection, margin)
    same, pairs = _positives(labels)
    active = ops.cast(losses > 0, distances.dtype)
    total, num_active = ops.sum(losses), ops.sum(active)
    num_pairs = ops.sum(ops.cast(pairs, distances.dtype))
    loss = total
    if reduction != "sum":
        count = num_active if reduction == "active" else num_pairs
        loss = total / ops.maximum(count, 1.0)
    figures = {
        "active": num_active / ops.maximum(num_pairs, 1.0),
        "positive_distance": _mean_where(pairs, distances),
        "negative_distance": _mean_where(~same, distances),
    }
    return loss, {k: ops.stop_gradient(x) for k, x in figures.items()}


def losses_of_triplets(
    distances: Any, selection: TripletSelection, margin: float = 0.2
) -> Any:
    """Compute the loss of each triplet.

    Args:
        distances: Squared distances. Tensor (B, B).
        selection: The triplets, see `select_triplets`.
        margin: Margin alpha of squared distances. Positive float. Defaults to
            0.2.

    Returns:
        Tensor (B, B) of max(0, d_ap - d_an + margin) by anchor and positive, 0
        where no triplet exists.
    """
    negative = ops.take_along_axis(distances, selection.negatives, axis=1)
    return ops.where(
        selection.exists, ops.relu(distances - negative + margin), 0.0
    )


def _positives(labels):
    """Find the pairs of one person, with and without pairs of one image."""
    labels = ops.convert_to_tensor(labels)
    same = labels[:, None] == labels[None]
    return same, same & ~ops.eye(ops.shape(labels)[0], dtype="bool")


def _mean_where(mask, values):
    weights = ops.cast(mask, values.dtype)
    return ops.sum(weights * values) / ops.maximum(ops.sum(weights), 1.0)
