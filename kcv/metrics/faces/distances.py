"""Distances between embeddings.

Shapes: P probes, G images of a gallery, N pairs, D dimensions.
"""

import numpy as np
from numpy.typing import ArrayLike

from kcv.metrics.faces.forms import read_embeddings


def embedding_distances(probes: ArrayLike, gallery: ArrayLike) -> np.ndarray:
    """Compute the squared distances of probes to the images of a gallery.

    Args:
        probes: Embeddings (P, D).
        gallery: Embeddings (G, D).

    Returns:
        Squared Euclidean distances, float64 array (P, G). In [0, 4] for unit
        vectors, where they are 2 - 2 cos.

    Raises:
        ValueError: If a shape is wrong, or a number is not finite.

    Example:

    >>> embedding_distances([[1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]).tolist()
    [[2.0, 0.0]]
    """
    first = read_embeddings(probes, "probes")
    second = read_embeddings(gallery, "gallery")
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            "`gallery` must have as many dimensions as `probes`, "
            f"{first.shape[1]}. Received: gallery of shape {second.shape}"
        )
    squares = (first**2).sum(1)[:, None] + (second**2).sum(1)[None]
    return np.maximum(squares - 2.0 * first @ second.T, 0.0)


def pair_distances(
    embeddings: ArrayLike, first: ArrayLike, second: ArrayLike
) -> np.ndarray:
    """Compute the squared distances of pairs of images.

    Args:
        embeddings: Embeddings of all images. Array (images, D).
        first: Number of the first image of each pair. Array (N,) of integers.
        second: Number of the second image of each pair. Array (N,) of integers.

    Returns:
        Squared Euclidean distances, float64 array (N,).

    Raises:
        ValueError: If a shape is wrong, or a number is not finite.
        IndexError: If there is no image of a number.

    Example:

    >>> pair_distances([[1.0, 0.0], [0.0, 1.0]], [0, 1], [1, 1]).tolist()
    [2.0, 0.0]
    """
    x = read_embeddings(embeddings)
    difference = x[np.asarray(first)] - x[np.asarray(second)]
    return (difference**2).sum(axis=1)
