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
from kcv.proposals.machines.contours.contour_hierarchy import leaf_ranges
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.region_graph import touched_sides


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
            lowest, highest = node_ranges(own.parents, own.num_leaves)
            _mark(
                membership, rows, starts, flat, lowest, highest, leaves[number]
            )
    return Candidates(pruned, source, starts, flat, labels, leaves, membership)


def node_ranges(
    parents: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Find the first leaf of each node and the one after the last.

    Args:
        parents: Array (N,) of int, the parents of the nodes of a hierarchy in
            `Candidates`. The leaves of a node have consecutive numbers there.
        count: Number of leaves.

    Returns:
        Tuple (lowest, highest) of arrays (N,) int32.
    """
    lowest = np.full(len(parents), count, np.int32)
    highest = np.zeros(len(parents), np.int32)
    lowest[:count], highest[:count] = np.arange(count), np.arange(1, count + 1)
    for node, above in enumerate(parents[:-1]):
        lowest[above] = min(lowest[above], lowest[node])
        highest[above] = max(highest[above], highest[node])
    return lowest, highest


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
    lowest, highest = node_ranges(hierarchy.parents, count)
    return _add_holes(
        table,
        hierarchy.parents,
        lowest,
        highest,
        starts,
        np.ascontiguousarray(ends[:, 1]),
        np.flatnonzero(frame),
    )


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
