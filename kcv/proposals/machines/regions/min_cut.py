"""Minimum cuts that separate a figure from the ground.

The nodes of a graph, pixels or superpixels, are divided into a source side (the
figure) and a sink side (the ground). A cut costs the capacity of the pairs that
it separates, plus the source capacity of every node of the ground, plus the
sink capacity of every node of the figure.

If source capacities rise and sink capacities fall, the figure of a minimum cut
only grows. Gallo, Grigoriadis and Tarjan, "A fast parametric maximum flow
algorithm and applications", SIAM Journal on Computing 1989, compute all cuts
of such a family in about the time of one. The family is passed through from the
smallest figure to the largest one. What joins the figure leaves the graph, and
everything else keeps its flow.

In this module, n is the number of nodes, m that of pairs and L that of cuts.
"""

import numba
import numpy as np

# Effort per node after which distances are measured again. Cherkassky and
# Goldberg 1997 have 6. Graphs of superpixels and of pixels are cut fastest with
# 20 to 50.
_PATIENCE = 20


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


# The state of the kernels, in arrays of one element for each node (n), arc
# (2 m) or distance (n + 2). An arc is one direction of a pair.
#   start (n + 1,)       where the arcs of a node start
#   head, back (2 m,)    the node to which an arc leads, and the opposite arc
#   residual (2 m,)      what can still flow through an arc
#   room, excess (n,)    what the sink can still take from a node, and what has
#                        not reached the sink
#   distance (n,)        the distance of a node to the sink, or less, in 1..n;
#                        n + 1 if it cannot be reached, n + 2 if the node has
#                        left the graph
#   current (n,)         the arc of a node to try next
#   members (n + 2,), following, previous (n,)
#                        the nodes of a distance, as doubly linked lists
#   waiting (n + 2,), below (n,)
#                        those among them that have an excess, as stacks


@numba.njit(cache=True, nogil=True)
def _cuts(pairs, capacities, gains):
    """Push the flow to the sink, from the nodes that are farthest first.

    This is the first phase of the push-relabel method (Goldberg and Tarjan
    1988). The nodes that cannot reach the sink when nothing can be pushed any
    more are the largest side of the source. It is the smallest one, too, since
    each node costs a little more: capacities are multiplied by n + 1, and 1 is
    subtracted from the gains, so that the cut is the only minimum.
    """
    cuts, count = gains.shape
    start, head, back, residual = _list_arcs(pairs, capacities, count)
    # A gain beyond all the capacities of a node makes no difference.
    limit = np.empty(count, np.int64)
    for node in range(count):
        limit[node] = residual[start[node] : start[node + 1]].sum() + 1
    residual *= count + 1
    room = np.zeros(count, np.int64)
    excess = np.zeros(count, np.int64)
    last = np.zeros(count, np.int64)
    distance = np.full(count, count + 1, np.int32)
    current = start[:-1].copy()
    members = np.full(count + 2, -1, np.int32)
    following = np.empty(count, np.int32)
    previous = np.empty(count, np.int32)
    waiting = np.full(count + 2, -1, np.int32)
    below = np.empty(count, np.int32)
    nodes = np.arange(count).astype(np.int32)  # those still in the graph
    queue = np.empty(count, np.int32)
    first = np.full(count, cuts, np.int32)
    top = 0
    for cut in range(cuts):
        for node in nodes:
            gain = min(max(gains[cut, node], -limit[node]), limit[node])
            gain = gain * (count + 1) - 1
            room[node] -= gain - last[node]
            last[node] = gain
            if room[node] < 0:
                excess[node] -= room[node]
                room[node] = 0
                # Distances are still not above the true ones.
                if cut > 0:
                    below[node] = waiting[distance[node]]
                    waiting[distance[node]] = node
        stale = cut == 0
        while True:
            if not stale:
                stale = _push(
                    start, head, back, residual, room, excess, distance,
                    current, members, following, previous, waiting, below,
                    top, _PATIENCE * len(nodes),
                )  # fmt: skip
            reached = _measure(
                start, head, back, residual, room, excess, distance, current,
                members, following, previous, waiting, below, nodes, queue,
            )  # fmt: skip
            top = distance[queue[reached - 1]] if reached else 0
            if not stale:
                break
            stale = False
        for node in nodes:
            if distance[node] > count:
                distance[node] = count + 2
                first[node] = cut
        nodes, queue = queue[:reached], nodes[:reached]
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
    return start, head, back, residual


@numba.njit(cache=True, nogil=True)
def _measure(
    start, head, back, residual, room, excess, distance, current,
    members, following, previous, waiting, below, nodes, queue,
):  # fmt: skip
    """Find the true distances by a search from the sink.

    Fills `queue` with the nodes that are reached, nearest first, and returns
    their number.
    """
    beyond = len(distance) + 1
    members[:] = -1
    waiting[:] = -1
    near = 0
    for node in nodes:
        if room[node] > 0:
            distance[node] = 1
            queue[near] = node
            near += 1
        else:
            distance[node] = beyond
    # The first step from the sink is taken backwards, since most nodes have
    # room, so that few are left.
    reached = near
    if near < len(nodes):
        for node in nodes:
            if distance[node] == 1:
                continue
            for arc in range(start[node], start[node + 1]):
                if residual[arc] > 0 and distance[head[arc]] == 1:
                    distance[node] = 2
                    queue[reached] = node
                    reached += 1
                    break
    place = near
    while place < reached and reached < len(nodes):
        node = queue[place]
        place += 1
        for arc in range(start[node], start[node + 1]):
            other = head[arc]
            if distance[other] == beyond and residual[back[arc]] > 0:
                distance[other] = distance[node] + 1
                queue[reached] = other
                reached += 1
    for node in queue[:reached]:
        current[node] = start[node]
        level = distance[node]
        after = members[level]
        members[level] = node
        previous[node] = -1
        following[node] = after
        if after >= 0:
            previous[after] = node
        if excess[node] > 0:
            below[node] = waiting[level]
            waiting[level] = node
    return reached


@numba.njit(cache=True, nogil=True)
def _push(
    start, head, back, residual, room, excess, distance, current,
    members, following, previous, waiting, below, top, patience,
):  # fmt: skip
    """Push until no excess can reach the sink, or distances are stale.

    Returns whether the distances are to be measured again.
    """
    beyond = len(distance) + 1
    level = top
    effort = 0
    while effort <= patience:
        while level > 0 and waiting[level] < 0:
            level -= 1
        if level == 0:
            return False
        node = waiting[level]
        waiting[level] = below[node]
        amount = min(room[node], excess[node])
        room[node] -= amount
        left = excess[node] - amount
        while True:
            arc, stop = current[node], start[node + 1]
            while left > 0 and arc < stop:
                other = head[arc]
                if residual[arc] > 0 and distance[other] == level - 1:
                    amount = min(residual[arc], left)
                    residual[arc] -= amount
                    residual[back[arc]] += amount
                    left -= amount
                    if excess[other] == 0:
                        below[other] = waiting[level - 1]
                        waiting[level - 1] = other
                    excess[other] += amount
                    if left == 0:
                        break
                arc += 1
            current[node] = arc
            if left == 0:
                break
            # No arc leads closer to the sink any more.
            nearest = beyond
            for arc in range(start[node], stop):
                if residual[arc] > 0:
                    nearest = min(nearest, distance[head[arc]] + 1)
            effort += 12 + stop - start[node]
            before, after = previous[node], following[node]
            if before >= 0:
                following[before] = after
            else:
                members[level] = after
            if after >= 0:
                previous[after] = before
            if members[level] < 0:
                # What is farther away must pass this level, which is empty.
                nearest = beyond
                for far in range(level + 1, top + 1):
                    other = members[far]
                    while other >= 0:
                        distance[other] = beyond
                        other = following[other]
                    members[far] = waiting[far] = -1
                top = level
            distance[node] = nearest
            if nearest == beyond:
                break
            level = nearest
            top = max(top, level)
            current[node] = start[node]
            after = members[level]
            members[level] = node
            previous[node] = -1
            following[node] = after
            if after >= 0:
                previous[after] = node
        excess[node] = left
    return True
