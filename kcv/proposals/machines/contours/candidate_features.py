"""Features of candidates for objects.

Arbelaez, Pont-Tuset et al., "Multiscale combinatorial grouping", CVPR 2014:
size, shape, position and contours, by which candidates are ranked. n is the
number of candidates.
"""

import numba
import numpy as np

from kcv.proposals.machines.contours.contour_grid import border_values
from kcv.proposals.machines.contours.fused_candidates import Candidates
from kcv.proposals.machines.contours.fused_candidates import node_ranges
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.region_graph import reduce_borders
from kcv.proposals.machines.regions.segment_overlap import segment_boxes

#: Names of the columns of `describe_candidates`.
FEATURES = (
    "lowest end of the nodes",
    "lowest start of the nodes",
    "smallest over largest area of the nodes",
    "area",
    "perimeter",
    "contour sum",
    "contour mean",
    "perimeter squared over area",
    "contour sum over root of area",
    "left",
    "top",
    "right",
    "bottom",
    "box area",
    "area over box area",
    "width over height",
)


def contrast(
    candidates: Candidates, contours: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Measure contours around and inside candidates.

    Args:
        candidates: The `Candidates`.
        contours: Contours (2 H + 1, 2 W + 1) of the image.

    Returns:
        Tuple (outer, inner) of arrays (n,) float64. `outer` is the mean
        strength of the contours around a candidate. The frame of the image is
        not a contour. `inner` is the mean strength of the contours between the
        fused superpixels in the candidate. Both are 0 if there are none.
    """
    pairs, lengths, sums = _measure_borders(candidates.labels, contours)
    return _contrast(candidates.membership, pairs, lengths, sums)


def describe_candidates(
    candidates: Candidates, contours: np.ndarray
) -> np.ndarray:
    """Compute the features from which MCG predicts the quality of candidates.

    They are those of the authors' code. There, the perimeter and the contour
    sum of a node count a piece of its border once for the fused superpixel and
    once for each node above it up to this node. The frame of the image counts
    once. The sums over the nodes of a candidate are reduced by twice the
    borders between its nodes. The authors' code leaves out some of the borders
    of a filled hole here, those to nodes with a larger number.

    Args:
        candidates: The `Candidates`.
        contours: Contours (2 H + 1, 2 W + 1) of the image, the largest ones of
            the hierarchies.

    Returns:
        Array (n, 16) float64 with the columns `FEATURES`. Areas of candidates
        and positions are shares of the image. The area of the box is in square
        pixels.
    """
    pairs, lengths, sums = _measure_borders(candidates.labels, contours)
    count = len(candidates.source)
    found = np.empty((count, len(FEATURES)))
    areas = np.bincount(candidates.labels.ravel()).astype(np.float64)
    frame = _frame_lengths(candidates.labels, len(areas))
    for number, hierarchy in enumerate(candidates.hierarchies):
        rows = np.flatnonzero(candidates.source == number)
        parents = hierarchy.parents
        ends = np.append(hierarchy.heights[parents[:-1]], 1.0)
        lowest, highest = node_ranges(parents, hierarchy.num_leaves)
        _describe(
            found,
            rows,
            candidates.starts,
            candidates.nodes,
            parents,
            hierarchy.heights,
            ends,
            lowest,
            highest,
            candidates.leaves[number],
            areas,
            frame,
            pairs,
            lengths,
            sums,
        )
    height, width = candidates.labels.shape
    size = candidates.membership @ areas
    boxes = segment_boxes(candidates.membership, candidates.labels)
    sides = boxes[:, 2:] - boxes[:, :2]
    box_areas = sides.prod(1)
    found[:, 3] = size / (height * width)
    found[:, 6] = found[:, 5] / found[:, 4]
    found[:, 7] = found[:, 4] ** 2 / size
    found[:, 8] = found[:, 5] / np.sqrt(size)
    found[:, 9:13] = boxes / [width, height, width, height]
    found[:, 13] = box_areas
    found[:, 14] = size / box_areas
    found[:, 15] = sides[:, 0] / sides[:, 1]
    return found


def _measure_borders(labels, contours):
    """Find the pairs of neighbors, and the lengths and sums of borders."""
    borders = find_borders(labels)
    sums = reduce_borders(borders, border_values(borders, contours), "sum")
    return borders.pairs, np.diff(borders.starts), sums


def _frame_lengths(labels, count):
    """Count the sides of pixels that lie on the frame of the image."""
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    return np.bincount(np.concatenate(sides), minlength=count)


@numba.njit(cache=True, nogil=True)
def _contrast(membership, pairs, lengths, sums):
    count = len(membership)
    outer, inner = np.zeros(count), np.zeros(count)
    for row in range(count):
        own = membership[row]
        around = inside = around_sum = inside_sum = 0.0
        for border in range(len(pairs)):
            first, second = own[pairs[border, 0]], own[pairs[border, 1]]
            if first and second:
                inside += lengths[border]
                inside_sum += sums[border]
            elif first or second:
                around += lengths[border]
                around_sum += sums[border]
        if around > 0:
            outer[row] = around_sum / around
        if inside > 0:
            inner[row] = inside_sum / inside
    return outer, inner


@numba.njit(cache=True, nogil=True)
def _describe(
    found,
    rows,
    starts,
    nodes,
    parents,
    begins,
    ends,
    lowest,
    highest,
    leaves,
    areas,
    frame,
    pairs,
    lengths,
    sums,
):
    """Fill the columns that depend on the nodes."""
    perimeter = np.zeros(len(parents))
    contour = np.zeros(len(parents))
    size = np.zeros(len(parents))
    for superpixel in range(len(leaves)):
        node = leaves[superpixel]
        while node >= 0:
            size[node] += areas[superpixel]
            perimeter[node] += frame[superpixel]
            node = parents[node]
    for border in range(len(pairs)):
        first, second = leaves[pairs[border, 0]], leaves[pairs[border, 1]]
        top, other = first, second
        while top != other:
            if top < other:
                top = parents[top]
            else:
                other = parents[other]
        for start in (first, second):
            node, times = start, 2
            while node != top:
                perimeter[node] += times * lengths[border]
                contour[node] += times * sums[border]
                node = parents[node]
                times += 1
    owner = np.empty(len(leaves), np.int32)
    for row in rows:
        owner[:] = -1
        end, begin = np.inf, np.inf
        smallest, largest = np.inf, 0.0
        total, strength = 0.0, 0.0
        for i in range(starts[row], starts[row + 1]):
            node = nodes[i]
            end, begin = min(end, ends[node]), min(begin, begins[node])
            smallest = min(smallest, size[node])
            largest = max(largest, size[node])
            total += perimeter[node]
            strength += contour[node]
            for superpixel in range(len(leaves)):
                if lowest[node] <= leaves[superpixel] < highest[node]:
                    owner[superpixel] = node
        for border in range(len(pairs)):
            first, second = owner[pairs[border, 0]], owner[pairs[border, 1]]
            if first >= 0 and second >= 0 and first != second:
                total -= 2 * lengths[border]
                strength -= 2 * sums[border]
        found[row, 0], found[row, 1] = end, begin
        found[row, 2] = smallest / largest
        found[row, 4], found[row, 5] = total, strength
