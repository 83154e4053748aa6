"""Distances to people who have several images in a gallery."""

import numpy as np


def nearest_of_people(
    distances: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the distances to people from the distances to their images.

    Args:
        distances: Distances (P, G) of probes to the images of a gallery.
        labels: Person on each of its images. Array (G,), G at least 1.

    Returns:
        The people, sorted, and the distance of each probe to the nearest image
        of each person, array (P, people).

    Example:

    >>> people, nearest = nearest_of_people(
    ...     np.array([[3.0, 1.0, 2.0]]), np.array(["Bob", "Ann", "Bob"])
    ... )
    >>> people.tolist(), nearest.tolist()
    (['Ann', 'Bob'], [[1.0, 2.0]])
    """
    people, owners = np.unique(labels, return_inverse=True)
    order = np.argsort(owners, kind="stable")
    begins = np.searchsorted(owners[order], np.arange(len(people)))
    return people, np.minimum.reduceat(distances[:, order], begins, axis=1)
