"""Joint Bayesian (Chen et al., "Bayesian Face Revisited", ECCV 2012).

A feature x is the sum of a mean, an identity mu ~ N(0, S_mu) and a variation
eps ~ N(0, S_eps). Both covariances are estimated by EM from photos of known
people. Shapes: N images, d dimensions, M pairs.
"""

import warnings

import numpy as np
from numpy.typing import ArrayLike

from kcv.faces.verification.fitted import read_feature_pairs
from kcv.faces.verification.fitted import read_people
from kcv.faces.verification.photo_sums import PhotoSums
from kcv.faces.verification.photo_sums import log_det
from kcv.faces.verification.photo_sums import quadratic_forms
from kcv.faces.verification.ratio_verifier import RatioVerifier
from kcv.metrics.faces.forms import read_embeddings

_ITERATIONS = {"exact": 20, "approximate": 5}


class JointBayesian(RatioVerifier):
    """Verify two features by the ratio of their joint likelihoods.

    `method="approximate"` is the EM of the paper and of the public code. It
    uses the expected identities and variations as if they were certain, and
    leaves out their posterior covariances. If people have few photos, its
    likelihood falls after two or three iterations, and S_mu becomes singular
    in the end. It therefore stops after 5 iterations by default, and warns if
    the likelihood has fallen. `method="exact"` adds the posterior covariances.
    Its likelihood never falls.

    All photos of all people are never in one matrix: people with the same
    number of photos share one small inverse.

    Args:
        method: "exact" or "approximate". Defaults to "exact".
        iterations: Largest number of iterations of EM. Non-negative integer,
            or None for 20 (exact) or 5 (approximate). Defaults to None.
        tolerance: Relative change of S_eps below which EM stops. Non-negative
            float. Defaults to 1e-6.
        regularization: Share of the mean variance of a feature that is added
            to the diagonals of both first estimates. Non-negative float.
            Defaults to 0.0.

    Attributes:
        mean: Mean feature. Float64 array (d,).
        S_mu: Covariance of identities. Float64 array (d, d).
        S_eps: Covariance of variations. Float64 array (d, d).
        log_likelihoods: Log-likelihood of the features under the first
            estimate and after each iteration. Float64 array.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> people = rng.standard_normal((50, 1, 3))
    >>> x = people + 0.3 * rng.standard_normal((50, 4, 3))
    >>> model = JointBayesian().fit(x.reshape(-1, 3), np.repeat(range(50), 4))
    >>> same, other = model.score(x[:2, 0], x[[0, 0], 1])
    >>> bool(same > other)
    True
    """

    FIELDS = {"mean": 1, "S_mu": 2, "S_eps": 2, "log_likelihoods": 1}
    mean: np.ndarray
    S_mu: np.ndarray
    S_eps: np.ndarray
    log_likelihoods: np.ndarray

    def __init__(
        self,
        method: str = "exact",
        iterations: int | None = None,
        tolerance: float = 1e-6,
        regularization: float = 0.0,
    ):
        super().__init__()
        if method not in _ITERATIONS:
            raise ValueError(
                "`method` must be 'exact' or 'approximate'. Received: "
                f"method={method!r}"
            )
        if iterations is None:
            iterations = _ITERATIONS[method]
        given = {
            "iterations": iterations,
            "tolerance": tolerance,
            "regularization": regularization,
        }
        for name, value in given.items():
            if not value >= 0:
                raise ValueError(
                    f"`{name}` must not be negative. Received: {name}={value!r}"
                )
        self.method = method
        self.iterations = iterations
        self.tolerance = tolerance
        self.regularization = regularization

    def fit(self, x: ArrayLike, labels: ArrayLike) -> "JointBayesian":
        """Estimate both covariances.

        Args:
            x: Features (N, d).
            labels: Person on each image. Array (N,).

        Returns:
            The object itself.

        Raises:
            ValueError: If a shape is wrong, a number is not finite, nobody has
                two photos, or the features do not span d dimensions.
        """
        x = read_embeddings(x, "x")
        owners, counts = read_people(labels, len(x))
        self.mean = x.mean(axis=0)
        photos = PhotoSums(x - self.mean, owners, counts)
        S_mu, S_eps = photos.first_estimate(self.regularization)
        _require_definite(S_eps)
        likelihoods = [photos.log_likelihood(S_mu, S_eps)]
        for _ in range(self.iterations):
            before = S_eps
            S_mu, S_eps = photos.em(S_mu, S_eps, self.method == "exact")
            likelihoods.append(photos.log_likelihood(S_mu, S_eps))
            change = np.linalg.norm(S_eps - before)
            if change < self.tolerance * np.linalg.norm(before):
                break
        self.S_mu, self.S_eps = S_mu, S_eps
        self.log_likelihoods = np.array(likelihoods)
        best = int(self.log_likelihoods.argmax())
        if self.method == "approximate" and best + 1 < len(likelihoods):
            warnings.warn(
                "The likelihood of approximate EM has fallen since iteration "
                f"{best}, from {likelihoods[best]:.6g} to "
                f"{likelihoods[-1]:.6g}. Use method='exact' or fewer "
                "iterations.",
                stacklevel=2,
            )
        return self

    @property
    def A(self) -> np.ndarray:
        """Matrix A of the score. Float64 array (d, d)."""
        self._require_fitted()
        within = np.linalg.inv(self.S_eps)
        return np.linalg.inv(self.S_mu + self.S_eps) - (within + self.G)

    @property
    def G(self) -> np.ndarray:
        """Matrix G of the score. Float64 array (d, d)."""
        self._require_fitted()
        both = 2.0 * self.S_mu + self.S_eps
        return -np.linalg.solve(both, self.S_mu) @ np.linalg.inv(self.S_eps)

    @property
    def constant(self) -> float:
        """Number that makes a score twice the log-likelihood ratio."""
        self._require_fitted()
        total = 2.0 * log_det(self.S_mu + self.S_eps)
        both = log_det(2.0 * self.S_mu + self.S_eps) + log_det(self.S_eps)
        return total - both

    def score(self, first: ArrayLike, second: ArrayLike) -> np.ndarray:
        """Compute the score of the paper for pairs of features.

        Args:
            first: Features (M, d).
            second: Features (M, d).

        Returns:
            Scores x1' A x1 + x2' A x2 - 2 x1' G x2. Float64 array (M,). A score
            is larger if the features are more likely of one person. It does
            not change if both are exchanged.

        Raises:
            ValueError: If it is not fitted, a shape is wrong, or a number is
                not finite.
        """
        self._require_fitted()
        x1, x2 = read_feature_pairs(first, second, len(self.mean))
        x1, x2 = x1 - self.mean, x2 - self.mean
        A = self.A
        own = quadratic_forms(x1, A) + quadratic_forms(x2, A)
        return own - 2.0 * ((x1 @ self.G) * x2).sum(axis=1)

    def score_matrix(self, probes: ArrayLike, gallery: ArrayLike) -> np.ndarray:
        """Compute the score of each probe with each feature of a gallery.

        Args:
            probes: Features (P, d).
            gallery: Features (Q, d).

        Returns:
            Scores as `score` computes them. Float64 array (P, Q).

        Raises:
            ValueError: If it is not fitted, a shape is wrong, or a number is
                not finite.
        """
        self._require_fitted()
        x1 = self._read(probes, "probes", len(self.mean)) - self.mean
        x2 = self._read(gallery, "gallery", len(self.mean)) - self.mean
        A = self.A
        own = quadratic_forms(x1, A)[:, None] + quadratic_forms(x2, A)
        return own - 2.0 * (x1 @ self.G) @ x2.T

    def log_likelihood_ratio(
        self, first: ArrayLike, second: ArrayLike
    ) -> np.ndarray:
        """Compute log p(first, second | same) - log p(first, second | other).

        Args:
            first: Features (M, d).
            second: Features (M, d).

        Returns:
            Float64 array (M,).

        Raises:
            ValueError: If it is not fitted, a shape is wrong, or a number is
                not finite.
        """
        return (self.score(first, second) + self.constant) / 2.0

    def ratio_matrix(self, probes: ArrayLike, gallery: ArrayLike) -> np.ndarray:
        """Compute the log-likelihood ratios of probes and a gallery.

        Args:
            probes: Features (P, d).
            gallery: Features (Q, d).

        Returns:
            Float64 array (P, Q).

        Raises:
            ValueError: If it is not fitted, a shape is wrong, or a number is
                not finite.
        """
        return (self.score_matrix(probes, gallery) + self.constant) / 2.0


def _require_definite(S_eps):
    values = np.linalg.eigvalsh(S_eps)
    if values[0] <= 1e-12 * values[-1]:
        raise ValueError(
            "`x` must vary in all of its dimensions among the photos of one "
            f"person. Received: x of {len(S_eps)} dimensions with a singular "
            "covariance. Reduce the dimensions with PCA, or set "
            "`regularization` to 1e-6"
        )
