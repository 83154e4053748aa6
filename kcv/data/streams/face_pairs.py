"""Pairs of photos in the manner of Labeled Faces in the Wild.

G. B. Huang et al., "Labeled Faces in the Wild", technical report 07-49, 2007.
Its view 2 has ten folds of 300 pairs of one person and 300 pairs of two. No
person is in two folds.
"""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class FacePairs(NamedTuple):
    """Pairs of photos, and whether a pair shows one person.

    Attributes:
        first: Position of the first photo of each pair in its set, (N,) int64.
        second: Position of the second photo of each pair, (N,) int64.
        same: Whether both photos show one person, (N,) bool.
        folds: Fold of each pair, counted from 0, (N,) int64.
    """

    first: np.ndarray
    second: np.ndarray
    same: np.ndarray
    folds: np.ndarray


def lfw_pairs(
    labels: ArrayLike, folds: int = 10, pairs: int = 300, seed: int = 0
) -> FacePairs:
    """Draw pairs with the structure of Labeled Faces in the Wild.

    People are divided among the folds at random. Within a fold, a pair of one
    person is two photos of a random person with at least two photos, and a pair
    of two people is a random photo of each of two random people. No pair is
    drawn twice. Figures on such pairs are "LFW-style": only the published pairs
    give figures that can be compared with those of papers.

    Args:
        labels: Person on each photo of a set. Array (N,) of integers.
        folds: Number of folds. Defaults to 10.
        pairs: Number of pairs of each kind in a fold. Defaults to 300.
        seed: Seed of the draws. Defaults to 0.

    Returns:
        The `FacePairs`, fold by fold, pairs of one person first.

    Raises:
        ValueError: If the set has too few people or photos for the pairs.

    Example:

    >>> drawn = lfw_pairs([0, 0, 1, 1, 2, 2, 3, 3], folds=2, pairs=2)
    >>> drawn.same.tolist()
    [True, True, False, False, True, True, False, False]
    """
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(
            "`labels` must have the shape (N,). Received: labels of shape "
            f"{labels.shape}"
        )
    if folds < 1 or pairs < 1:
        raise ValueError(
            "`folds` and `pairs` must be at least 1. Received: "
            f"folds={folds}, pairs={pairs}"
        )
    rng = np.random.default_rng((0, seed))
    drawn: list[tuple[int, int]] = []
    for fold, own in enumerate(_divide(labels, folds, rng)):
        drawn += _pairs_of_one(own, pairs, fold, rng)
        drawn += _pairs_of_two(own, pairs, fold, rng)
    first, second = np.array(drawn, np.int64).T
    return FacePairs(
        first,
        second,
        np.tile(np.repeat([True, False], pairs), folds),
        np.repeat(np.arange(folds), 2 * pairs),
    )


def count_pairs(labels: np.ndarray, folds: int, seed: int = 0) -> int:
    """Count the pairs of each kind that every fold has.

    Args:
        labels: Person on each photo of a set. Array (N,) of integers.
        folds: Number of folds.
        seed: Seed of the draws. Defaults to 0.

    Returns:
        The largest `pairs` for which `lfw_pairs` can draw that many pairs.

    Example:

    >>> count_pairs(np.array([0, 0, 1, 1, 2, 2, 3, 3]), folds=2)
    2
    """
    rng = np.random.default_rng((0, seed))
    return min(
        min(_count_of_one(own), _count_of_two(own))
        for own in _divide(labels, folds, rng)
    )


def _divide(labels, folds, rng) -> list[list[np.ndarray]]:
    """List the positions of the photos of each person of each fold."""
    order = np.argsort(labels, kind="stable")
    _, starts = np.unique(labels[order], return_index=True)
    photos = np.split(order, starts[1:])
    rng.shuffle(photos := list(photos))
    return [photos[fold::folds] for fold in range(folds)]


def _count_of_one(photos) -> int:
    return sum(len(own) * (len(own) - 1) // 2 for own in photos)


def _count_of_two(photos) -> int:
    sizes = np.array([len(own) for own in photos], np.int64)
    return int(sizes.sum() ** 2 - (sizes**2).sum()) // 2


def _pairs_of_one(photos, count, fold, rng) -> list[tuple[int, int]]:
    several = [own for own in photos if len(own) > 1]
    there = _count_of_one(several)
    _check_number(there, count, fold, "pairs of one person")

    def draw():
        own = several[rng.integers(len(several))]
        return rng.choice(own, 2, replace=False)

    if there > 2 * count:
        return _draw_distinct(draw, count)
    every = [pair for own in several for pair in itertools.combinations(own, 2)]
    return [every[k] for k in rng.choice(there, count, replace=False)]


def _pairs_of_two(photos, count, fold, rng) -> list[tuple[int, int]]:
    there = _count_of_two(photos)
    _check_number(there, count, fold, "pairs of two people")

    def draw():
        one, other = rng.choice(len(photos), 2, replace=False)
        return rng.choice(photos[one]), rng.choice(photos[other])

    if there > 2 * count:
        return _draw_distinct(draw, count)
    every = [
        pair
        for one, other in itertools.combinations(photos, 2)
        for pair in itertools.product(one, other)
    ]
    return [every[k] for k in rng.choice(there, count, replace=False)]


def _draw_distinct(draw, count) -> list[tuple[int, int]]:
    """Draw until there are enough different pairs."""
    drawn: dict[tuple[int, int], tuple[int, int]] = {}
    while len(drawn) < count:
        one, other = map(int, draw())
        drawn.setdefault((min(one, other), max(one, other)), (one, other))
    return list(drawn.values())


def _check_number(there, count, fold, kind):
    if there < count:
        raise ValueError(
            f"`pairs` must be at most {there}, the number of {kind} in fold "
            f"{fold}. Received: pairs={count}. Fewer folds have more people "
            "each."
        )
