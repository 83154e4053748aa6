"""Sets of nodes that only grow together, each stored as a tree."""

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def find_root(parent: np.ndarray, node: int) -> int:
    """Find the node that stands for a set, and shorten the way to it.

    Args:
        parent: Parents of the nodes (n,) int, changed in place. A root is its
            own parent.
        node: Number of a node of the set.

    Returns:
        The number of the root.

    Example:

    >>> int(find_root(np.array([0, 0, 1]), 2))
    0
    """
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node
