"""The graph of segments: which ones touch, and what lies on their borders.

S is the number of segments of an image, m the number of pairs that touch, K
the number of pixel pairs on all borders.
"""

from typing import NamedTuple

import numba
import numpy as np

from kcv.proposals.machines.images.edge_maps import directed_strengths

# Neighbors (down, right) that come after a pixel in reading order.
_NEIGHBORS = {4: ((0, 1), (1, 0)), 8: ((0, 1), (1, -1), (1, 0), (1, 1))}


class Borders(NamedTuple):
    """Pixel pairs on the borders of segments, border by border.

    The pixel pairs of border i are those in `starts[i]:starts[i + 1]`.
    `np.diff(borders.starts)` are the lengths of the borders.

    Attributes:
        pairs: Array (m, 2) int32, pairs a < b of touching segments, sorted,
            each pair once.
        starts: Array (m + 1,) int64, from 0 to K.
        first: Array (K,) int32, the pixel y * W + x in segment a.
        second: Array (K,) int32, its neighbor in segment b.
    """

    pairs: np.ndarray
    starts: np.ndarray
    first: np.ndarray
    second: np.ndarray


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


def find_borders(labels: np.ndarray, connectivity: int = 4) -> Borders:
    """Find the pairs of neighboring pixels that lie in two segments.

    Args:
        labels: Array (H, W) of int, the segment of each pixel, from 0.
        connectivity: Number of neighbors of a pixel, 4 or 8. With 4, the
            number of pixel pairs of a border is its length, and segments that
            touch at a corner alone have no border. Defaults to 4.

    Returns:
        The `Borders`.

    Raises:
        ValueError: If `connectivity` is neither 4 nor 8.

    Example:

    >>> borders = find_borders(np.array([[0, 0, 1], [2, 2, 1]]))
    >>> borders.pairs.tolist(), np.diff(borders.starts).tolist()
    ([[0, 1], [0, 2], [1, 2]], [1, 2, 1])
    """
    if connectivity not in _NEIGHBORS:
        raise ValueError(
            "`connectivity` must be 4 or 8. Received: "
            f"connectivity={connectivity!r}"
        )
    height, width = labels.shape
    pixels = np.arange(height * width, dtype=np.int32).reshape(height, width)
    ends = []
    for down, right in _NEIGHBORS[connectivity]:
        left = max(0, -right)
        here = np.s_[: height - down, left : width - max(right, 0)]
        there = np.s_[down:, left + right : width + min(right, 0)]
        differ = labels[here] != labels[there]
        ends.append((pixels[here][differ], pixels[there][differ]))
    first, second = (np.concatenate(side) for side in zip(*ends, strict=True))
    own = labels.ravel().astype(np.int64)
    swapped = own[first] > own[second]
    first, second = (
        np.where(swapped, second, first),
        np.where(swapped, first, second),
    )
    count = int(own.max()) + 1
    key = own[first] * count + own[second]
    order = np.argsort(key, kind="stable")
    keys, starts = np.unique(key[order], return_index=True)
    return Borders(
        np.stack(np.divmod(keys, count), 1).astype(np.int32),
        np.append(starts, len(key)),
        first[order],
        second[order],
    )


def reduce_borders(
    borders: Borders, values: np.ndarray, reduce: str | float = "mean"
) -> np.ndarray:
    """Reduce values of the pixel pairs to one value for each border.

    Args:
        borders: Borders, as `find_borders` returns them.
        values: Array (K,), a value for each pixel pair.
        reduce: "sum", "mean", "median", or a percentile, a number in [0, 100],
            which is interpolated as in `numpy.percentile`. Defaults to "mean".

    Returns:
        Array (m,) float64.

    Raises:
        ValueError: If `reduce` is unknown.
    """
    if reduce == "median":
        reduce = 50.0
    if reduce not in ("sum", "mean") and not (
        isinstance(reduce, int | float) and 0 <= reduce <= 100
    ):
        raise ValueError(
            '`reduce` must be "sum", "mean", "median" or a number in [0, 100]. '
            f"Received: reduce={reduce!r}"
        )
    lengths = np.diff(borders.starts)
    starts = borders.starts[:-1]
    if not len(starts):
        return np.zeros(0)
    values = np.asarray(values, np.float64)
    if isinstance(reduce, str):
        total = np.add.reduceat(values, starts)
        return total / lengths if reduce == "mean" else total
    owner = np.repeat(np.arange(len(starts)), lengths)
    values = values[np.lexsort((values, owner))]
    place = (lengths - 1) * (reduce / 100)
    below = np.floor(place).astype(np.int64)
    low = values[starts + below]
    high = values[starts + np.minimum(below + 1, lengths - 1)]
    return low + (place - below) * (high - low)


def border_strengths(
    labels: np.ndarray,
    strength: np.ndarray,
    reduce: str | float = "mean",
    orientation: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Measure the strength of an edge map on the borders of segments.

    The strength of a pixel pair is the mean of that of its two pixels.

    Args:
        labels: Array (H, W) of int, the segment of each pixel, from 0.
        strength: Array (H, W), the strength of edges.
        reduce: "mean", "median", or a percentile, a number in [0, 100], over
            the pixel pairs of a border. "sum" grows with the length of the
            border. Defaults to "mean".
        orientation: Array (H, W), the directions of the normals of edges, in
            0..pi. An edge counts less at a border that it crosses. If None,
            edges of all directions count. Defaults to None.

    Returns:
        Tuple (pairs, strengths). `pairs` (m, 2) int32 are the pairs a < b of
        segments with a common border, sorted. `strengths` (m,) float64 are the
        strengths of their borders.

    Raises:
        ValueError: If `reduce` is unknown.

    Example:

    >>> labels = np.array([[0, 0, 1], [2, 2, 1]])
    >>> pairs, strengths = border_strengths(labels, np.eye(2, 3))
    >>> strengths.tolist()
    [0.0, 0.5, 0.5]
    """
    borders = find_borders(labels)
    across = down = np.asarray(strength, np.float64)
    if orientation is not None:
        across, down = directed_strengths(across, orientation)
    ends = np.stack([borders.first, borders.second])
    horizontal = np.not_equal(*(ends % labels.shape[1]))
    values = np.where(
        horizontal, across.ravel()[ends], down.ravel()[ends]
    ).mean(0)
    return borders.pairs, reduce_borders(borders, values, reduce)


def perimeters(borders: Borders, count: int) -> np.ndarray:
    """Add up the lengths of the borders of each segment.

    The frame of the image is not a border.

    Args:
        borders: Borders, as `find_borders` returns them.
        count: Number of segments.

    Returns:
        Array (count,) int64, numbers of pixel pairs.
    """
    lengths = np.diff(borders.starts)
    return sum(
        np.bincount(side, lengths, count) for side in borders.pairs.T
    ).astype(np.int64)


def touched_sides(labels: np.ndarray, depth: int = 1) -> np.ndarray:
    """Find the segments at each side of the image.

    Args:
        labels: Array (H, W) of int, the segment of each pixel, from 0.
        depth: Number of outermost rows or columns that are a side, in pixels.
            Defaults to 1.

    Returns:
        Array (S, 4) of bool, whether a segment has a pixel at the top, at the
        bottom, at the left, and at the right.

    Example:

    >>> touched_sides(np.array([[0, 0, 1], [2, 2, 1]])).astype(int)
    array([[1, 0, 1, 0],
           [1, 1, 0, 1],
           [0, 1, 1, 0]])
    """
    touched = np.zeros((int(labels.max()) + 1, 4), bool)
    sides = (
        labels[:depth],
        labels[-depth:],
        labels[:, :depth],
        labels[:, -depth:],
    )
    for number, side in enumerate(sides):
        touched[np.unique(side), number] = True
    return touched


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
