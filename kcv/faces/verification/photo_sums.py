"""EM of Joint Bayesian on sums over the photos of each person.

Shapes: N photos of P people, d dimensions.
"""

import numpy as np


class PhotoSums:
    """The features of known people, as EM needs them.

    EM reads the sum of the features of each person, and the sum of the outer
    products of all features. People with the same number of photos share one
    inverse of a (d, d) matrix, so that an iteration takes time for each person
    and not for each photo.

    Args:
        x: Features without their mean. Float64 array (N, d).
        owners: Number of the person on each photo, from 0. Array (N,).
        counts: Number of photos of each person. Array (P,).
    """

    def __init__(self, x: np.ndarray, owners: np.ndarray, counts: np.ndarray):
        self.x = x
        self.counts = counts
        self.owners = owners
        order = np.argsort(owners, kind="stable")
        begins = np.cumsum(counts) - counts
        self.sums = np.add.reduceat(x[order], begins, axis=0)
        self.squares = x.T @ x

    def first_estimate(
        self, regularization: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compute the covariances of means and of residuals.

        Args:
            regularization: Share of the mean variance of a feature that is
                added to the diagonals.

        Returns:
            S_mu, where each person counts once, and S_eps, float64 arrays
            (d, d).
        """
        means = self.sums / self.counts[:, None]
        residuals = self.x - means[self.owners]
        # The only photo of a person has no residual.
        num_residuals = self.counts[self.counts > 1].sum()
        S_mu = means.T @ means / len(means)
        S_eps = residuals.T @ residuals / num_residuals
        variance = np.trace(self.squares) / self.x.size
        extra = regularization * variance * np.eye(len(S_mu))
        return S_mu + extra, S_eps + extra

    def em(
        self, S_mu: np.ndarray, S_eps: np.ndarray, is_exact: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compute the next estimates of both covariances.

        Args:
            S_mu: Covariance of identities. Float64 array (d, d).
            S_eps: Covariance of variations. Float64 array (d, d).
            is_exact: Whether to add the posterior covariances.

        Returns:
            Both covariances, float64 arrays (d, d).
        """
        identities = np.empty_like(self.sums)
        spread_mu = np.zeros_like(S_mu)
        spread_eps = np.zeros_like(S_eps)
        for count in np.unique(self.counts):
            people = self.counts == count
            # S_mu (S_eps + count S_mu)^-1, which equals the paper's
            # S_mu (F + count G): the expected identity of a sum of photos.
            gain = np.linalg.solve(S_eps + count * S_mu, S_mu).T
            identities[people] = self.sums[people] @ gain.T
            if is_exact:
                posterior = S_mu - count * gain @ S_mu
                spread_mu += people.sum() * posterior
                spread_eps += people.sum() * count * posterior
        cross = self.sums.T @ identities
        weighted = (self.counts[:, None] * identities).T @ identities
        # The sum over all photos of (x - identity) (x - identity)'.
        spread_eps += self.squares - cross - cross.T + weighted
        spread_mu += identities.T @ identities
        return (
            _symmetric(spread_mu / len(self.counts)),
            _symmetric(spread_eps / len(self.x)),
        )

    def log_likelihood(self, S_mu: np.ndarray, S_eps: np.ndarray) -> float:
        """Compute the log-likelihood of all features.

        Args:
            S_mu: Covariance of identities. Float64 array (d, d).
            S_eps: Covariance of variations. Float64 array (d, d).

        Returns:
            The natural logarithm of their density.
        """
        within = np.linalg.inv(S_eps)
        size = len(S_mu)
        total = len(self.x) * size * np.log(2.0 * np.pi)
        total += (within * self.squares).sum()
        rest = log_det(S_eps)
        for count in np.unique(self.counts):
            sums = self.sums[self.counts == count]
            both = S_eps + count * S_mu
            determinants = log_det(both) + (count - 1) * rest
            G = -np.linalg.solve(both, S_mu) @ within
            total += len(sums) * determinants + quadratic_forms(sums, G).sum()
        return -0.5 * total


def quadratic_forms(x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Compute x' M x of each row.

    Args:
        x: Array (N, d).
        matrix: M, array (d, d).

    Returns:
        Array (N,).

    Example:

    >>> quadratic_forms(np.array([[1.0, 2.0]]), np.eye(2)).tolist()
    [5.0]
    """
    return ((x @ matrix) * x).sum(axis=1)


def log_det(matrix: np.ndarray) -> float:
    """Compute the logarithm of the absolute value of a determinant.

    Args:
        matrix: Array (d, d).

    Returns:
        The logarithm, negative infinity for a singular matrix.

    Example:

    >>> log_det(np.eye(3))
    0.0
    """
    return float(np.linalg.slogdet(matrix)[1])


def _symmetric(matrix):
    return (matrix + matrix.T) / 2.0
