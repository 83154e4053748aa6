"""Segments that consist of superpixels: overlaps, and boxes.

A segment is a row of a table: n segments, S superpixels, and whether a
superpixel belongs to a segment. Sizes are counted in superpixels, or measured
by the areas of the superpixels.
"""

import numba
import numpy as np


def segment_iou(
    first: np.ndarray,
    second: np.ndarray,
    areas: np.ndarray | None = None,
) -> np.ndarray:
    """Compute the IoU of each segment with each segment of another table.

    Args:
        first: Membership (n, S) of bool.
        second: Membership (k, S) of bool.
        areas: Sizes (S,) of the superpixels, for example in pixels. If None,
            every superpixel has the size 1. Defaults to None.

    Returns:
        Array (n, k) float32. The IoU of two empty segments is 0.

    Example:

    >>> both, left = [[True, True]], [[True, False]]
    >>> segment_iou(both, left).tolist()
    [[0.5]]
    >>> segment_iou(both, left, [3, 1]).tolist()
    [[0.75]]
    """
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    sizes = np.ones(first.shape[1]) if areas is None else np.asarray(areas)
    sizes = sizes.astype(np.float32)
    weighted = first * sizes
    shared = weighted @ second.T.astype(np.float32)
    union = weighted.sum(1)[:, np.newaxis] + second @ sizes - shared
    return shared / np.where(union > 0, union, np.float32(1))


def distinct_segments(
    membership: np.ndarray,
    max_iou: float,
    areas: np.ndarray | None = None,
    num_accepted: int = 0,
) -> np.ndarray:
    """Select segments greedily, without those that overlap an earlier one.

    A segment is dropped if its IoU with a segment that was selected before it
    is above `max_iou`. Empty segments are dropped, too.

    Args:
        membership: Membership (n, S) of bool, best segment first.
        max_iou: Maximum IoU of two selected segments, in [0, 1]. It is rounded
            to single precision, which decides about 7 of 10 superpixels.
        areas: Sizes (S,) of the superpixels, for example in pixels. If None,
            every superpixel has the size 1. Defaults to None.
        num_accepted: Number of first segments that are selected whatever their
            overlap. Defaults to 0.

    Returns:
        Array of int64, the rows that are selected, rising.

    Example:

    >>> table = [[1, 1, 1, 1, 0], [1, 1, 1, 0, 0], [0, 0, 0, 0, 1]]
    >>> distinct_segments(table, 0.7).tolist()
    [0, 2]
    """
    membership = np.ascontiguousarray(membership, bool)
    sizes = np.ones(membership.shape[1]) if areas is None else areas
    sizes = np.asarray(sizes, np.float64)
    max_iou = float(np.float32(max_iou))  # as in the program of GOP's authors
    return _distinct(membership, sizes, max_iou, num_accepted)


def segment_boxes(membership: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Compute the bounding boxes of segments.

    Args:
        membership: Membership (n, S) of bool, no row empty.
        labels: Array (H, W) of int, the superpixel of each pixel, from 0.

    Returns:
        Boxes (n, 4) int32, xyxy in pixels, half-open.

    Example:

    >>> labels = np.array([[0, 0, 1], [2, 2, 1]])
    >>> segment_boxes([[True, False, False], [False, True, True]], labels)
    array([[0, 0, 2, 1],
           [0, 0, 3, 2]], dtype=int32)
    """
    return _boxes(
        np.ascontiguousarray(membership, bool),
        np.ascontiguousarray(labels, np.int32),
    )


@numba.njit(cache=True, nogil=True)
def _distinct(membership, sizes, max_iou, accepted):
    count, superpixels = membership.shape
    kept = np.empty(count, np.int64)
    kept_sizes = np.empty(count)
    members = np.empty(superpixels, np.int64)
    selected = 0
    for row in range(count):
        size = 0.0
        length = 0
        for superpixel in range(superpixels):
            if membership[row, superpixel]:
                members[length] = superpixel
                length += 1
                size += sizes[superpixel]
        distinct = length > 0
        if row >= accepted:
            for place in range(selected):
                other = kept_sizes[place]
                # The IoU is at most the ratio of the sizes.
                if min(size, other) <= max_iou * max(size, other):
                    continue
                shared = 0.0
                for i in range(length):
                    if membership[kept[place], members[i]]:
                        shared += sizes[members[i]]
                if shared / (size + other - shared) > max_iou:
                    distinct = False
                    break
        if distinct:
            kept[selected] = row
            kept_sizes[selected] = size
            selected += 1
    return kept[:selected]


@numba.njit(cache=True, nogil=True)
def _boxes(membership, labels):
    count, superpixels = membership.shape
    height, width = labels.shape
    boxes = np.zeros((count + superpixels, 4), np.int32)
    boxes[:, 0], boxes[:, 1] = width, height
    parts = boxes[count:]
    for y in range(height):
        for x in range(width):
            own = parts[labels[y, x]]
            own[0], own[1] = min(own[0], x), min(own[1], y)
            own[2], own[3] = max(own[2], x + 1), max(own[3], y + 1)
    for row in range(count):
        own = boxes[row]
        for superpixel in range(superpixels):
            if membership[row, superpixel]:
                part = parts[superpixel]
                own[0], own[1] = min(own[0], part[0]), min(own[1], part[1])
                own[2], own[3] = max(own[2], part[2]), max(own[3], part[3])
    return boxes[:count]
