"""DeepFace's normalization of features."""

import numpy as np
from numpy.typing import ArrayLike

from kcv.faces.verification.fitted import Fitted
from kcv.metrics.faces.forms import read_embeddings


class ComponentScaling(Fitted):
    """Divide components by their maxima, then features by their norms.

    In this way DeepFace (Taigman et al. 2014) makes its features less sensitive
    to the illumination. Features are activations of ReLU, which are not
    negative.

    Attributes:
        maxima: Largest value of each component in the training set. Float64
            array (D,).

    Example:

    >>> scaling = ComponentScaling().fit([[3.0, 0.0], [0.0, 8.0]])
    >>> scaling.transform([[3.0, 8.0]]).round(4).tolist()
    [[0.7071, 0.7071]]
    """

    FIELDS = {"maxima": 1}
    maxima: np.ndarray

    def fit(self, x: ArrayLike) -> "ComponentScaling":
        """Find the maxima.

        Args:
            x: Features (N, D), not negative.

        Returns:
            The object itself.

        Raises:
            ValueError: If the shape is wrong, or a number is negative or not
                finite.
        """
        x = read_embeddings(x, "x")
        require_positive(x, "x")
        self.maxima = x.max(axis=0)
        return self

    def transform(self, x: ArrayLike) -> np.ndarray:
        """Scale features to unit vectors.

        Args:
            x: Features (N, D).

        Returns:
            Float64 array (N, D). Components that were 0 in the whole training
            set are 0, and so is a feature that has no others.

        Raises:
            ValueError: If it is not fitted, the shape is wrong, or a number is
                not finite.
        """
        self._require_fitted()
        x = self._read(x, "x", len(self.maxima))
        is_used = self.maxima > 0
        x = np.where(is_used, x / np.where(is_used, self.maxima, 1.0), 0.0)
        norms = np.linalg.norm(x, axis=1, keepdims=True)
        return x / np.where(norms > 0, norms, 1.0)


def require_positive(x: np.ndarray, name: str) -> None:
    """Make sure that no feature is negative.

    Args:
        x: Features (N, D).
        name: Name of the argument in an error.

    Raises:
        ValueError: If a feature is negative.
    """
    if x.size and x.min() < 0:
        raise ValueError(
            f"`{name}` must not be negative. Received: {name} with a minimum "
            f"of {x.min():g}"
        )
