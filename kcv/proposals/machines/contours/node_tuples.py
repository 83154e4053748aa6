"""Tuples of adjacent nodes of a hierarchy of regions.

Arbelaez, Pont-Tuset et al., "Multiscale combinatorial grouping", CVPR 2014,
section 5: an object is often not one region of a hierarchy but the union of
two, three or four neighbors. N is the number of nodes of a hierarchy.
"""

from collections.abc import Sequence

import numba
import numpy as np

from kcv.proposals.machines.contours.contour_hierarchy import Hierarchy
from kcv.proposals.machines.contours.contour_hierarchy import leaf_ranges

MAX_SIZE = 4  # nodes of a tuple
_FIRST_NODES = 256  # whose neighbors are found at first


def top_tuples(
    hierarchy: Hierarchy, pairs: np.ndarray, counts: Sequence[int]
) -> list[np.ndarray]:
    """Find the tuples at the top of a hierarchy.

    The hierarchy is split from the root downwards. Each new node is combined
    with nodes that exist by then. The nodes of a tuple do not overlap, they
    are connected, and no two of them make up their parent, by which they could
    be replaced.

    Args:
        hierarchy: A `Hierarchy`.
        pairs: Pairs (m, 2) of leaves with a common border.
        counts: Maximum number of single nodes, pairs, triplets and quadruples.
            Up to four integers.

    Returns:
        A list of arrays (n_k, k) int32 for k = 1 .. `len(counts)`, numbers of
        nodes, rising within a tuple. Single nodes rise, too. The other tuples
        stand in the order in which they come into being.

    Raises:
        ValueError: If `counts` has more than four numbers.

    Example:

    >>> labels = np.array([[0, 1, 2, 3]], np.int32)
    >>> parents = np.array([4, 4, 5, 5, 6, 6, -1], np.int32)
    >>> heights = np.array([0, 0, 0, 0, 0.1, 0.2, 0.3])
    >>> hierarchy = Hierarchy(labels, parents, heights)
    >>> singles, pairs = top_tuples(
    ...     hierarchy, [[0, 1], [1, 2], [2, 3]], counts=(3, 10)
    ... )
    >>> singles.ravel().tolist(), pairs.tolist()
    ([4, 5, 6], [[2, 4], [1, 5], [1, 2]])
    """
    if len(counts) > MAX_SIZE:
        raise ValueError(
            f"`counts` must have at most {MAX_SIZE} numbers. Received: "
            f"counts={tuple(counts)}"
        )
    parents = hierarchy.parents
    nodes = len(parents)
    first = max(0, nodes - counts[0])
    singles = np.arange(first, nodes, dtype=np.int32)[:, np.newaxis]
    limits = np.zeros(MAX_SIZE + 1, np.int64)
    limits[1 : len(counts) + 1] = counts
    pairs = np.asarray(pairs, np.int32).reshape(-1, 2)
    lowest, highest = leaf_ranges(parents, hierarchy.num_leaves)
    size = min(_FIRST_NODES, nodes)
    while True:
        split = _split_order(parents, size)
        complete, *found = _combine(
            parents,
            pairs,
            lowest,
            highest,
            _find_twins(parents),
            split,
            np.sort(split)[::-1].copy(),
            limits,
        )
        if complete or size == nodes:
            return [singles, *found[: len(counts) - 1]]
        size = min(2 * size, nodes)


def _find_twins(parents):
    """Find the other child of the parent if there are two, -1 otherwise."""
    above = parents[:-1]
    children = np.bincount(above, minlength=len(parents))
    total = np.bincount(above, np.arange(len(above)), len(parents))
    twins = np.full(len(parents), -1, np.int32)
    paired = np.flatnonzero(children[above] == 2)
    twins[paired] = total[above[paired]] - paired
    return twins


def _split_order(parents, size):
    """Give at least `size` nodes, each of which joins those before it.

    Parents come from the root down, and their children in falling order.
    """
    order = np.lexsort((-np.arange(len(parents)), -parents))
    order = np.concatenate([order[-1:], order[:-1]])  # the root has parent -1
    if size < len(order):
        # All children of a parent, or none.
        last = parents[order[size - 1]]
        size = np.searchsorted(-parents[order[1:]], -last, "right") + 1
    return order[:size].astype(np.int32)


@numba.njit(cache=True, nogil=True)
def _touching_nodes(parents, pairs, rank, count):
    """Whether two nodes have a common border, for those with a rank >= 0."""
    touch = np.zeros((count, count), np.bool_)
    for i in range(len(pairs)):
        a, b = pairs[i, 0], pairs[i, 1]
        top = a
        other = b
        while top != other:
            if top < other:
                top = parents[top]
            else:
                other = parents[other]
        # The lowest nodes that have a rank. Those above them have one, too.
        while rank[a] < 0:
            a = parents[a]
        while rank[b] < 0:
            b = parents[b]
        if a >= top or b >= top:
            continue
        while a != top:
            node = b
            # A pair of nodes that touch has parents that touch, below the top.
            if touch[rank[a], rank[b]]:
                break
            while node != top:
                touch[rank[a], rank[node]] = True
                touch[rank[node], rank[a]] = True
                node = parents[node]
            a = parents[a]
    return touch


@numba.njit(cache=True, nogil=True)
def _apart(a, b, twins, lowest, highest):
    """Whether two nodes neither overlap nor make up their parent."""
    if twins[a] == b:
        return False
    return highest[a] <= lowest[b] or highest[b] <= lowest[a]


@numba.njit(cache=True, nogil=True)
def _store(table, row, nodes):
    """Fill a row with the first nodes, sorted."""
    for i in range(table.shape[1]):
        place = i
        while place > 0 and table[row, place - 1] > nodes[i]:
            table[row, place] = table[row, place - 1]
            place -= 1
        table[row, place] = nodes[i]


@numba.njit(cache=True, nogil=True)
def _is_repeated(table, first, last):
    """Whether row `last` is one of those from `first` on."""
    for row in range(first, last):
        same = True
        for place in range(table.shape[1]):
            if table[row, place] != table[last, place]:
                same = False
                break
        if same:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def _combine(parents, pairs, lowest, highest, twins, split, falling, limits):
    count = len(split)
    rank = np.full(len(parents), -1, np.int32)
    for i in range(count):
        rank[split[i]] = i
    touch = _touching_nodes(parents, pairs, rank, count)
    doubles = np.empty((limits[2], 2), np.int32)
    triples = np.empty((limits[3], 3), np.int32)
    quads = np.empty((limits[4], 4), np.int32)
    nodes = np.empty(4, np.int32)
    n2 = n3 = n4 = start = 0
    end = 1  # of the children of one parent
    for step in range(1, count):
        if n2 == limits[2] and n3 == limits[3] and n4 == limits[4]:
            break
        if step == end:
            start = end
            while end < count and parents[split[end]] == parents[split[start]]:
                end += 1
        i = start + end - 1 - step  # children rise
        n = nodes[0] = split[i]
        before = n4
        for a in falling:
            ra, nodes[1] = rank[a], a
            if ra >= i or not touch[i, ra]:
                continue
            if not _apart(a, n, twins, lowest, highest):
                continue
            if n2 < limits[2]:
                _store(doubles, n2, nodes)
                n2 += 1
            if n3 == limits[3] and n4 == limits[4]:
                continue
            for b in falling:
                rb, nodes[2] = rank[b], b
                if rb >= i or not (touch[i, rb] or touch[ra, rb]):
                    continue
                if touch[i, rb] and b > a:
                    continue  # found before, from b
                if not _apart(b, n, twins, lowest, highest):
                    continue
                if not _apart(b, a, twins, lowest, highest):
                    continue
                if n3 < limits[3]:
                    _store(triples, n3, nodes)
                    n3 += 1
                if n4 == limits[4]:
                    continue
                for c in falling:
                    rc, nodes[3] = rank[c], c
                    if rc >= i or not (
                        touch[i, rc] or touch[ra, rc] or touch[rb, rc]
                    ):
                        continue
                    if not _apart(c, n, twins, lowest, highest):
                        continue
                    if not _apart(c, a, twins, lowest, highest):
                        continue
                    if not _apart(c, b, twins, lowest, highest):
                        continue
                    if n4 == limits[4]:
                        break
                    _store(quads, n4, nodes)
                    if _is_repeated(quads, before, n4):
                        continue
                    n4 += 1
    complete = n2 == limits[2] and n3 == limits[3] and n4 == limits[4]
    return complete, doubles[:n2], triples[:n3], quads[:n4]
