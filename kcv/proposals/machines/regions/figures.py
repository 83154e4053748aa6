"""Figures of the minimum cuts of a graph, and the choice among equal ones.

This is what RIGOR and CPMC do with their cuts. The connected parts of all
figures are candidates, and of those that are almost equal one is kept. A graph
has n nodes, which are superpixels or pixels.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numba
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kcv.proposals.machines.regions.disjoint_sets import find_root
from kcv.proposals.machines.regions.figure_ground import Graph

_BLOCK = 256  # rows of a table that are compared at once


class Figures(NamedTuple):
    """Connected sets of nodes.

    Attributes:
        membership: Whether a node belongs to a figure, (k, n) bool.
        areas: Numbers of pixels (k,) int64.
        ratios: Mean capacities of the pairs that a figure is separated by,
            (k,) float64. Lower is better.
    """

    membership: np.ndarray
    areas: np.ndarray
    ratios: np.ndarray


def split_figures(
    graph: Graph, first: np.ndarray, cuts: int, min_area: int
) -> Figures:
    """Split the nested figures of a family into connected parts.

    Args:
        graph: Graph of n nodes.
        first: Number of the first cut in which each node is in the figure, (n,)
            integer, as `cut_family` returns it.
        cuts: Number of cuts.
        min_area: Minimum number of pixels of a part.

    Returns:
        The `Figures`, each once, from the first cut to the last one. The whole
        graph is not among them.
    """
    membership, areas, ratios = _split(
        graph.pairs,
        graph.capacities,
        graph.areas,
        first,
        cuts,
        min_area,
    )
    return Figures(membership, areas, ratios)


def concatenate_figures(parts: list[Figures]) -> Figures:
    """Join tables of figures of one graph.

    Args:
        parts: At least one table.

    Returns:
        Table of all figures, in the order of the parts.
    """
    return Figures(
        *(np.concatenate(column) for column in zip(*parts, strict=True))
    )


def select_figures(figures: Figures, index: np.ndarray) -> Figures:
    """Select rows of a table of figures.

    Args:
        figures: Table of m figures.
        index: Numbers (k,) of the rows, or whether each row is selected, (m,)
            bool.

    Returns:
        Table of the selected figures.
    """
    return Figures(*(column[index] for column in figures))


def best_of_clusters(
    membership: np.ndarray, energies: np.ndarray, min_iou: float = 0.95
) -> np.ndarray:
    """Cluster almost equal figures, and find the best one of each cluster.

    Two figures are in one cluster if a chain of figures leads from one to the
    other in which neighbors have at least the IoU `min_iou`.

    Args:
        membership: Whether a node belongs to a figure, (k, n) bool, no row
            empty. All nodes count the same.
        energies: Energies (k,). The figure with the lowest energy is kept, the
            earlier one of two equal ones.
        min_iou: Minimum IoU of two figures of a cluster. Defaults to 0.95.

    Returns:
        Rows (c,) int64 that are kept, rising.

    Example:

    >>> table = np.tri(40, dtype=bool)[[39, 38, 9]]
    >>> best_of_clusters(table, np.array([0.2, 0.1, 0.9])).tolist()
    [1, 2]
    """
    if not len(membership):
        return np.zeros(0, np.int64)
    links = np.concatenate([*_overlapping(membership, min_iou)], axis=1)
    graph = coo_array(
        (np.ones(links.shape[1], bool), tuple(links)),
        (len(membership), len(membership)),
    )
    _, cluster = connected_components(graph, directed=False)
    order = np.lexsort((energies, cluster))
    _, start = np.unique(cluster[order], return_index=True)
    return np.sort(order[start])


def _overlapping(
    membership: np.ndarray, min_iou: float
) -> Iterator[np.ndarray]:
    """Pairs of rows (2, p) with an IoU of at least `min_iou`."""
    sizes = membership.sum(1)
    order = np.argsort(sizes, kind="stable")
    rising = sizes[order]
    for start in range(0, len(order), _BLOCK):
        rows = order[start : start + _BLOCK]
        # The IoU is at most the ratio of the sizes.
        stop = np.searchsorted(rising, sizes[rows[-1]] / min_iou, "right")
        others = order[start:stop]
        shared = membership[rows].astype(np.float32) @ membership[
            others
        ].T.astype(np.float32)
        union = sizes[rows][:, np.newaxis] + sizes[others] - shared
        near = np.nonzero(shared >= min_iou * union)
        yield np.stack([rows[near[0]], others[near[1]]])


@numba.njit(cache=True, nogil=True)
def _split(pairs, capacities, areas, first, cuts, min_area):
    count = len(areas)
    start = np.zeros(count + 1, np.int32)
    for pair in range(len(pairs)):
        start[pairs[pair, 0] + 1] += 1
        start[pairs[pair, 1] + 1] += 1
    for node in range(count):
        start[node + 1] += start[node]
    free = start[:-1].copy()
    link = np.empty(2 * len(pairs), np.int32)
    for pair in range(len(pairs)):
        for side in range(2):
            link[free[pairs[pair, side]]] = pair
            free[pairs[pair, side]] += 1

    parent = np.arange(count).astype(np.int32)
    following = np.arange(count).astype(np.int32)  # a ring for each part
    area = areas.copy()
    cut = np.zeros(count)
    crossing = np.zeros(count, np.int64)
    written = np.full(count, -1, np.int32)
    order = np.argsort(first, kind="mergesort")

    found = 0
    membership = np.zeros((16, count), np.bool_)
    found_areas = np.empty(16, np.int64)
    found_ratios = np.empty(16)
    place = 0
    for number in range(cuts):
        begin = place
        while place < count and first[order[place]] == number:
            node = order[place]
            place += 1
            for arc in range(start[node], start[node + 1]):
                pair = link[arc]
                other = pairs[pair, 0]
                if other == node:
                    other = pairs[pair, 1]
                own = find_root(parent, node)
                if first[other] > number or (
                    first[other] == number and other > node
                ):
                    # It joins later, if at all.
                    cut[own] += capacities[pair]
                    crossing[own] += 1
                    continue
                cut[own] -= capacities[pair]
                crossing[own] -= 1
                other = find_root(parent, other)
                if own == other:
                    continue
                if area[own] < area[other]:
                    own, other = other, own
                parent[other] = own
                area[own] += area[other]
                cut[own] += cut[other]
                crossing[own] += crossing[other]
                following[own], following[other] = (
                    following[other],
                    following[own],
                )
        for new in range(begin, place):
            own = find_root(parent, order[new])
            if (
                written[own] == number
                or area[own] < min_area
                or crossing[own] == 0
            ):
                continue
            written[own] = number
            if found == len(membership):
                membership = np.concatenate(
                    (membership, np.zeros_like(membership))
                )
                found_areas = np.append(found_areas, found_areas)
                found_ratios = np.append(found_ratios, found_ratios)
            node = own
            while True:
                membership[found, node] = True
                node = following[node]
                if node == own:
                    break
            found_areas[found] = area[own]
            found_ratios[found] = cut[own] / crossing[own]
            found += 1
    return membership[:found], found_areas[:found], found_ratios[:found]
