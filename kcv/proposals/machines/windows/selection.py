"""Selection of a few boxes or segments among many candidates.

Greedy suppression of overlapping boxes, maximal marginal relevance, and local
maxima in grids of windows.
"""

from collections.abc import Callable

import numba
import numpy as np

# Numbers of cells per coordinate on the coarsest of the grids of Rahtu et al.
# Each of them is halved twice, since there are three levels.
_COARSEST = (2, 3, 5)
_LEVELS = 3


def suppress(
    boxes: np.ndarray,
    scores: np.ndarray,
    iou: float,
    max_boxes: int | None = None,
) -> np.ndarray:
    """Select boxes greedily, so that no two of them overlap much.

    The box with the highest score is kept, and the ones that overlap it are
    dropped. Then follows the best of the rest. The earlier one of two equal
    scores counts as the better one.

    Args:
        boxes: Boxes (n, 4), xyxy. The area of a box is (x2 - x1) * (y2 - y1).
        scores: Scores (n,), finite.
        iou: IoU above which the weaker one of two boxes is dropped. Float in
            [0, 1].
        max_boxes: Maximum number of boxes that are kept. If None, the
            number is not limited. Defaults to None.

    Returns:
        Indices (m,) int64 of the boxes that are kept, best first.

    Example:

    >>> boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10]])
    >>> suppress(boxes, np.array([0.5, 0.9, 0.7]), iou=0.5).tolist()
    [1, 2]
    """
    order = np.argsort(-scores, kind="stable")
    if max_boxes is None:
        max_boxes = len(order)
    ranked = np.ascontiguousarray(boxes[order], np.float64)
    return order[_suppress(ranked, iou, max_boxes)]


def diversify(
    scores: np.ndarray,
    overlaps: Callable[[int], np.ndarray],
    weight: float = 0.75,
    count: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Order candidates by maximal marginal relevance.

    Carbonell and Goldstein, SIGIR 1998, as in CPMC and MCG. In each step, the
    candidate with the highest value is chosen. The value is `weight` times the
    score minus `1 - weight` times the largest overlap with the candidates that
    are already chosen. The earlier one of two equal values is chosen.

    Args:
        scores: Scores (n,), higher is better.
        overlaps: Function of the index of a candidate that returns its IoU
            with all candidates, (n,). For a matrix of overlaps, this is
            `matrix.__getitem__`.
        weight: Weight of the score. Float in [0, 1]. Defaults to 0.75, the
            value of CPMC.
        count: Number of candidates that are chosen. If None, all are. Defaults
            to None.

    Returns:
        Tuple (order, values). `order` (m,) int64 are the indices in the order
        in which they are chosen. `values` (m,) float64 are the values that
        they have when they are chosen, which never increase.

    Example:

    >>> overlaps = np.array([[1.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> scores = np.array([1.0, 0.9, 0.8])
    >>> diversify(scores, overlaps.__getitem__, weight=0.5)[0].tolist()
    [0, 2, 1]
    """
    values = weight * np.asarray(scores, np.float64)
    highest = np.zeros(len(values))
    count = len(values) if count is None else min(count, len(values))
    order = np.empty(count, np.int64)
    chosen = np.empty(count)
    left = values.copy()
    for step in range(count):
        best = int(left.argmax())
        order[step], chosen[step] = best, left[best]
        np.maximum(highest, overlaps(best), out=highest)
        values[best] = -np.inf
        left = values - (1 - weight) * highest
    return order, chosen


def grid_maxima(
    windows: np.ndarray,
    scores: np.ndarray,
    shape: tuple[int, int],
    count: int,
    neighbors: str = "code",
) -> np.ndarray:
    """Select windows that are the best of their neighborhood.

    Rahtu et al. 2011 lay grids over the space of windows, whose four axes are
    the coordinates of the two corners. A window is selected if it is the best
    one in its cell and better than the windows of the eight adjacent cells,
    which differ by one step in one coordinate. There are nine grids, with 2 to
    20 steps per coordinate, and the coarsest comes first. If too few windows
    are selected, the best of the remaining ones follow.

    Args:
        windows: Windows (n, 4) of integers, xyxy, half-open, inside the image.
        scores: Scores (n,). Only positive ones are maxima.
        shape: Height and width of the image.
        count: Number of windows to select.
        neighbors: Which cells are adjacent. "paper" compares with the eight
            neighbors. The code of the authors mixes up the coordinates when
            it looks for neighbors, so that it finds more maxima on the coarse
            grids. "code" does the same. Defaults to "code".

    Returns:
        Indices (m,) int64, in the order in which windows are selected. `m` is
        the smaller one of `count` and `n`.

    Raises:
        ValueError: If `neighbors` is neither "paper" nor "code".
    """
    if neighbors not in ("paper", "code"):
        raise ValueError(
            "`neighbors` must be 'paper' or 'code'. Received: "
            f"neighbors={neighbors!r}"
        )
    height, width = shape
    # Numbers of the first and the last pixel, counted from 1. The last pixel
    # of the image belongs to the last cell.
    pixels = windows + np.array([1, 1, 0, 0])
    share = pixels / np.array([width, height, width, height], np.float64)
    share -= np.finfo(np.float64).eps
    grids = []
    for coarsest in _COARSEST:
        steps = coarsest << (_LEVELS - 1)
        best = _finest(np.floor(steps * share).astype(np.int64), scores, steps)
        grids.append((steps, best))
        for _ in range(_LEVELS - 1):
            best = _halved(best, scores)
            grids.append((len(best), best))
    chosen = np.zeros(len(scores), bool)
    selected = np.empty(0, np.int64)
    for _, best in sorted(grids, key=lambda grid: grid[0]):
        found = _maxima(best, scores, neighbors == "code")
        found = found[~chosen[found]]
        ranked = found[np.argsort(-scores[found], kind="stable")]
        ranked = ranked[: count - len(selected)]
        chosen[ranked] = True
        selected = np.concatenate([selected, ranked])
    rest = np.flatnonzero(~chosen)
    rest = rest[np.argsort(-scores[rest], kind="stable")]
    return np.concatenate([selected, rest[: count - len(selected)]])


@numba.njit(cache=True, nogil=True)
def _suppress(boxes, iou, max_boxes):
    """Find the indices of the boxes that are kept, best first."""
    kept = np.empty(min(max_boxes, len(boxes)), np.int64)
    corners = np.empty((len(kept), 4))
    areas = np.empty(len(kept))
    count = 0
    for index in range(len(boxes)):
        if count == len(kept):
            break
        x1, y1, x2, y2 = boxes[index]
        area = (x2 - x1) * (y2 - y1)
        overlaps = False
        for other in range(count):
            width = min(x2, corners[other, 2]) - max(x1, corners[other, 0])
            height = min(y2, corners[other, 3]) - max(y1, corners[other, 1])
            if width > 0 and height > 0:
                common = width * height
                if common > iou * (area + areas[other] - common):
                    overlaps = True
                    break
        if not overlaps:
            kept[count], areas[count] = index, area
            corners[count] = boxes[index]
            count += 1
    return kept[:count]


@numba.njit(cache=True, nogil=True)
def _finest(cells, scores, steps):
    """Find the index of the best window of each cell, or -1.

    The axes are x2, y2, x1 and y1: the order in which the authors list cells.
    """
    best = np.full((steps, steps, steps, steps), -1)
    for index in range(len(cells)):
        x1, y1, x2, y2 = cells[index]
        other = best[x2, y2, x1, y1]
        if other < 0 or scores[index] > scores[other]:
            best[x2, y2, x1, y1] = index
    return best


@numba.njit(cache=True, nogil=True)
def _halved(best, scores):
    """Find the best windows on a grid with half as many steps."""
    steps = len(best) // 2
    coarse = np.full((steps, steps, steps, steps), -1)
    for place in np.ndindex(best.shape):
        index = best[place]
        if index >= 0:
            x2, y2, x1, y1 = place
            other = coarse[x2 // 2, y2 // 2, x1 // 2, y1 // 2]
            if other < 0 or scores[index] > scores[other]:
                coarse[x2 // 2, y2 // 2, x1 // 2, y1 // 2] = index
    return coarse


@numba.njit(cache=True, nogil=True)
def _maxima(best, scores, as_code):
    """Find the windows that are the best of their neighborhood."""
    steps = len(best)
    found = np.empty(best.size, np.int64)
    count = 0
    first = -1.0  # score of the first cell that has a window
    for place in np.ndindex(best.shape):
        index = best[place]
        if index < 0:
            continue
        if first < 0:
            first = max(scores[index], 0.0)
        highest = 0.0
        looked_up = (0, 0, 0, 0)
        met = False
        for shift in range(8):
            # One step down, then one step up, along x1, y1, x2 and y2.
            axis, step = shift // 2, 2 * (shift % 2) - 1
            x1 = place[2] + (step if axis == 0 else 0)
            y1 = place[3] + (step if axis == 1 else 0)
            x2 = place[0] + (step if axis == 2 else 0)
            y2 = place[1] + (step if axis == 3 else 0)
            inside = min(x1, y1, x2, y2) >= 0 and max(x1, y1, x2, y2) < steps
            if inside and as_code:
                looked_up = (min(y1, y2), max(y1, y2), min(x1, x2), max(x1, x2))
            elif inside:
                looked_up = (x2, y2, x1, y1)
            other = best[looked_up]
            met = met or other >= 0
            if inside and other >= 0:
                highest = max(highest, scores[other])
            elif inside and as_code and met:
                # An empty cell counts as the first one, if any cell before it
                # had a window.
                highest = max(highest, first)
        if scores[index] > highest:
            found[count] = index
            count += 1
    return found[:count]
