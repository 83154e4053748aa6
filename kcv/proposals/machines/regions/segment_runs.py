"""Overlaps of many segments, whose superpixels are stored as runs.

The superpixels of a region of a hierarchy have consecutive numbers if they are
numbered from tree to tree. Then a segment is a few runs (first, last) of
superpixels, and its overlap with another one is a few differences of
cumulative areas. S is the number of superpixels, n that of segments.
"""

from typing import NamedTuple

import numba
import numpy as np


class Runs(NamedTuple):
    """Segments as runs of superpixels.

    The runs of segment i are those in `starts[i]:starts[i + 1]`.

    Attributes:
        starts: Array (n + 1,) int64.
        first: Array (K,) int32, the first superpixel of each run.
        last: Array (K,) int32, the superpixel after the last one.
        areas: Array (S,) int64, the areas of the superpixels, in pixels.
        sizes: Array (n,) int64, the areas of the segments, in pixels.
    """

    starts: np.ndarray
    first: np.ndarray
    last: np.ndarray
    areas: np.ndarray
    sizes: np.ndarray


def find_runs(membership: np.ndarray, areas: np.ndarray) -> Runs:
    """Convert a table of superpixels to runs.

    Args:
        membership: Array (n, S) of bool, whether a superpixel belongs to a
            segment.
        areas: Array (S,) of int, the areas of the superpixels, in pixels.

    Returns:
        The `Runs` of the n segments.

    Example:

    >>> runs = find_runs(np.array([[True, True, False, True]]), [5, 1, 2, 3])
    >>> runs.first.tolist(), runs.last.tolist(), runs.sizes.tolist()
    ([0, 3], [2, 4], [9])
    """
    membership = np.asarray(membership, bool)
    areas = np.asarray(areas, np.int64)
    starts, first, last = _find_runs(membership)
    total = np.append(0, np.cumsum(areas))
    sizes = np.append(0, np.cumsum(total[last] - total[first]))
    return Runs(
        starts, first, last, areas, sizes[starts[1:]] - sizes[starts[:-1]]
    )


def select_runs(runs: Runs, rows: np.ndarray) -> Runs:
    """Select segments.

    Args:
        runs: The `Runs` of n segments.
        rows: Array (m,) of int, numbers of segments.

    Returns:
        The `Runs` of the selected segments, in their order.
    """
    counts = np.diff(runs.starts)[rows]
    starts = np.append(0, np.cumsum(counts))
    places = np.arange(starts[-1]) + np.repeat(
        runs.starts[rows] - starts[:-1], counts
    )
    return Runs(
        starts,
        runs.first[places],
        runs.last[places],
        runs.areas,
        runs.sizes[rows],
    )


def distinct_runs(runs: Runs, iou: float) -> np.ndarray:
    """Select segments greedily, without those that repeat an earlier one.

    Args:
        runs: The `Runs` of n segments, best segment first. None is empty.
        iou: IoU with a selected segment from which a segment is dropped, above
            0 and at most 1.

    Returns:
        Array (m,) int64, the numbers of the selected segments, rising.

    Example:

    >>> table = [[1, 1, 1, 1, 0], [1, 1, 1, 0, 0], [0, 0, 0, 0, 1]]
    >>> distinct_runs(find_runs(table, np.ones(5)), 0.75).tolist()
    [0, 2]
    """
    return _distinct(*runs, float(iou))


def diversify_runs(
    runs: Runs, scores: np.ndarray, weight: float, count: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Order segments by maximal marginal relevance.

    The result is that of `kcv.proposals.machines.windows.selection.diversify`
    with the IoU of the segments. An IoU is computed only if it can be larger
    than those with the segments that are already chosen.

    Args:
        runs: The `Runs` of n segments. None is empty.
        scores: Scores (n,), higher is better.
        weight: Weight of the score. Float in [0, 1].
        count: Number of segments that are chosen. If None, all are. Defaults
            to None.

    Returns:
        Tuple (order, values). `order` (m,) int64 are the numbers of the
        segments in the order in which they are chosen. `values` (m,) float64
        are `weight` times the score minus `1 - weight` times the largest IoU
        with the segments before.
    """
    limit = len(scores) if count is None else min(count, len(scores))
    return _diversify(*runs, np.asarray(scores, np.float64), weight, limit)


@numba.njit(cache=True, nogil=True)
def _find_runs(membership):
    count, superpixels = membership.shape
    starts = np.zeros(count + 1, np.int64)
    for row in range(count):
        runs, before = 0, False
        for superpixel in range(superpixels):
            inside = membership[row, superpixel]
            if inside and not before:
                runs += 1
            before = inside
        starts[row + 1] = starts[row] + runs
    first = np.empty(starts[-1], np.int32)
    last = np.empty(starts[-1], np.int32)
    place = 0
    for row in range(count):
        before = False
        for superpixel in range(superpixels):
            inside = membership[row, superpixel]
            if inside and not before:
                first[place] = superpixel
                place += 1
            if inside:
                last[place - 1] = superpixel + 1
            before = inside
    return starts, first, last


@numba.njit(cache=True, nogil=True)
def _covered(starts, first, last, areas, row, covered):
    """Area of a segment in the first 0, 1, ... S superpixels."""
    superpixel = 0
    covered[0] = 0
    for run in range(starts[row], starts[row + 1]):
        while superpixel < first[run]:
            covered[superpixel + 1] = covered[superpixel]
            superpixel += 1
        while superpixel < last[run]:
            covered[superpixel + 1] = covered[superpixel] + areas[superpixel]
            superpixel += 1
    while superpixel < len(areas):
        covered[superpixel + 1] = covered[superpixel]
        superpixel += 1


@numba.njit(cache=True, nogil=True)
def _distinct(starts, first, last, areas, sizes, iou):
    count = len(sizes)
    covered = np.empty(len(areas) + 1, np.int64)
    kept = np.empty(count, np.int64)
    kept_sizes = np.empty(count, np.int64)
    selected = 0
    for row in range(count):
        _covered(starts, first, last, areas, row, covered)
        size = sizes[row]
        distinct = True
        for place in range(selected):
            other_size = kept_sizes[place]
            # The IoU is at most the ratio of the sizes.
            if min(size, other_size) < iou * max(size, other_size):
                continue
            shared = np.int64(0)
            for run in range(starts[kept[place]], starts[kept[place] + 1]):
                shared += covered[last[run]] - covered[first[run]]
            if shared >= iou * (size + other_size - shared):
                distinct = False
                break
        if distinct:
            kept[selected] = row
            kept_sizes[selected] = size
            selected += 1
    return kept[:selected]


@numba.njit(cache=True, nogil=True)
def _diversify(starts, first, last, areas, sizes, scores, weight, limit):
    count = len(sizes)
    covered = np.empty(len(areas) + 1, np.int64)
    highest = np.zeros(count)
    left = weight * scores
    order = np.empty(limit, np.int64)
    values = np.empty(limit)
    for step in range(limit):
        best = np.argmax(left)
        order[step], values[step] = best, left[best]
        left[best] = -np.inf
        size = sizes[best]
        _covered(starts, first, last, areas, best, covered)
        for other in range(count):
            other_size = sizes[other]
            smaller, larger = min(size, other_size), max(size, other_size)
            # The IoU is at most the ratio of the sizes.
            if smaller <= highest[other] * larger or left[other] == -np.inf:
                continue
            shared = np.int64(0)
            for run in range(starts[other], starts[other + 1]):
                shared += covered[last[run]] - covered[first[run]]
            iou = shared / (size + other_size - shared)
            if iou > highest[other]:
                highest[other] = iou
                left[other] = weight * scores[other] - (1 - weight) * iou
    return order, values
