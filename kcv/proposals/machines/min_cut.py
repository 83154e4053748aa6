"""Minimum cuts that separate a figure from the ground.

The nodes of a graph, pixels or superpixels, are divided into a source side (the
figure) and a sink side (the ground). A cut costs the capacity of the pairs that
it separates, plus the source capacity of every node of the ground, plus the
sink capacity of every node of the figure.

If source capacities rise and sink capacities fall, the figure of a minimum cut
only grows. Gallo, Grigoriadis and Tarjan, "A fast parametric maximum flow
algorithm and applications", SIAM Journal on Computing 1989, compute all cuts
of such a family in about the time of one. Here the family is passed through
from the largest figure to the smallest one. What leaves the figure leaves the
graph, and everything else keeps its flow and its distance from the source.

In this module, n is the number of nodes, m that of pairs and L that of cuts.
"""

from typing import NamedTuple

import numba
import numpy as np

# Distances are measured again after this many steps per node. The number is
# that of Cherkassky and Goldberg 1997, "On implementing the push-relabel method
# for the maximum flow problem".
_PATIENCE = 6


def min_cut(
    pairs: np.ndarray,
    capacities: np.ndarray,
    source: np.ndarray,
    sink: np.ndarray,
) -> np.ndarray:
    """Find the minimum cut with the smallest source side.

    Args:
        pairs: Neighboring nodes (m, 2) int.
        capacities: Capacities of the pairs (m,) int, not negative. They are
            the same in both directions.
        source: Capacities from the source to the nodes (n,) int.
        sink: Capacities from the nodes to the sink (n,) int.

    Returns:
        Whether a node is on the side of the source. Array (n,) of bool.

    Raises:
        ValueError: If an array is not of integers, the shapes do not match, a
            pair has a node that does not exist, or a capacity of a pair is
            negative.

    Example:

    >>> pairs = np.array([[0, 1], [1, 2], [2, 3]])
    >>> source, sink = np.array([9, 0, 0, 0]), np.array([0, 0, 0, 9])
    >>> min_cut(pairs, np.array([5, 1, 5]), source, sink)
    array([ True,  True, False, False])
    """
    source, sink = np.asarray(source), np.asarray(sink)
    if source.shape != sink.shape:
        raise ValueError(
            "`source` and `sink` must have the same shape (n,). Received: "
            f"source.shape={source.shape}, sink.shape={sink.shape}"
        )
    gains = (source - sink)[np.newaxis]
    return parametric_cuts(pairs, capacities, gains) == 0


def parametric_cuts(
    pairs: np.ndarray, capacities: np.ndarray, gains: np.ndarray
) -> np.ndarray:
    """Find the minimum cuts of a family whose source sides are nested.

    Args:
        pairs: Neighboring nodes (m, 2) int.
        capacities: Capacities of the pairs (m,) int, not negative. They are
            the same in both directions and in all cuts.
        gains: Capacities from the source to the nodes minus those from the
            nodes to the sink, for each cut (L, n) int. They must not fall from
            one cut to the next. The difference determines the cut.

    Returns:
        Number of the first cut in which a node is on the side of the source,
        where that side is as small as possible. Array (n,) of int32 in 0..L. L
        stands for a node that never is. Therefore `result <= i` is the figure
        of cut i.

    Raises:
        ValueError: If an array is not of integers, the shapes do not match, a
            pair has a node that does not exist, a capacity of a pair is
            negative, or a gain falls.

    Example:

    >>> pairs = np.array([[0, 1], [1, 2]])
    >>> gains = np.array([[9, -6, -6], [9, -1, -4], [9, -1, -2]])
    >>> parametric_cuts(pairs, np.array([5, 3]), gains)
    array([0, 1, 2], dtype=int32)
    """
    pairs, capacities, gains = (
        np.asarray(part) for part in (pairs, capacities, gains)
    )
    kinds = {part.dtype.kind for part in (pairs, capacities, gains)}
    if not kinds <= {"i", "u"}:
        raise ValueError(
            "Pairs, capacities and gains must be integers. Received: "
            f"{pairs.dtype}, {capacities.dtype}, {gains.dtype}"
        )
    if pairs.shape != (len(capacities), 2) or capacities.ndim != 1:
        raise ValueError(
            "`pairs` must be (m, 2) and `capacities` (m,). Received: "
            f"pairs.shape={pairs.shape}, capacities.shape={capacities.shape}"
        )
    if gains.ndim != 2:
        raise ValueError(
            "`gains` must be (L, n), a row for each cut. Received: "
            f"gains.shape={gains.shape}"
        )
    if len(pairs) and (pairs.min() < 0 or pairs.max() >= gains.shape[1]):
        raise ValueError(
            "`pairs` must be in 0..n - 1. Received: values in "
            f"{pairs.min()}..{pairs.max()} for n={gains.shape[1]}"
        )
    if len(capacities) and capacities.min() < 0:
        raise ValueError(
            "`capacities` must not be negative. Received: "
            f"capacities.min()={capacities.min()}"
        )
    if (gains[1:] < gains[:-1]).any():
        raise ValueError(
            "`gains` must not fall from one cut to the next. Received: a "
            f"change of {np.diff(gains, axis=0).min()}"
        )
    return _cuts(
        np.ascontiguousarray(pairs, np.int32),
        np.ascontiguousarray(capacities, np.int64),
        np.ascontiguousarray(gains, np.int64),
    )


class _Arcs(NamedTuple):
    """Both directions of every pair, sorted by the node that they leave."""

    start: np.ndarray  # (n + 1,) int32, where the arcs of a node start
    head: np.ndarray  # (2 m,) int32, the node to which an arc leads
    back: np.ndarray  # (2 m,) int32, the number of the opposite arc
    residual: np.ndarray  # (2 m,) int64, what can still flow


class _Levels(NamedTuple):
    """The nodes by their distance from the source.

    Distances never exceed the true ones, which are in 1..n. A node from which
    the source cannot be reached has the distance n + 1, and n + 2 if it has
    left the graph.
    """

    distance: np.ndarray  # (n,) int32
    current: np.ndarray  # (n,) int32, the arc of a node to try next
    # The nodes of a distance, as doubly linked lists.
    members: np.ndarray  # (n + 2,) int32, the first one
    following: np.ndarray  # (n,) int32
    previous: np.ndarray  # (n,) int32
    # Those among them that have a demand, as stacks.
    waiting: np.ndarray  # (n + 2,) int32, the topmost one
    below: np.ndarray  # (n,) int32


@numba.njit(cache=True, nogil=True)
def _cuts(pairs, capacities, gains):
    """Push demands to the source, those that are farthest from it first.

    This is the push-relabel method (Goldberg and Tarjan 1988) with the roles
    of source and sink exchanged. The nodes that cannot reach the source when
    no demand can be pushed any more are the largest side of the sink.
    """
    cuts, count = gains.shape
    arcs = _list_arcs(pairs, capacities, count)
    levels = _Levels(
        np.full(count, count + 1, np.int32),
        arcs.start[:-1].copy(),
        np.full(count + 2, -1, np.int32),
        np.empty(count, np.int32),
        np.empty(count, np.int32),
        np.full(count + 2, -1, np.int32),
        np.empty(count, np.int32),
    )
    supply = np.zeros(count, np.int64)  # what is left of the source capacity
    demand = np.zeros(count, np.int64)  # sink capacity that is not served
    nodes = np.arange(count).astype(np.int32)  # those still in the graph
    queue = np.empty(count, np.int32)
    first = np.full(count, cuts, np.int32)
    for cut in range(cuts - 1, -1, -1):
        for node in nodes:
            change = gains[cut, node]
            if cut < cuts - 1:
                change -= gains[cut + 1, node]
            supply[node] += change
            if supply[node] < 0:
                demand[node] -= supply[node]
                supply[node] = 0
        reached = _measure(arcs, levels, supply, demand, nodes, queue)
        while _push(arcs, levels, supply, demand, queue, reached):
            reached = _measure(arcs, levels, supply, demand, nodes, queue)
        reached = _measure(arcs, levels, supply, demand, nodes, queue)
        for node in nodes:
            if levels.distance[node] > count:
                levels.distance[node] = count + 2
                first[node] = cut + 1
        nodes, queue = queue[:reached], nodes[:reached]
    first[nodes] = 0
    return first


@numba.njit(cache=True, nogil=True)
def _list_arcs(pairs, capacities, count):
    start = np.zeros(count + 1, np.int32)
    for pair in range(len(pairs)):
        start[pairs[pair, 0] + 1] += 1
        start[pairs[pair, 1] + 1] += 1
    for node in range(count):
        start[node + 1] += start[node]
    free = start[:-1].copy()
    head = np.empty(2 * len(pairs), np.int32)
    back = np.empty(2 * len(pairs), np.int32)
    residual = np.empty(2 * len(pairs), np.int64)
    for pair in range(len(pairs)):
        a, b = pairs[pair]
        there = free[a]
        free[a] += 1
        here = free[b]
        free[b] += 1
        head[there], head[here] = b, a
        back[there], back[here] = here, there
        residual[there] = residual[here] = capacities[pair]
    return _Arcs(start, head, back, residual)


@numba.njit(cache=True, nogil=True)
def _measure(arcs, levels, supply, demand, nodes, queue):
    """Find the true distances by a search from the source.

    Fills `queue` with the nodes that are reached, nearest first, and returns
    their number.
    """
    beyond = len(levels.distance) + 1
    reached = 0
    levels.members[:] = -1
    levels.waiting[:] = -1
    for node in nodes:
        levels.distance[node] = beyond
        if supply[node] > 0:
            levels.distance[node] = 1
            queue[reached] = node
            reached += 1
    place = 0
    while place < reached:
        node = queue[place]
        place += 1
        distance = levels.distance[node]
        levels.current[node] = arcs.start[node]
        _join(levels, node, distance)
        if demand[node] > 0:
            _wait(levels, node, distance)
        for arc in range(arcs.start[node], arcs.start[node + 1]):
            other = arcs.head[arc]
            if (
                levels.distance[other] == beyond
                and arcs.residual[arcs.back[arc]] > 0
            ):
                levels.distance[other] = distance + 1
                queue[reached] = other
                reached += 1
    return reached


@numba.njit(cache=True, nogil=True)
def _push(arcs, levels, supply, demand, queue, reached):
    """Push demands until none can reach the source, or distances are stale.

    Returns whether the distances are to be measured again.
    """
    if reached == 0:
        return False
    beyond = len(levels.distance) + 1
    top = level = levels.distance[queue[reached - 1]]
    effort = 0
    while effort < _PATIENCE * reached:
        while level > 0 and levels.waiting[level] < 0:
            level -= 1
        if level == 0:
            return False
        node = levels.waiting[level]
        levels.waiting[level] = levels.below[node]
        while _serve(arcs, levels, supply, demand, node, level):
            # No arc leads closer to the source any more.
            nearest = beyond
            for arc in range(arcs.start[node], arcs.start[node + 1]):
                if arcs.residual[arc] > 0:
                    distance = levels.distance[arcs.head[arc]] + 1
                    nearest = min(nearest, distance)
            effort += 12 + arcs.start[node + 1] - arcs.start[node]
            _leave(levels, node, level)
            if levels.members[level] < 0:
                # What is farther away must pass this level, which is empty.
                nearest = beyond
                for far in range(level + 1, top + 1):
                    other = levels.members[far]
                    while other >= 0:
                        levels.distance[other] = beyond
                        other = levels.following[other]
                    levels.members[far] = levels.waiting[far] = -1
                top = level
            levels.distance[node] = nearest
            if nearest == beyond:
                break
            level = nearest
            top = max(top, level)
            levels.current[node] = arcs.start[node]
            _join(levels, node, level)
    return True


@numba.njit(cache=True, nogil=True)
def _serve(arcs, levels, supply, demand, node, level):
    """Push the demand of a node one step closer, and say if some is left."""
    if supply[node] > 0:
        amount = min(supply[node], demand[node])
        supply[node] -= amount
        demand[node] -= amount
    arc = levels.current[node]
    while demand[node] > 0 and arc < arcs.start[node + 1]:
        other = arcs.head[arc]
        if arcs.residual[arc] > 0 and levels.distance[other] == level - 1:
            amount = min(arcs.residual[arc], demand[node])
            arcs.residual[arc] -= amount
            arcs.residual[arcs.back[arc]] += amount
            demand[node] -= amount
            if demand[other] == 0:
                _wait(levels, other, level - 1)
            demand[other] += amount
        if demand[node] > 0:
            arc += 1
    levels.current[node] = arc
    return demand[node] > 0


@numba.njit(cache=True, nogil=True)
def _wait(levels, node, level):
    levels.below[node] = levels.waiting[level]
    levels.waiting[level] = node


@numba.njit(cache=True, nogil=True)
def _join(levels, node, level):
    after = levels.members[level]
    levels.members[level] = node
    levels.previous[node] = -1
    levels.following[node] = after
    if after >= 0:
        levels.previous[after] = node


@numba.njit(cache=True, nogil=True)
def _leave(levels, node, level):
    before, after = levels.previous[node], levels.following[node]
    if before >= 0:
        levels.following[before] = after
    else:
        levels.members[level] = after
    if after >= 0:
        levels.previous[after] = before
