"""Principal components of features.

Shapes: N features of D dimensions, of which K components are kept.
"""

import numpy as np
from numpy.typing import ArrayLike

from kcv.faces.verification.fitted import Fitted
from kcv.metrics.faces.forms import read_embeddings


class PCA(Fitted):
    """Project features to their principal components.

    Before Joint Bayesian, DeepID reduces its concatenated features to 150
    components, and DeepID2 to 180. The singular vectors are
    computed from the smaller of the two Gram matrices, (D, D) or (N, N).

    Args:
        components: K, number of components. Positive integer. Defaults to 150.
        whiten: Whether components are divided by their standard deviations.
            Defaults to False.

    Attributes:
        mean: Mean feature. Float64 array (D,).
        directions: Orthonormal rows, by decreasing variance. The entry of
            largest magnitude of each is positive. Float64 array (K, D).
        variances: Variances of the components, with N - 1 degrees of freedom.
            Float64 array (K,).

    Raises:
        ValueError: If `components` is not positive.

    Example:

    >>> x = np.random.default_rng(0).standard_normal((20, 4))
    >>> PCA(components=2).fit(x).transform(x).shape
    (20, 2)
    """

    FIELDS = {"mean": 1, "directions": 2, "variances": 1, "whiten": 0}
    mean: np.ndarray
    directions: np.ndarray
    variances: np.ndarray

    def __init__(self, components: int = 150, whiten: bool = False):
        super().__init__()
        if components < 1:
            raise ValueError(
                "`components` must be a positive integer. Received: "
                f"components={components!r}"
            )
        self.components = components
        self.whiten = whiten

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> "PCA":
        """Make a fitted projection of its arrays.

        Args:
            arrays: Arrays by the names of `FIELDS`.

        Returns:
            The projection, with as many components as there are directions.
        """
        pca = super().from_arrays(arrays)
        pca.components = len(pca.directions)
        return pca

    def fit(self, x: ArrayLike) -> "PCA":
        """Find the directions of largest variance.

        Args:
            x: Features (N, D).

        Returns:
            The object itself.

        Raises:
            ValueError: If the shape is wrong, a number is not finite, or the
                features have fewer than `components` dimensions.
        """
        x = read_embeddings(x, "x")
        self.mean = x.mean(axis=0)
        x = x - self.mean
        num, size = x.shape
        gram = x.T @ x if size <= num else x @ x.T
        squares, vectors = np.linalg.eigh(gram)
        squares, vectors = squares[::-1], vectors[:, ::-1]
        rank = int((squares > 1e-12 * squares[0]).sum())
        if self.components > rank:
            raise ValueError(
                "`components` must be at most the rank of the features. "
                f"Received: components={self.components} and {num} features "
                f"of rank {rank}"
            )
        squares = squares[: self.components]
        vectors = vectors[:, : self.components]
        if size > num:
            vectors = x.T @ vectors / np.sqrt(squares)
        largest = np.abs(vectors).argmax(axis=0)
        signs = np.sign(vectors[largest, np.arange(self.components)])
        self.directions = (vectors * signs).T
        self.variances = squares / (num - 1)
        return self

    def transform(self, x: ArrayLike) -> np.ndarray:
        """Compute the components of features.

        Args:
            x: Features (N, D).

        Returns:
            Float64 array (N, K).

        Raises:
            ValueError: If it is not fitted, the shape is wrong, or a number is
                not finite.
        """
        self._require_fitted()
        x = self._read(x, "x", len(self.mean)) - self.mean
        x = x @ self.directions.T
        return x / np.sqrt(self.variances) if self.whiten else x
