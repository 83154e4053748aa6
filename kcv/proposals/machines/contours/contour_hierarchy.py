"""Hierarchies of regions from the strength of the contours between them.

Arbelaez, Maire, Fowlkes and Malik, "Contour detection and hierarchical image
segmentation", PAMI 2011: the ultrametric contour map. Contours are stored in a
grid between pixels, see `contour_grid`.
"""

import heapq
from typing import NamedTuple

import numba
import numpy as np

from kcv.proposals.machines.contours.contour_grid import border_values
from kcv.proposals.machines.contours.contour_grid import draw_contours
from kcv.proposals.machines.regions.connected_parts import connected_pixels
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.region_graph import reduce_borders


class Hierarchy(NamedTuple):
    """Tree whose n leaves are the superpixels of an image.

    Nodes that are not leaves have numbers from n on, by rising height. The
    last node is the root.

    Attributes:
        labels: Array (H, W) int32, the leaf of each pixel.
        parents: Array (N,) int32, the parent of each node, -1 for the root.
        heights: Array (N,) float64, the strength at which a node comes into
            being, 0 for leaves. A parent is higher than its children that are
            not leaves.
    """

    labels: np.ndarray
    parents: np.ndarray
    heights: np.ndarray

    @property
    def num_leaves(self) -> int:
        """Number of leaves."""
        return int(self.labels.max()) + 1


def group_contours(contours: np.ndarray) -> Hierarchy:
    """Merge the regions that contours enclose, the weakest contour first.

    The strength of the contour between two regions is its mean over the pixel
    pairs of the border. Merges of neighbors at one height are one node.

    Args:
        contours: Contours (2 H + 1, 2 W + 1). Regions are the connected
            components where they are 0, in reading order.

    Returns:
        The `Hierarchy`.

    Example:

    >>> contours = np.zeros((3, 7))
    >>> contours[1, [2, 4]] = 0.7, 0.2
    >>> hierarchy = group_contours(contours)
    >>> hierarchy.labels.tolist(), hierarchy.parents.tolist()
    ([[0, 1, 2]], [4, 3, 3, 4, -1])
    >>> hierarchy.heights.tolist()
    [0.0, 0.0, 0.0, 0.2, 0.7]
    """
    labels = connected_pixels(
        contours[1::2, 2:-1:2] == 0, contours[2:-1:2, 1::2] == 0
    )
    borders = find_borders(labels)
    values = border_values(borders, contours)
    return group_regions(
        labels,
        borders.pairs,
        reduce_borders(borders, values),
        np.diff(borders.starts),
    )


def group_regions(
    labels: np.ndarray,
    pairs: np.ndarray,
    strengths: np.ndarray,
    lengths: np.ndarray,
) -> Hierarchy:
    """Merge regions, the weakest border first.

    The strength of the border of two unions is the mean over its length.
    Merges of neighbors at one height are one node.

    Args:
        labels: Array (H, W) of int32, the region of each pixel, from 0.
        pairs: Array (m, 2) of int, the pairs of neighbors. They connect all
            regions.
        strengths: Array (m,) of float, the mean strengths of the borders.
        lengths: Array (m,), the lengths of the borders.

    Returns:
        The `Hierarchy`.
    """
    count = int(labels.max()) + 1
    children, heights = _merge(
        count,
        np.asarray(pairs, np.int32),
        np.asarray(strengths * lengths, np.float64),
        np.asarray(lengths, np.float64),
    )
    return Hierarchy(labels, *_join_levels(children, heights))


def border_heights(hierarchy: Hierarchy, pairs: np.ndarray) -> np.ndarray:
    """Find the heights at which pairs of nodes are united.

    Args:
        hierarchy: A `Hierarchy`.
        pairs: Array (m, 2) of int, numbers of nodes.

    Returns:
        Array (m,) float64.
    """
    return hierarchy.heights[
        _common_ancestors(hierarchy.parents, np.asarray(pairs, np.int32))
    ]


def ultrametric_map(hierarchy: Hierarchy) -> np.ndarray:
    """Draw the ultrametric contour map of a hierarchy.

    The strength of a contour is the height at which its two sides are united.
    The regions that contours above a threshold enclose are the nodes that
    exist at this height.

    Args:
        hierarchy: A `Hierarchy` of an image (H, W).

    Returns:
        Contours (2 H + 1, 2 W + 1) float32. A corner has the strength of the
        strongest contour that ends there.
    """
    borders = find_borders(hierarchy.labels)
    heights = border_heights(hierarchy, borders.pairs)
    return draw_contours(borders, heights, hierarchy.labels.shape)


@numba.njit(cache=True, nogil=True)
def leaf_ranges(
    parents: np.ndarray, num_leaves: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give consecutive numbers to the leaves of each node.

    Args:
        parents: Array (N,) of int32, the parent of each node, as in
            `Hierarchy`.
        num_leaves: Number of leaves.

    Returns:
        Tuple (lowest, highest) of arrays (N,) int32, the first leaf of each
        node in this numbering, and the one after the last.
    """
    nodes = len(parents)
    size = np.zeros(nodes, np.int32)
    size[:num_leaves] = 1
    for node in range(nodes - 1):
        size[parents[node]] += size[node]
    lowest = np.zeros(nodes, np.int32)
    used = np.zeros(nodes, np.int32)
    for node in range(nodes - 2, -1, -1):
        parent = parents[node]
        lowest[node] = lowest[parent] + used[parent]
        used[parent] += size[node]
    return lowest, lowest + size


@numba.njit(cache=True, nogil=True)
def _merge(count, pairs, sums, lengths):
    """Merge the pair with the smallest mean, count - 1 times.

    The borders of a region are a linked list. When two regions are merged,
    the border of the union with a common neighbor keeps the number of one of
    the two borders, and the other one is dropped.
    """
    borders = len(pairs)
    nodes = 2 * count - 1
    ends = pairs.copy()
    head = np.full(nodes, -1, np.int32)
    following = np.empty(2 * borders, np.int32)
    version = np.zeros(borders, np.int32)
    heap = []
    for border in range(borders):
        for side in range(2):
            own = ends[border, side]
            following[2 * border + side] = head[own]
            head[own] = 2 * border + side
        heap.append(
            (sums[border] / lengths[border], np.int32(border), np.int32(0))
        )
    heapq.heapify(heap)
    children = np.empty((count - 1, 2), np.int32)
    heights = np.zeros(nodes)
    place = np.full(nodes, -1, np.int32)  # border of the union with a node
    seen = np.full(nodes, -1, np.int32)
    highest = 0.0
    union = count
    while union < nodes:
        mean, border, own_version = heapq.heappop(heap)
        if version[border] != own_version:
            continue
        version[border] = -1
        a, b = ends[border, 0], ends[border, 1]
        children[union - count, 0] = min(a, b)
        children[union - count, 1] = max(a, b)
        # Means never fall, except by rounding.
        highest = max(highest, mean)
        heights[union] = highest
        for part in (a, b):
            link = head[part]
            while link >= 0:
                after = following[link]
                other_border, side = link // 2, link % 2
                link_used = link
                link = after
                if version[other_border] < 0:
                    continue
                other = ends[other_border, 1 - side]
                if seen[other] == union:
                    kept = place[other]
                    sums[kept] += sums[other_border]
                    lengths[kept] += lengths[other_border]
                    version[other_border] = -1
                    version[kept] += 1
                    heapq.heappush(
                        heap, (sums[kept] / lengths[kept], kept, version[kept])
                    )
                    continue
                seen[other] = union
                place[other] = other_border
                ends[other_border, side] = union
                following[link_used] = head[union]
                head[union] = link_used
        union += 1
    return children, heights


@numba.njit(cache=True, nogil=True)
def _join_levels(children, heights):
    """Replace binary nodes by nodes with all merges at one height."""
    nodes = len(heights)
    count = nodes - len(children)
    parents = np.full(nodes, -1, np.int32)
    for union in range(count, nodes):
        parents[children[union - count, 0]] = union
        parents[children[union - count, 1]] = union
    number = np.full(nodes, -1, np.int32)
    kept = 0
    for node in range(nodes):
        above = parents[node]
        if node < count or above < 0 or heights[above] > heights[node]:
            number[node] = kept
            kept += 1
    own_parents = np.full(kept, -1, np.int32)
    own_heights = np.empty(kept)
    for node in range(nodes):
        if number[node] < 0:
            continue
        own_heights[number[node]] = heights[node]
        above = parents[node]
        while above >= 0 and number[above] < 0:
            above = parents[above]
        if above >= 0:
            own_parents[number[node]] = number[above]
    return own_parents, own_heights


@numba.njit(cache=True, nogil=True)
def _common_ancestors(parents, pairs):
    found = np.empty(len(pairs), np.int32)
    for i in range(len(pairs)):
        a, b = pairs[i, 0], pairs[i, 1]
        while a != b:  # a parent has a larger number than its children
            if a < b:
                a = parents[a]
            else:
                b = parents[b]
        found[i] = a
    return found
