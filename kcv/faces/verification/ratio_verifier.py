"""Verifiers that compare the likelihoods of one person and of two."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from kcv.faces.verification.fitted import Fitted


class RatioVerifier(Fitted):
    """Base of the verifiers that `kcv.faces.Recognizer` takes.

    A log-likelihood ratio is positive if two features are more likely of one
    person than of two. Shapes: N images, D dimensions, M pairs, P probes, Q
    images of a gallery.
    """

    def fit(self, x: ArrayLike, labels: ArrayLike) -> Self:
        """Fit the verifier to photos of known people.

        Args:
            x: Features (N, D).
            labels: Person on each image. Array (N,).

        Returns:
            The object itself.
        """
        raise NotImplementedError

    def log_likelihood_ratio(
        self, first: ArrayLike, second: ArrayLike
    ) -> np.ndarray:
        """Compute log p(first, second | same) - log p(first, second | other).

        Args:
            first: Features (M, D).
            second: Features (M, D).

        Returns:
            Float64 array (M,).
        """
        raise NotImplementedError

    def ratio_matrix(self, probes: ArrayLike, gallery: ArrayLike) -> np.ndarray:
        """Compute the log-likelihood ratios of probes and a gallery.

        Args:
            probes: Features (P, D).
            gallery: Features (Q, D).

        Returns:
            Float64 array (P, Q).
        """
        raise NotImplementedError

    def probability(
        self, first: ArrayLike, second: ArrayLike, prior: float = 0.5
    ) -> np.ndarray:
        """Compute the probability that pairs of features show one person.

        Args:
            first: Features (M, D).
            second: Features (M, D).
            prior: Share of such pairs among all. Float in (0, 1). Defaults to
                0.5.

        Returns:
            Float64 array (M,) in [0, 1].

        Raises:
            ValueError: If it is not fitted, a shape is wrong, a number is not
                finite, or `prior` is out of its range.
        """
        if not 0 < prior < 1:
            raise ValueError(
                f"`prior` must be between 0 and 1. Received: prior={prior!r}"
            )
        ratios = self.log_likelihood_ratio(first, second)
        return logistic(ratios + np.log(prior / (1.0 - prior)))


def logistic(x: np.ndarray) -> np.ndarray:
    """Compute 1 / (1 + exp(-x)) without overflow.

    Args:
        x: Array of any shape.

    Returns:
        Float64 array of the same shape, in [0, 1].

    Example:

    >>> logistic(np.array([-1e9, 0.0, 1e9])).tolist()
    [0.0, 0.5, 1.0]
    """
    return np.exp(-np.logaddexp(0.0, -x))
