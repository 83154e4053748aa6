"""Alignment of the hierarchies of an image at several sizes.

Arbelaez, Pont-Tuset et al., "Multiscale combinatorial grouping", CVPR 2014,
section 4: regions that were found at another size of the image are snapped to
the superpixels of one size. S is the number of these superpixels.
"""

import numba
import numpy as np

from kcv.proposals.machines.contours.contour_hierarchy import Hierarchy
from kcv.proposals.machines.regions.connected_parts import connected_pixels


def resize_labels(labels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Scale labels, and divide segments into connected ones.

    Args:
        labels: Array (h, w) of int32, the segment of each pixel.
        shape: Height and width of the result.

    Returns:
        Labels (H, W) int32, from 0 in reading order. Each pixel lies in the
        segment at its center. Parts of a segment that are not connected have
        labels of their own.
    """
    labels = _at_centers(labels, shape)
    return connected_pixels(
        labels[:, 1:] == labels[:, :-1], labels[1:] == labels[:-1]
    )


def align(
    hierarchy: Hierarchy, labels: np.ndarray
) -> tuple[Hierarchy, np.ndarray]:
    """Snap a hierarchy to the segments of an image.

    A segment belongs to the child of the root that covers most of it, then to
    the child of this node that covers most of it, and so on to a leaf. Leaves
    and nodes without segments are dropped.

    Args:
        hierarchy: A `Hierarchy` of an image of any size. Its pixels are scaled
            to the size of `labels`.
        labels: Array (H, W) of int32, the segment of each pixel, from 0.

    Returns:
        Tuple (hierarchy, leaves), the `Hierarchy` of an image (H, W), and the
        leaf of each segment, (S,) int32.
    """
    own = _at_centers(hierarchy.labels, labels.shape).ravel()
    count = int(labels.max()) + 1
    key = labels.ravel().astype(np.int64) * hierarchy.num_leaves + own
    keys, sizes = np.unique(key, return_counts=True)
    segments, own = np.divmod(keys, hierarchy.num_leaves)
    starts = np.searchsorted(segments, np.arange(count + 1))
    leaves = _follow_majority(
        hierarchy.parents, starts, own.astype(np.int32), sizes
    )
    used = np.zeros(len(hierarchy.parents), bool)
    used[leaves] = True
    number, parents = _restrict(hierarchy.parents, used)
    leaves = number[leaves]
    heights = hierarchy.heights[number >= 0]
    return Hierarchy(leaves[labels], parents, heights), leaves


def _at_centers(labels, shape):
    """Look up the labels at the centers of the pixels of another size."""
    rows, columns = (
        (2 * np.arange(size) + 1) * own // (2 * size)
        for size, own in zip(shape, labels.shape, strict=True)
    )
    return labels[np.ix_(rows, columns)]


@numba.njit(cache=True, nogil=True)
def _follow_majority(parents, starts, leaves, sizes):
    """Leaf of each segment, from the pixels that it shares with leaves.

    The nodes above these leaves are visited from the bottom. Each keeps its
    size and the leaf below its largest child.
    """
    segments = len(starts) - 1
    found = np.empty(segments, np.int32)
    for segment in range(segments):
        first, last = starts[segment], starts[segment + 1]
        count = last - first
        nodes = leaves[first:last].copy()
        total = sizes[first:last].copy()
        largest = total.copy()
        winner = nodes.copy()
        while count > 1:
            lowest = 0
            for i in range(1, count):
                if nodes[i] < nodes[lowest]:
                    lowest = i
            nodes[lowest] = parents[nodes[lowest]]
            largest[lowest] = total[lowest]
            for i in range(count):
                if i != lowest and nodes[i] == nodes[lowest]:
                    total[i] += total[lowest]
                    if largest[lowest] > largest[i]:
                        largest[i] = largest[lowest]
                        winner[i] = winner[lowest]
                    count -= 1
                    nodes[lowest] = nodes[count]
                    total[lowest] = total[count]
                    largest[lowest] = largest[count]
                    winner[lowest] = winner[count]
                    break
        found[segment] = winner[0]
    return found


@numba.njit(cache=True, nogil=True)
def _restrict(parents, used):
    """Drop leaves that are not used, and nodes with less than two children.

    Returns the new number of each node, -1 for those that are dropped, and the
    new parents.
    """
    nodes = len(parents)
    children = np.zeros(nodes, np.int32)
    kept = used.copy()
    for node in range(nodes):
        if children[node] >= 2:
            kept[node] = True
        if node < nodes - 1 and (kept[node] or children[node] == 1):
            children[parents[node]] += 1
    number = np.full(nodes, -1, np.int32)
    count = 0
    for node in range(nodes):
        if kept[node]:
            number[node] = count
            count += 1
    own = np.full(count, -1, np.int32)
    for node in range(nodes):
        if kept[node]:
            above = parents[node]
            while above >= 0 and not kept[above]:
                above = parents[above]
            if above >= 0:
                own[number[node]] = number[above]
    return number, own
