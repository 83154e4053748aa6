"""DeepFace's weighted chi-squared distance (Taigman et al., CVPR 2014)."""

import numpy as np
from numpy.typing import ArrayLike

from kcv.extras import describe_installation
from kcv.faces.verification.component_scaling import require_positive
from kcv.faces.verification.fitted import Fitted
from kcv.faces.verification.fitted import read_feature_pairs


class ChiSquared(Fitted):
    """Weighted chi-squared distance of features that are not negative.

    The distance is the sum of w (f1 - f2)^2 / (f1 + f2) over the components. A
    linear support vector machine learns the weights w from pairs of one person
    and of two. Without `fit` all weights are 1. Shapes: M pairs, D dimensions.

    Attributes:
        weights: Weights of the components. Float64 array (D,), or None before
            `fit`.

    Example:

    >>> distance = ChiSquared().distance([[1.0, 0.0]], [[3.0, 0.0]])
    >>> distance.tolist()
    [1.0]
    """

    FIELDS = {"weights": 1}
    weights: np.ndarray | None

    def fit(
        self,
        first: ArrayLike,
        second: ArrayLike,
        same: ArrayLike,
        cost: float = 1.0,
        seed: int = 0,
    ) -> "ChiSquared":
        """Learn the weights from pairs.

        Args:
            first: Features (M, D), not negative.
            second: Features (M, D), not negative.
            same: Whether a pair shows one person. Array (M,) of bool.
            cost: C of the support vector machine. Positive float. Defaults to
                1.0.
            seed: Seed of the order in which the machine visits pairs. Defaults
                to 0.

        Returns:
            The object itself.

        Raises:
            ImportError: If scikit-learn is not installed.
            ValueError: If a shape is wrong, a number is negative or not
                finite, or one kind of pair is missing.
        """
        try:
            from sklearn.svm import LinearSVC
        except ImportError as error:
            raise ImportError(
                "The weights of the chi-squared distance need scikit-learn. "
                + describe_installation("faces")
            ) from error
        parts = _parts(first, second)
        same = np.asarray(same).astype(bool)
        if same.shape != (len(parts),) or same.all() or not same.any():
            raise ValueError(
                "`same` must have one value for each pair, and both kinds of "
                f"pairs. Received: same of shape {same.shape} with "
                f"{int(same.sum())} pairs of one person"
            )
        # Components of different sizes slow the machine down.
        scale = parts.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        machine = LinearSVC(C=cost, dual=False, random_state=seed)
        machine.fit(parts / scale, ~same)
        self.weights = machine.coef_[0] / scale
        return self

    def distance(self, first: ArrayLike, second: ArrayLike) -> np.ndarray:
        """Compute the distance of pairs of features.

        Args:
            first: Features (M, D), not negative.
            second: Features (M, D), not negative.

        Returns:
            Float64 array (M,). It is smaller if the features are more similar,
            and can be negative with learned weights.

        Raises:
            ValueError: If a shape is wrong, or a number is negative or not
                finite.
        """
        parts = _parts(first, second)
        if self.weights is None:
            return parts.sum(axis=1)
        if parts.shape[1] != len(self.weights):
            raise ValueError(
                f"`first` must have {len(self.weights)} dimensions. Received: "
                f"first with {parts.shape[1]} dimensions"
            )
        return parts @ self.weights


def _parts(first, second):
    """Compute the unweighted parts of the distance, 0 where both are 0."""
    first, second = read_feature_pairs(first, second)
    require_positive(first, "first")
    require_positive(second, "second")
    total = first + second
    return (first - second) ** 2 / np.where(total > 0, total, 1.0)
