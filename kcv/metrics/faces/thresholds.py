"""Thresholds of distances, chosen on training pairs.

A pair is accepted as one person if its distance is *below* the threshold.
Shapes: N pairs.
"""

import numpy as np
from numpy.typing import ArrayLike

from kcv.metrics.faces.forms import read_distances
from kcv.metrics.faces.forms import read_same

# Rounding must not turn 0.1 * 270 into 26.
_EPSILON = 1e-9


def accuracy_threshold(
    distances: ArrayLike,
    same: ArrayLike,
    candidates: ArrayLike | None = None,
) -> float:
    """Find the threshold that classifies the most pairs correctly.

    Args:
        distances: Distance of each pair. Array (N,).
        same: Whether a pair shows one person. Array (N,) of bool, or of 0 and
            1.
        candidates: Thresholds to choose from, in increasing order. Array (M,).
            If None, these are the middles between neighboring distances and one
            threshold beyond each end, so that no threshold is better. Defaults
            to None.

    Returns:
        The smallest of the best candidates.

    Raises:
        ValueError: If shapes differ, a distance is not finite, or there is no
            pair.

    Example:

    >>> accuracy_threshold([0.5, 1.0, 2.0, 1.5], [True, True, False, False])
    1.25
    """
    distances = read_distances(distances, 1)
    same = read_same(same, len(distances))
    _require_some(distances, "distances")
    if candidates is None:
        values = np.unique(distances)
        middles = (values[1:] + values[:-1]) / 2
        candidates = np.concatenate(
            [values[:1] - 1.0, middles, values[-1:] + 1.0]
        )
    candidates = np.asarray(candidates, np.float64)
    accepted = count_below(distances[same], candidates)
    rejected = (~same).sum() - count_below(distances[~same], candidates)
    return float(candidates[np.argmax(accepted + rejected)])


def far_threshold(negatives: ArrayLike, far: float) -> float:
    """Find the largest threshold that keeps a false accept rate.

    Args:
        negatives: Distances of pairs of two people. Array (N,).
        far: False accept rate: the largest share of these pairs that may be
            accepted. Float in [0, 1].

    Returns:
        The (floor(far * N) + 1)-th smallest distance, or infinity if all pairs
        may be accepted.

    Raises:
        ValueError: If `far` is out of its range, a distance is not finite, or
            there is no pair.

    Example:

    >>> far_threshold([0.9, 0.5, 0.7, 1.2], 0.25)
    0.7
    """
    negatives = np.sort(read_distances(negatives, 1))
    _require_some(negatives, "negatives")
    place = int(check_far(far) * len(negatives) + _EPSILON)
    return float(negatives[place]) if place < len(negatives) else float("inf")


def check_far(far: float) -> float:
    """Make sure that a false accept rate is in [0, 1].

    Args:
        far: False accept rate.

    Returns:
        `far`.

    Raises:
        ValueError: If it is out of its range.
    """
    if not 0 <= far <= 1:
        raise ValueError(f"`far` must be in [0, 1]. Received: far={far!r}")
    return far


def count_below(values: np.ndarray, thresholds: ArrayLike) -> np.ndarray:
    """Count the values that are below each threshold.

    Args:
        values: Array (N,).
        thresholds: Array of any shape.

    Returns:
        Counts, in the shape of `thresholds`.

    Example:

    >>> count_below(np.array([1.0, 3.0, 2.0]), [0.5, 2.0, 9.0]).tolist()
    [0, 1, 3]
    """
    return np.searchsorted(np.sort(values), thresholds, side="left")


def _require_some(values, name):
    """Refuse an empty set of pairs, of which any threshold would be right."""
    if not len(values):
        raise ValueError(
            f"`{name}` must have at least one pair. Received: {name} of shape "
            f"{values.shape}"
        )
