"""Which segments of an image touch each other."""

import numba
import numpy as np


def adjacent_pairs(labels: np.ndarray) -> np.ndarray:
    """Find the pairs of segments that touch, along an edge or at a corner.

    Args:
        labels: Array (H, W) of int32, the segment of each pixel, from 0.

    Returns:
        Pairs (m, 2) int32 of numbers of segments, the smaller number first,
        sorted, each pair once.

    Example:

    >>> adjacent_pairs(np.array([[0, 1, 2]], np.int32)).tolist()
    [[0, 1], [1, 2]]
    """
    count = int(labels.max()) + 1
    pairs = np.unique(_touching(labels, count))
    return np.stack(np.divmod(pairs, count), 1).astype(np.int32)


@numba.njit(cache=True, nogil=True)
def _touching(labels, count):
    """Pairs of touching segments as a * count + b, a < b, with repetitions."""
    height, width = labels.shape
    pairs = []
    last = np.int64(-1)
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, -1), (1, 0), (1, 1)):
                v, u = y + dy, x + dx
                if v >= height or u < 0 or u >= width:
                    continue
                a, b = labels[y, x], labels[v, u]
                if a == b:
                    continue
                pair = np.int64(min(a, b)) * count + max(a, b)
                if pair != last:
                    pairs.append(pair)
                    last = pair
    found = np.empty(len(pairs), np.int64)
    for i, pair in enumerate(pairs):
        found[i] = pair
    return found
