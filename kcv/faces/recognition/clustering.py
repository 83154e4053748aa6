"""Grouping of faces by person, without names."""

import numpy as np

from kcv.extras import describe_installation
from kcv.faces.verification.ratio_verifier import RatioVerifier
from kcv.faces.verification.ratio_verifier import logistic


def cluster_embeddings(
    embeddings: np.ndarray, verifier: RatioVerifier, probability: float = 0.5
) -> np.ndarray:
    """Group embeddings by average linkage.

    The distance of two images is -log p, where p is the probability that they
    show one person. Groups are joined while the mean distance between their
    images is below that of `probability`.

    Args:
        embeddings: Embeddings (N, D).
        verifier: Verifier of their pairs.
        probability: Probability below which groups stay apart. Float in (0, 1).
            Defaults to 0.5.

    Returns:
        Number of the group of each image, from 0 in the order of their first
        images. Int64 array (N,).

    Raises:
        ImportError: If scikit-learn is not installed.
        ValueError: If `probability` is out of its range.
    """
    if not 0 < probability < 1:
        raise ValueError(
            "`probability` must be between 0 and 1. Received: "
            f"probability={probability!r}"
        )
    try:
        from sklearn.cluster import AgglomerativeClustering
    except ImportError as error:
        raise ImportError(
            "The grouping of faces needs scikit-learn. "
            + describe_installation("faces")
        ) from error
    if len(embeddings) < 2:
        return np.zeros(len(embeddings), int)
    ratios = verifier.ratio_matrix(embeddings, embeddings)
    # A probability of 0 would have an infinite distance.
    distances = -np.log(np.maximum(logistic(ratios), 1e-300))
    np.fill_diagonal(distances, 0.0)
    clustering = AgglomerativeClustering(
        n_clusters=None,
        metric="precomputed",
        linkage="average",
        distance_threshold=-np.log(probability),
    )
    groups = clustering.fit_predict(distances)
    _, first, numbers = np.unique(
        groups, return_index=True, return_inverse=True
    )
    return np.argsort(np.argsort(first))[numbers]
