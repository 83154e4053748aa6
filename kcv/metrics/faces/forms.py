"""Embeddings, distances and pairs, checked before anything is measured.

Shapes: N images with embeddings of D dimensions.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class VerificationPairs(NamedTuple):
    """Distances of the pairs of a verification protocol.

    Attributes:
        distances: Finite float64 array (N,).
        same: Whether a pair shows one person. Bool array (N,).
        folds: Number of the fold of each pair, from 0. Int64 array (N,).
        num_folds: Number of folds.
    """

    distances: np.ndarray
    same: np.ndarray
    folds: np.ndarray
    num_folds: int


def read_embeddings(
    values: ArrayLike,
    name: str = "embeddings",
    dimensions: int | None = None,
) -> np.ndarray:
    """Convert embeddings to float64 and make sure that they are finite.

    Args:
        values: Array (N, D).
        name: Name of the argument in an error. Defaults to "embeddings".
        dimensions: D. If None, any number is accepted. Defaults to None.

    Returns:
        Float64 array (N, D).

    Raises:
        ValueError: If the shape is another, or a number is not finite.

    Example:

    >>> read_embeddings([[1, 0]]).dtype
    dtype('float64')
    """
    array = np.asarray(values, np.float64)
    if array.ndim != 2 or dimensions not in (None, array.shape[1]):
        width = "dimensions" if dimensions is None else dimensions
        raise ValueError(
            f"`{name}` must have the shape (images, {width}). Received: "
            f"{name} of shape {array.shape}"
        )
    return _finite(array, name)


def read_distances(values: ArrayLike, dimensions: int) -> np.ndarray:
    """Convert distances to float64 and make sure that they are finite.

    Args:
        values: Distances, array of any shape with `dimensions` axes.
        dimensions: Number of its dimensions.

    Returns:
        Float64 array.

    Raises:
        ValueError: If the number of dimensions is another, or a distance is
            not finite.
    """
    array = np.asarray(values, np.float64)
    if array.ndim != dimensions:
        raise ValueError(
            f"`distances` must have {dimensions} dimensions. Received: "
            f"distances of shape {array.shape}"
        )
    return _finite(array, "distances")


def _finite(array, name):
    wrong = ~np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
    if wrong.any():
        raise ValueError(
            f"`{name}` must be finite. Received: NaN or infinity in "
            f"{int(wrong.sum())} of {len(array)} rows, the first at "
            f"{int(wrong.argmax())}"
        )
    return array


def read_labels(values: ArrayLike, name: str, length: int) -> np.ndarray:
    """Return labels as an array of one dimension and of the right length.

    Args:
        values: Array (`length`,).
        name: Name of the argument in an error.
        length: Number of labels that there should be.

    Returns:
        Array (`length`,).

    Raises:
        ValueError: If the shape is another.
    """
    array = np.asarray(values)
    if array.shape != (length,):
        raise ValueError(
            f"`{name}` must have the shape ({length},). Received: {name} of "
            f"shape {array.shape}"
        )
    return array


def read_pairs(
    distances: ArrayLike, same: ArrayLike, folds: ArrayLike
) -> VerificationPairs:
    """Check the distances of labeled pairs that are divided into folds.

    Args:
        distances: Distance of each pair. Array (N,).
        same: Whether a pair shows one person. Array (N,) of bool, or of 0 and
            1.
        folds: Fold of each pair. Array (N,) of integers.

    Returns:
        `VerificationPairs`.

    Raises:
        ValueError: If shapes differ, a distance is not finite, there are fewer
            than two folds, or a fold lacks one kind of pair.
    """
    distances = read_distances(distances, 1)
    same = read_same(same, len(distances))
    names, numbers = np.unique(
        read_labels(folds, "folds", len(distances)), return_inverse=True
    )
    if len(names) < 2:
        raise ValueError(
            "`folds` must have at least two different values. Received: "
            f"folds={names.tolist()}"
        )
    for number, name in enumerate(names):
        own = same[numbers == number]
        if own.all() or not own.any():
            raise ValueError(
                "`same` must have pairs of one person and of two in each fold. "
                f"Received: {int(own.sum())} pairs of one person among "
                f"{len(own)} in fold {name}"
            )
    return VerificationPairs(distances, same, numbers, len(names))


def read_same(values: ArrayLike, length: int) -> np.ndarray:
    """Return the labels of pairs as a bool array.

    Args:
        values: Whether a pair shows one person. Array (`length`,) of bool, or
            of 0 and 1.
        length: Number of pairs.

    Returns:
        Bool array (`length`,).

    Raises:
        ValueError: If the shape is another, or a value is not supported.
    """
    array = read_labels(values, "same", length)
    if not np.isin(array, (0, 1)).all():
        raise ValueError(
            "`same` must be True and False, or 1 and 0. Received: "
            f"same={np.unique(array).tolist()[:5]}"
        )
    return array.astype(bool)
