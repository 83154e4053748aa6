"""Verification of pairs by the protocol of LFW (Huang et al. 2007).

The pairs are divided into folds, ten of 300 + 300 pairs in LFW. The threshold
of a fold is chosen on all other folds. A pair is accepted as one person if its
distance is below the threshold. Shapes: N pairs, K folds.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kcv.metrics.faces.forms import VerificationPairs
from kcv.metrics.faces.forms import read_distances
from kcv.metrics.faces.forms import read_pairs
from kcv.metrics.faces.forms import read_same
from kcv.metrics.faces.thresholds import accuracy_threshold
from kcv.metrics.faces.thresholds import check_far
from kcv.metrics.faces.thresholds import count_below
from kcv.metrics.faces.thresholds import far_threshold

# The grids of davidsandberg/facenet, for squared distances of unit vectors.
_ACCURACY_GRID = np.arange(0, 4, 0.01)
_RATE_GRID = np.arange(0, 4, 0.001)


class VerificationAccuracy(NamedTuple):
    """Accuracy by the protocol of LFW.

    Attributes:
        mean: Mean accuracy of the folds.
        standard_error: Standard error of the mean: the standard deviation of
            the folds with K - 1 degrees of freedom, over the root of K.
            davidsandberg/facenet prints `fold_accuracies.std()` instead.
        fold_accuracies: Float64 array (K,).
        thresholds: Threshold of each fold. Float64 array (K,).
    """

    mean: float
    standard_error: float
    fold_accuracies: np.ndarray
    thresholds: np.ndarray


class ValidationRate(NamedTuple):
    """Validation rate at a false accept rate, by folds.

    Attributes:
        mean: Mean validation rate (VAL) of the folds.
        standard_error: Standard error of the mean.
        fold_rates: VAL of each fold. Float64 array (K,).
        fold_fars: False accept rate that each fold really has. Float64 array
            (K,).
        thresholds: Threshold of each fold. Float64 array (K,).
    """

    mean: float
    standard_error: float
    fold_rates: np.ndarray
    fold_fars: np.ndarray
    thresholds: np.ndarray


class VerificationRoc(NamedTuple):
    """Receiver operating characteristic of a verification.

    Attributes:
        far: False accept rate by increasing threshold, from 0 to 1. Float64
            array (M,).
        rate: Validation rate, the true accept rate, from 0 to 1. Float64 array
            (M,).
        thresholds: Smallest threshold that accepts as many pairs: a pair is
            accepted if its distance is at most the threshold. The first is
            negative infinity, which accepts none. Float64 array (M,).
        auc: Area under the curve: the probability that a pair of one person is
            nearer than a pair of two, where equal distances count half.
    """

    far: np.ndarray
    rate: np.ndarray
    thresholds: np.ndarray
    auc: float


def lfw_accuracy(
    distances: ArrayLike,
    same: ArrayLike,
    folds: ArrayLike,
    thresholds: str = "exact",
) -> VerificationAccuracy:
    """Measure the accuracy of a verification by the protocol of LFW.

    Args:
        distances: Distance of each pair, for example the squared distance of
            embeddings, or the negated score of Joint Bayesian. Array (N,).
        same: Whether a pair shows one person. Array (N,) of bool, or of 0 and
            1.
        folds: Fold of each pair. Array (N,) of integers.
        thresholds: "exact" chooses among the middles between neighboring
            distances and one threshold beyond each end. "grid" is the grid of
            davidsandberg/facenet, from 0 to 4 in steps of 0.01, for distances
            in [0, 4]. Both take the smallest of the best thresholds. Defaults
            to "exact".

    Returns:
        `VerificationAccuracy`.

    Raises:
        ValueError: If shapes differ, a distance is not finite, there are fewer
            than two folds, a fold lacks one kind of pair, or `thresholds` is
            unknown.

    Example:

    >>> result = lfw_accuracy(
    ...     [0.1, 0.9, 0.2, 0.8], [True, False, True, False], [0, 0, 1, 1]
    ... )
    >>> result.mean, result.standard_error
    (1.0, 0.0)
    """
    _check_name("thresholds", thresholds, ("exact", "grid"))
    pairs = read_pairs(distances, same, folds)
    candidates = None
    if thresholds == "grid":
        candidates = _grid(pairs, _ACCURACY_GRID)
    chosen = _choose(
        pairs,
        lambda distances, same: accuracy_threshold(distances, same, candidates),
    )
    right = (pairs.distances < chosen[pairs.folds]) == pairs.same
    accuracies = _rate_of_folds(right, pairs, np.ones_like(pairs.same))
    mean, error = _mean_and_error(accuracies)
    return VerificationAccuracy(mean, error, accuracies, chosen)


def validation_rate(
    distances: ArrayLike,
    same: ArrayLike,
    folds: ArrayLike,
    far: float = 1e-3,
    method: str = "exact",
) -> ValidationRate:
    """Measure the share of accepted pairs of one person at a false accept rate.

    This is VAL at FAR of FaceNet (Schroff et al. 2015). The threshold of a
    fold has the false accept rate `far` on the other folds. LFW has 2,700 pairs
    of two people in nine folds, so that a rate of 0.001 stands for two pairs
    and is a coarse figure.

    Args:
        distances: Distance of each pair. Array (N,).
        same: Whether a pair shows one person. Array (N,) of bool, or of 0 and
            1.
        folds: Fold of each pair. Array (N,) of integers.
        far: False accept rate. Float in [0, 1]. Defaults to 0.001.
        method: "exact" takes the largest threshold whose false accept rate is
            at most `far`. "interpolated" is the method of
            davidsandberg/facenet for distances in [0, 4]: it interpolates
            linearly between the thresholds of a grid of step 0.001, of which
            it keeps the largest of each false accept rate. Defaults to
            "exact".

    Returns:
        `ValidationRate`.

    Raises:
        ValueError: If shapes differ, a distance is not finite, there are fewer
            than two folds, a fold lacks one kind of pair, or `far` or `method`
            is out of its range.

    Example:

    >>> result = validation_rate(
    ...     [0.1, 0.9, 0.2, 0.9], [True, False, True, False], [0, 0, 1, 1]
    ... )
    >>> result.mean, result.fold_fars.tolist()
    (1.0, [0.0, 0.0])
    """
    _check_name("method", method, ("exact", "interpolated"))
    check_far(far)
    pairs = read_pairs(distances, same, folds)
    grid = _grid(pairs, _RATE_GRID) if method == "interpolated" else None

    def threshold(distances, same):
        negatives = distances[~same]
        if grid is None:
            return far_threshold(negatives, far)
        return _interpolate(negatives, far, grid)

    chosen = _choose(pairs, threshold)
    accepted = pairs.distances < chosen[pairs.folds]
    rates = _rate_of_folds(accepted, pairs, pairs.same)
    fars = _rate_of_folds(accepted, pairs, ~pairs.same)
    mean, error = _mean_and_error(rates)
    return ValidationRate(mean, error, rates, fars, chosen)


def verification_roc(distances: ArrayLike, same: ArrayLike) -> VerificationRoc:
    """Compute the ROC of a verification, with one point for each distance.

    Args:
        distances: Distance of each pair. Array (N,).
        same: Whether a pair shows one person. Array (N,) of bool, or of 0 and
            1.

    Returns:
        `VerificationRoc`.

    Raises:
        ValueError: If shapes differ, a distance is not finite, or one kind of
            pair is missing.

    Example:

    >>> roc = verification_roc([0.1, 0.4, 0.3, 0.9], [True, True, False, False])
    >>> roc.far.tolist(), roc.rate.tolist(), roc.auc
    ([0.0, 0.0, 0.5, 0.5, 1.0], [0.0, 0.5, 0.5, 1.0, 1.0], 0.75)
    """
    distances = read_distances(distances, 1)
    same = read_same(same, len(distances))
    if same.all() or not same.any():
        raise ValueError(
            "`same` must have pairs of one person and of two. Received: "
            f"{int(same.sum())} pairs of one person among {len(same)}"
        )
    values = np.unique(distances)
    thresholds = np.concatenate([[-np.inf], values])
    far, rate = (
        np.searchsorted(np.sort(own), thresholds, side="right") / len(own)
        for own in (distances[~same], distances[same])
    )
    # The trapezoidal rule: `np.trapezoid` needs NumPy 2.
    auc = float(np.diff(far) @ (rate[1:] + rate[:-1])) / 2
    return VerificationRoc(far, rate, thresholds, auc)


def _check_name(argument, value, names):
    if value not in names:
        raise ValueError(
            f"`{argument}` must be {' or '.join(map(repr, names))}. Received: "
            f"{argument}={value!r}"
        )


def _grid(pairs: VerificationPairs, grid: np.ndarray) -> np.ndarray:
    lowest, highest = pairs.distances.min(), pairs.distances.max()
    if lowest < 0 or highest > 4 + 1e-6:
        raise ValueError(
            "`distances` must be in [0, 4] for a grid of thresholds. Received: "
            f"distances from {lowest:g} to {highest:g}"
        )
    return grid


def _choose(
    pairs: VerificationPairs,
    threshold: Callable[[np.ndarray, np.ndarray], float],
) -> np.ndarray:
    """Choose the threshold of each fold on all the others."""
    chosen = []
    for fold in range(pairs.num_folds):
        others = pairs.folds != fold
        chosen.append(threshold(pairs.distances[others], pairs.same[others]))
    return np.array(chosen)


def _interpolate(negatives, far, grid):
    """Interpolate the threshold of a false accept rate between grid points."""
    fars = count_below(negatives, grid) / len(negatives)
    # An interpolation needs increasing rates: of equal ones the last is kept.
    is_last = np.append(fars[1:] > fars[:-1], True)
    return float(np.interp(far, fars[is_last], grid[is_last]))


def _rate_of_folds(hits, pairs, among):
    """Compute the share of hits among some pairs of each fold."""
    count = np.bincount(pairs.folds[among], minlength=pairs.num_folds)
    hits = np.bincount(pairs.folds[among & hits], minlength=pairs.num_folds)
    return hits / count


def _mean_and_error(values):
    error = values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean()), float(error)
