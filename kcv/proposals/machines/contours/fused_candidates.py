"""Candidates for objects from several hierarchies of one image.

Arbelaez, Pont-Tuset et al., "Multiscale combinatorial grouping", CVPR 2014: a
candidate is a few nodes of one hierarchy. The hierarchies have different
superpixels. What any of them separates is a fused superpixel, and every
candidate consists of those. S is their number, n that of candidates.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np

from kcv.proposals.machines.contours.contour_hierarchy import Hierarchy
from kcv.proposals.machines.contours.contour_hierarchy import border_values
from kcv.proposals.machines.contours.contour_hierarchy import leaf_ranges
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.region_graph import reduce_borders
from kcv.proposals.machines.regions.region_graph import touched_sides
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


class Candidates(NamedTuple):
    """Candidates of H hierarchies, as nodes and as fused superpixels.

    The nodes of candidate i are `nodes[starts[i]:starts[i + 1]]`.

    Attributes:
        hierarchies: List of H `Hierarchy`, without the nodes that no candidate
            needs.
        source: Array (n,) int32, the hierarchy of each candidate.
        starts: Array (n + 1,) int64.
        nodes: Array (K,) int32, nodes of the hierarchy of the candidate.
        labels: Array (H, W) int32, the fused superpixel of each pixel.
        leaves: Array (number of hierarchies, S) int32, the leaf of each
            hierarchy in which a fused superpixel lies.
        membership: Array (n, S) of bool, whether a fused superpixel belongs to
            a candidate.
    """

    hierarchies: list[Hierarchy]
    source: np.ndarray
    starts: np.ndarray
    nodes: np.ndarray
    labels: np.ndarray
    leaves: np.ndarray
    membership: np.ndarray

    def select(self, rows: np.ndarray) -> "Candidates":
        """Select candidates.

        Args:
            rows: Array (m,) of int, numbers of candidates.

        Returns:
            The selected `Candidates`, in this order.
        """
        counts = np.diff(self.starts)[rows]
        starts = np.append(0, np.cumsum(counts))
        places = np.arange(starts[-1]) + np.repeat(
            self.starts[rows] - starts[:-1], counts
        )
        return self._replace(
            source=self.source[rows],
            starts=starts,
            nodes=self.nodes[places],
            membership=self.membership[rows],
        )


def fuse_candidates(
    hierarchies: Sequence[Hierarchy],
    tuples: Sequence[Sequence[np.ndarray]],
    fill: bool = True,
) -> Candidates:
    """Express tuples of nodes of several hierarchies in common superpixels.

    Args:
        hierarchies: Hierarchies of one image.
        tuples: For each hierarchy, a list of arrays (n_k, k) of nodes, as
            `top_tuples` returns it.
        fill: Whether to fill holes, which are what a candidate separates from
            the frame of the image. The largest nodes in a hole become nodes
            of the candidate. Defaults to True.

    Returns:
        The `Candidates`, hierarchy by hierarchy, in the order of the tuples.
    """
    pruned, sources, counts, nodes = [], [], [], []
    for number, (hierarchy, own) in enumerate(
        zip(hierarchies, tuples, strict=True)
    ):
        table = np.full(
            (sum(map(len, own)), max(part.shape[1] for part in own)),
            -1,
            np.int32,
        )
        row = 0
        for part in own:
            table[row : row + len(part), : part.shape[1]] = part
            row += len(part)
        small, table = _prune(hierarchy, table)
        pruned.append(small)
        if fill:
            starts, flat = _fill_holes(small, table)
        else:
            starts = np.append(0, np.cumsum((table >= 0).sum(1)))
            flat = table[table >= 0]
        sources.append(np.full(len(table), number, np.int32))
        counts.append(np.diff(starts))
        nodes.append(flat)
    labels, leaves = _fuse_labels([own.labels for own in pruned])
    source = np.concatenate(sources)
    starts = np.append(0, np.cumsum(np.concatenate(counts)))
    flat = np.concatenate(nodes)
    membership = np.zeros((len(source), leaves.shape[1]), bool)
    for number, own in enumerate(pruned):
        rows = np.flatnonzero(source == number)
        if len(rows):
            lowest, highest = _own_ranges(own.parents, own.num_leaves)
            _mark(
                membership, rows, starts, flat, lowest, highest, leaves[number]
            )
    return Candidates(pruned, source, starts, flat, labels, leaves, membership)


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
        no contour. `inner` is the mean strength of the contours between the
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
        lowest, highest = _own_ranges(parents, hierarchy.num_leaves)
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


def _fuse_labels(maps):
    """Label what any of several label maps separates.

    Returns labels (H, W) and, for each map and each label, the label there.
    """
    key = np.zeros(maps[0].size, np.int64)
    for labels in maps:
        key = key * (int(labels.max()) + 1) + labels.ravel()
        values, key = np.unique(key, return_inverse=True)
    _, first = np.unique(key, return_index=True)
    leaves = np.stack([labels.ravel()[first] for labels in maps])
    return key.reshape(maps[0].shape).astype(np.int32), leaves


def _prune(hierarchy, table):
    """Drop the nodes below those that a table of nodes needs.

    Leaves of the result are numbered from tree to tree. They keep their
    heights. Returns the hierarchy and the table with the new numbers.
    """
    lowest, _ = leaf_ranges(hierarchy.parents, hierarchy.num_leaves)
    divided = _find_divided(hierarchy.parents, np.unique(table[table >= 0]))
    above = np.append(divided[hierarchy.parents[:-1]], True)
    leaves = np.flatnonzero(above & ~divided)
    leaves = leaves[np.argsort(lowest[leaves], kind="stable")]
    kept = np.concatenate([leaves, np.flatnonzero(divided)])
    number = np.full(len(divided), -1, np.int32)
    number[kept] = np.arange(len(kept))
    parents = hierarchy.parents[kept]
    parents = np.where(parents >= 0, number[parents], -1).astype(np.int32)
    # The old leaves below a new one have consecutive places.
    top = np.searchsorted(
        lowest[leaves], lowest[: hierarchy.num_leaves], "right"
    )
    labels = (top - 1).astype(np.int32)[hierarchy.labels]
    small = Hierarchy(labels, parents, hierarchy.heights[kept])
    return small, np.where(table >= 0, number[table], -1).astype(np.int32)


def _find_divided(parents, nodes):
    """Tell which nodes have descendants among some nodes."""
    divided = np.zeros(len(parents), bool)
    for node in nodes:
        above = parents[node]
        while above >= 0 and not divided[above]:
            divided[above] = True
            above = parents[above]
    return divided


def _fill_holes(hierarchy, table):
    """Add the largest nodes in holes. Returns starts and flat nodes."""
    count = hierarchy.num_leaves
    pairs = find_borders(hierarchy.labels).pairs
    frame = touched_sides(hierarchy.labels).any(1)
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    ends = ends[np.argsort(ends[:, 0], kind="stable")]
    starts = np.searchsorted(ends[:, 0], np.arange(count + 1))
    lowest, highest = _own_ranges(hierarchy.parents, count)
    return _add_holes(
        table,
        hierarchy.parents,
        lowest,
        highest,
        starts,
        np.ascontiguousarray(ends[:, 1]),
        np.flatnonzero(frame),
    )


def _own_ranges(parents, count):
    """Find the first leaf of each node and the one after the last.

    Leaves must be numbered from tree to tree.
    """
    lowest = np.full(len(parents), count, np.int32)
    highest = np.zeros(len(parents), np.int32)
    lowest[:count], highest[:count] = np.arange(count), np.arange(1, count + 1)
    for node, above in enumerate(parents[:-1]):
        lowest[above] = min(lowest[above], lowest[node])
        highest[above] = max(highest[above], highest[node])
    return lowest, highest


@numba.njit(cache=True, nogil=True)
def _add_holes(table, parents, lowest, highest, starts, neighbors, frame):
    rows, columns = table.shape
    count = len(starts) - 1
    out_starts = np.zeros(rows + 1, np.int64)
    flat = np.empty(2 * rows * columns + count, np.int32)
    used = 0
    reached = np.empty(count, np.bool_)  # in the candidate or outside
    queue = np.empty(count, np.int64)
    holes = np.empty(count + 1, np.int64)
    for row in range(rows):
        reached[:] = False
        if used + columns + count > len(flat):
            flat = np.append(flat, np.empty_like(flat))
        for column in range(columns):
            node = table[row, column]
            if node >= 0:
                flat[used] = node
                used += 1
                reached[lowest[node] : highest[node]] = True
        size = 0
        for leaf in frame:
            if not reached[leaf]:
                reached[leaf] = True
                queue[size] = leaf
                size += 1
        while size > 0:
            size -= 1
            leaf = queue[size]
            for i in range(starts[leaf], starts[leaf + 1]):
                other = neighbors[i]
                if not reached[other]:
                    reached[other] = True
                    queue[size] = other
                    size += 1
        holes[0] = 0
        for leaf in range(count):
            holes[leaf + 1] = holes[leaf] + (not reached[leaf])
        leaf = 0
        while holes[count] > 0 and leaf < count:
            if reached[leaf]:
                leaf += 1
                continue
            node = leaf
            while True:
                above = parents[node]
                if above < 0:
                    break
                area = highest[above] - lowest[above]
                if holes[highest[above]] - holes[lowest[above]] < area:
                    break
                node = above
            flat[used] = node
            used += 1
            leaf = highest[node]
        out_starts[row + 1] = used
    return out_starts, flat[:used].copy()


@numba.njit(cache=True, nogil=True)
def _mark(membership, rows, starts, nodes, lowest, highest, leaves):
    for row in rows:
        for i in range(starts[row], starts[row + 1]):
            low, high = lowest[nodes[i]], highest[nodes[i]]
            for superpixel in range(len(leaves)):
                if low <= leaves[superpixel] < high:
                    membership[row, superpixel] = True


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
