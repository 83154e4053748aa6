"""What verifiers have in common: they are fitted, saved and loaded."""

import os
from typing import ClassVar
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from kcv.faces.verification.array_files import read_arrays
from kcv.faces.verification.array_files import write_arrays
from kcv.metrics.faces.forms import read_embeddings


class Fitted:
    """Base of the verifiers, whose state is a few arrays.

    A subclass names its arrays in `FIELDS`, with the number of dimensions of
    each, and sets them as attributes in `fit`. Before that they are None.
    """

    FIELDS: ClassVar[dict[str, int]] = {}

    def __init__(self):
        for name in self.FIELDS:
            setattr(self, name, None)

    def save(self, path: str | os.PathLike) -> None:
        """Save the fitted verifier as .npz, completely or not at all.

        Args:
            path: Path of the file, in a folder that exists.

        Raises:
            ValueError: If it has not been fitted.
            OSError: If the file cannot be written.
        """
        write_arrays(path, type(self).__name__, self.arrays())

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Load a fitted verifier that `save` has written.

        Args:
            path: Path of the file.

        Returns:
            The verifier.

        Raises:
            FileNotFoundError: If the file does not exist.
            ValueError: If the file is damaged or of another kind.
        """
        return cls.from_arrays(read_arrays(path, cls.__name__, cls.FIELDS))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays that the verifier consists of.

        Returns:
            Arrays by the names of `FIELDS`.

        Raises:
            ValueError: If it has not been fitted.
        """
        self._require_fitted()
        return {name: np.asarray(getattr(self, name)) for name in self.FIELDS}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self:
        """Make a fitted verifier of its arrays.

        Args:
            arrays: Arrays by the names of `FIELDS`.

        Returns:
            The verifier.
        """
        verifier = cls()
        for name, dimensions in cls.FIELDS.items():
            value = arrays[name]
            setattr(verifier, name, value if dimensions else value.item())
        return verifier

    def _require_fitted(self) -> None:
        if any(getattr(self, name) is None for name in self.FIELDS):
            raise ValueError(
                f"{type(self).__name__} must be fitted first: call `fit`."
            )

    def _read(
        self, values: ArrayLike, name: str, dimensions: int
    ) -> np.ndarray:
        """Check the features that a fitted verifier is called with."""
        self._require_fitted()
        return read_embeddings(values, name, dimensions)


def read_feature_pairs(
    first: ArrayLike, second: ArrayLike, dimensions: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Check the features of pairs.

    Args:
        first: Features (M, D).
        second: Features (M, D).
        dimensions: D. If None, any number is accepted. Defaults to None.

    Returns:
        Both as float64 arrays (M, D).

    Raises:
        ValueError: If a shape is wrong, or a number is not finite.
    """
    x1 = read_embeddings(first, "first", dimensions)
    x2 = read_embeddings(second, "second", x1.shape[1])
    if len(x1) != len(x2):
        raise ValueError(
            "`second` must have as many rows as `first`. Received: "
            f"{len(x1)} and {len(x2)} rows"
        )
    return x1, x2


def read_people(
    labels: ArrayLike, length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give numbers to the people of a set, and count their photos.

    Args:
        labels: Person on each image. Array (`length`,).
        length: Number of images.

    Returns:
        Number of the person on each image, from 0, int64 array (`length`,), and
        the number of photos of each person, int64 array.

    Raises:
        ValueError: If the shape is another, there is one person only, or
            everybody has one photo only.
    """
    labels = np.asarray(labels)
    if labels.shape != (length,):
        raise ValueError(
            f"`labels` must have the shape ({length},). Received: labels of "
            f"shape {labels.shape}"
        )
    _, owners, counts = np.unique(
        labels, return_inverse=True, return_counts=True
    )
    if len(counts) < 2 or counts.max() < 2:
        raise ValueError(
            "`labels` must have at least two people, and one of them with two "
            f"photos. Received: {len(counts)} people with at most "
            f"{counts.max(initial=0)} photos"
        )
    return owners, counts
