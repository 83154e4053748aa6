"""The squared distance of embeddings as a probability."""

import numpy as np
from numpy.typing import ArrayLike

from kcv.faces.verification.fitted import read_feature_pairs
from kcv.faces.verification.fitted import read_people
from kcv.faces.verification.ratio_verifier import RatioVerifier
from kcv.faces.verification.ratio_verifier import logistic
from kcv.metrics import embedding_distances
from kcv.metrics.faces.forms import read_embeddings

_ITERATIONS = 100


class LogisticDistance(RatioVerifier):
    """Verify two embeddings by their squared distance d.

    The log-likelihood ratio is slope (threshold - d). `fit` estimates both
    numbers by logistic regression, with the targets of Platt (1999), which keep
    the slope finite if the pairs can be separated. Pairs of one person and of
    two have the same weight.

    Args:
        threshold: Squared distance at which one person and two are equally
            likely. Positive float. Defaults to 1.242, FaceNet's on LFW
            (Schroff et al. 2015).
        slope: Decrease of the ratio with the distance. Positive float.
            Defaults to 10.0, a guess that `fit` replaces.
        max_pairs: Largest number of pairs of each kind that `fit` draws.
            Positive integer. Defaults to 20,000.
        seed: Seed of the pairs. Defaults to 0.

    Raises:
        ValueError: If a number is not positive.

    Example:

    >>> verifier = LogisticDistance(threshold=1.0, slope=2.0)
    >>> verifier.probability([[1.0, 0.0]], [[0.5, 0.5]]).round(3).tolist()
    [0.731]
    """

    FIELDS = {"threshold": 0, "slope": 0}
    threshold: float
    slope: float

    def __init__(
        self,
        threshold: float = 1.242,
        slope: float = 10.0,
        max_pairs: int = 20_000,
        seed: int = 0,
    ):
        super().__init__()
        given = {
            "threshold": threshold,
            "slope": slope,
            "max_pairs": max_pairs,
        }
        for name, value in given.items():
            if not value > 0:
                raise ValueError(
                    f"`{name}` must be positive. Received: {name}={value!r}"
                )
        self.threshold = threshold
        self.slope = slope
        self.max_pairs = max_pairs
        self.seed = seed

    def fit(self, x: ArrayLike, labels: ArrayLike) -> "LogisticDistance":
        """Estimate threshold and slope from photos of known people.

        Args:
            x: Embeddings (N, D) of people whom the network was not trained on.
            labels: Person on each image. Array (N,).

        Returns:
            The object itself.

        Raises:
            ValueError: If a shape is wrong, a number is not finite, nobody has
                two photos, or photos of one person are no closer than others.
        """
        x = read_embeddings(x, "x")
        owners, _ = read_people(labels, len(x))
        first, second = self._draw_pairs(owners)
        distances = _distances(x[first], x[second])
        same = owners[first] == owners[second]
        slope, offset = _regress(-distances, same)
        if slope <= 0:
            raise ValueError(
                "`x` must be closer for photos of one person than for photos "
                "of two. Received: mean squared distances "
                f"{distances[same].mean():.4g} and "
                f"{distances[~same].mean():.4g}"
            )
        self.slope, self.threshold = slope, offset / slope
        return self

    def log_likelihood_ratio(
        self, first: ArrayLike, second: ArrayLike
    ) -> np.ndarray:
        """Compute slope (threshold - d) for pairs of embeddings.

        Args:
            first: Embeddings (M, D).
            second: Embeddings (M, D).

        Returns:
            Float64 array (M,).

        Raises:
            ValueError: If a shape is wrong, or a number is not finite.
        """
        x1, x2 = read_feature_pairs(first, second)
        return self.slope * (self.threshold - _distances(x1, x2))

    def ratio_matrix(self, probes: ArrayLike, gallery: ArrayLike) -> np.ndarray:
        """Compute slope (threshold - d) for probes and a gallery.

        Args:
            probes: Embeddings (P, D).
            gallery: Embeddings (Q, D).

        Returns:
            Float64 array (P, Q).

        Raises:
            ValueError: If a shape is wrong, or a number is not finite.
        """
        distances = embedding_distances(probes, gallery)
        return self.slope * (self.threshold - distances)

    def _draw_pairs(self, owners):
        """Draw pairs of both kinds, without repetition if there are few."""
        rng = np.random.default_rng(self.seed)
        order = np.argsort(owners, kind="stable")
        ordered = owners[order]
        # Image i has the later photos of its person as partners.
        ends = np.searchsorted(ordered, ordered, side="right")
        partners = ends - np.arange(len(ordered)) - 1
        numbers = np.arange(partners.sum())
        if len(numbers) > self.max_pairs:
            numbers = rng.choice(len(numbers), self.max_pairs, replace=False)
        offsets = np.cumsum(partners)
        first = np.searchsorted(offsets, numbers, side="right")
        second = ends[first] - (offsets[first] - numbers)
        others = rng.integers(0, len(owners), (2, 2 * self.max_pairs))
        others = others[:, owners[others[0]] != owners[others[1]]]
        others = others[:, : self.max_pairs]
        return (
            np.append(order[first], others[0]),
            np.append(order[second], others[1]),
        )


def _distances(first, second):
    return ((first - second) ** 2).sum(axis=1)


def _regress(x, labels):
    """Fit slope and offset of a logistic function by Newton's method."""
    counts = np.bincount(labels, minlength=2)
    # Platt's targets, in place of 0 and 1.
    targets = np.where(
        labels, (counts[1] + 1) / (counts[1] + 2), 1 / (counts[0] + 2)
    )
    weights = 1.0 / counts[labels.astype(int)]
    mean, scale = x.mean(), max(x.std(), 1e-12)
    columns = np.stack([(x - mean) / scale, np.ones_like(x)], axis=1)
    found = np.zeros(2)
    for _ in range(_ITERATIONS):
        p = logistic(columns @ found)
        gradient = columns.T @ (weights * (p - targets))
        curvature = weights * p * (1.0 - p)
        hessian = (columns.T * curvature) @ columns + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        # Newton's steps are too long where the function is flat.
        step *= min(1.0, 2.0 / max(np.abs(step).max(), 1e-300))
        found -= step
        if np.abs(step).max() < 1e-10:
            break
    slope = found[0] / scale
    return float(slope), float(found[1] - slope * mean)
