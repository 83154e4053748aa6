"""Connected parts of segments, which consist of superpixels, and of images."""

import numba
import numpy as np

_DOWN = np.array([-1, 0, 1, 0])
_RIGHT = np.array([0, -1, 0, 1])


def connected_parts(
    membership: np.ndarray, pairs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Divide segments into their connected parts.

    In the shapes, n is the number of segments, k that of their parts, S that
    of superpixels.

    Args:
        membership: Whether a superpixel belongs to a segment. Array (n, S) of
            bool.
        pairs: Superpixels that are neighbors. Array (m, 2) of int, each pair
            once.

    Returns:
        Tuple (parts, segments). `parts` (k, S) of bool are the connected parts
        of the first segment, those of the second one, and so on. Parts of one
        segment are in the order of their first superpixels. `segments` (k,)
        int64 are the numbers of the segments to which they belong.

    Example:

    >>> segment = np.array([[True, True, False, True]])
    >>> parts, _ = connected_parts(segment, np.array([[0, 1], [1, 2], [2, 3]]))
    >>> parts.astype(int)
    array([[1, 1, 0, 0],
           [0, 0, 0, 1]])
    """
    membership = np.ascontiguousarray(membership, bool)
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    ends = ends[np.argsort(ends[:, 0], kind="stable")]
    starts = np.searchsorted(ends[:, 0], np.arange(membership.shape[1] + 1))
    numbers, counts = _number_parts(
        membership, starts, np.ascontiguousarray(ends[:, 1])
    )
    firsts = np.cumsum(counts) - counts
    rows, superpixels = np.nonzero(membership)
    parts = np.zeros((counts.sum(), membership.shape[1]), bool)
    parts[firsts[rows] + numbers[rows, superpixels], superpixels] = True
    return parts, np.repeat(np.arange(len(membership)), counts)


@numba.njit(cache=True, nogil=True)
def connected_pixels(right: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Label connected pixels in reading order.

    Args:
        right: Array (H, W - 1) of bool, whether a pixel is joined to the one
            on its right.
        down: Array (H - 1, W) of bool, whether a pixel is joined to the one
            below.

    Returns:
        Labels (H, W) int32, from 0.

    Example:

    >>> right = np.array([[True, False], [False, False]])
    >>> down = np.array([[False, False, True]])
    >>> connected_pixels(right, down)
    array([[0, 0, 1],
           [2, 3, 1]], dtype=int32)
    """
    height, width = right.shape[0], down.shape[1]
    labels = np.full((height, width), -1, np.int32)
    region = np.empty(height * width, np.int64)
    count = 0
    for start in range(height * width):
        if labels[start // width, start % width] >= 0:
            continue
        labels[start // width, start % width] = count
        region[0], size = start, 1
        while size > 0:
            size -= 1
            y, x = region[size] // width, region[size] % width
            for n in range(4):
                v, u = y + _DOWN[n], x + _RIGHT[n]
                if not (0 <= v < height and 0 <= u < width):
                    continue
                joined = right[y, min(x, u)] if v == y else down[min(y, v), x]
                if joined and labels[v, u] < 0:
                    labels[v, u] = count
                    region[size] = v * width + u
                    size += 1
        count += 1
    return labels


@numba.njit(cache=True, nogil=True)
def _number_parts(membership, starts, neighbors):
    """Find the part of each superpixel, and count parts of each segment."""
    segments, superpixels = membership.shape
    numbers = np.full((segments, superpixels), -1, np.int32)
    counts = np.zeros(segments, np.int64)
    waiting = np.empty(superpixels, np.int64)
    for row in range(segments):
        for first in range(superpixels):
            if not membership[row, first] or numbers[row, first] >= 0:
                continue
            numbers[row, first] = counts[row]
            waiting[0], length = first, 1
            while length:
                length -= 1
                here = waiting[length]
                for i in range(starts[here], starts[here + 1]):
                    other = neighbors[i]
                    if membership[row, other] and numbers[row, other] < 0:
                        numbers[row, other] = counts[row]
                        waiting[length] = other
                        length += 1
            counts[row] += 1
    return numbers, counts
