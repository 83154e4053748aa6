"""Figures that minimum cuts separate from the ground around seeds.

This is what RIGOR and CPMC share. A seed is a part of the figure. Capacities
of a family of cuts are linear in a parameter lambda, which makes the figure
grow. The connected parts of all figures are candidates, and of those that are
almost equal one is kept.

A graph has n nodes, which are superpixels or pixels, and m pairs of neighbors.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numba
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kcv.proposals.machines.regions.disjoint_sets import find_root
from kcv.proposals.machines.regions.min_cut import parametric_cuts

#: Capacity of a node that is part of the figure or of the ground for sure.
HARD = 1e9
_PRECISION = 1000  # terminals are whole multiples of 1 / 1000
_LOWEST_LAMBDA = 0.001
_BLOCK = 256  # rows of a table that are compared at once


class Graph(NamedTuple):
    """Nodes and pairs of neighbors.

    Attributes:
        pairs: Pairs (m, 2) int32.
        capacities: Capacities of the pairs (m,) int64.
        areas: Numbers of pixels of the nodes (n,) int64.
    """

    pairs: np.ndarray
    capacities: np.ndarray
    areas: np.ndarray


class Terminals(NamedTuple):
    """Capacities from the source and to the sink, linear in lambda.

    Attributes:
        source: Constant part of the capacities from the source (n,).
        source_slope: Part that is multiplied by lambda (n,).
        sink: Constant part of the capacities to the sink (n,).
        sink_slope: Part that is multiplied by lambda (n,). Lambda falls for
            the sink while it rises for the source.
    """

    source: np.ndarray
    source_slope: np.ndarray
    sink: np.ndarray
    sink_slope: np.ndarray


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


def border_capacities(
    strengths: np.ndarray, sigma: float, offset: float
) -> np.ndarray:
    """Compute capacities of pixel pairs from the strengths of edges.

    A capacity is 1000 (exp(-strength / (2 sigma^2)) + offset). If fewer
    strengths are in the lowest tenth of their range than in the second one, a
    strength counts 0.07 more in the exponent.

    Args:
        strengths: Strengths (K,) in 0..255, one for each pixel pair on a
            border.
        sigma: Scale of the strengths.
        offset: Capacity that does not depend on edges, in thousands.

    Returns:
        Capacities (K,) float64.

    Example:

    >>> border_capacities(np.array([0.0, 0.0, 2.0]), 1.0, 0.5).round()
    array([1500., 1500.,  868.])
    """
    decay = 0.5 / sigma**2
    if len(strengths):
        counts, _ = np.histogram(strengths, 10, (0, strengths.max()))
        if counts[1] > counts[0]:
            decay += 0.07
    return 1000 * (np.exp(-decay * strengths) + offset)


def lambda_values(highest: float, count: int = 20) -> np.ndarray:
    """List the values of lambda: zero, then a geometric progression from 0.001.

    Args:
        highest: End of the progression, which is itself left out as in the
            authors' code.
        count: Number of values. Defaults to 20.

    Returns:
        Array (count,) float64, rising.

    Example:

    >>> lambda_values(10, count=5)
    array([0.   , 0.001, 0.01 , 0.1  , 1.   ])
    """
    values = np.geomspace(_LOWEST_LAMBDA, highest, count)
    return np.append(0.0, values)[:count]


def seed_boxes(shape: tuple[int, int], grid: int, size: float) -> np.ndarray:
    """Place square seeds in a regular grid that covers the image.

    Args:
        shape: Height and width of the image, in pixels.
        grid: Number of seeds in each direction.
        size: Side of a seed, in pixels.

    Returns:
        Boxes (grid * grid, 4) int64, xyxy in pixels, half-open, inside the
        image, row by row from the left column to the right one. Each has at
        least one pixel.
    """
    ranges = []
    for length in shape:
        side = min(size, length)
        step = max(0.0, (length - side) / grid - 0.5)
        offsets = step * (np.arange(grid) - (grid - 1) / 2)
        start = (length - side) / 2 + offsets
        # The left half is rounded down, the right half up.
        start = np.where(offsets < 0, np.floor(start), np.ceil(start))
        start = np.clip(start, 0, length - 1).astype(np.int64)
        stop = np.minimum(start + max(1, round(side)), length)
        ranges.append((start, stop))
    (top, bottom), (left, right) = ranges
    return np.stack(
        [
            np.repeat(left, grid),
            np.tile(top, grid),
            np.repeat(right, grid),
            np.tile(bottom, grid),
        ],
        axis=1,
    )


def dominant_colors(
    colors: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Cluster colors by k-means.

    Args:
        colors: Colors (N, 3), at least one.
        count: Maximum number of clusters.
        rng: Generator of the first centers.

    Returns:
        Centers (k, 3) float32, where k is `count`, or N if that is less.
    """
    colors = np.ascontiguousarray(colors, np.float32)
    if len(colors) <= count:
        return colors
    cv2.setRNGSeed(int(rng.integers(2**31)))
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 10, 0.5)
    _, _, centers = cv2.kmeans(
        colors, count, None, stop, 1, cv2.KMEANS_PP_CENTERS
    )
    return centers


def color_affinity(
    colors: np.ndarray, centers: np.ndarray, decay: float
) -> np.ndarray:
    """Compare colors with the nearest of some centers.

    Args:
        colors: Colors (n, 3).
        centers: Centers (k, 3).
        decay: Factor of the distance, which is the sum of the absolute
            differences of the channels.

    Returns:
        Array (n,) float64, exp(-decay * distance), in (0, 1].
    """
    nearest = np.full(len(colors), np.inf)
    for center in centers:
        nearest = np.minimum(nearest, np.abs(colors - center).sum(-1))
    return np.exp(-decay * nearest)


def frame_costs(
    centers: np.ndarray, frame: np.ndarray, seed: np.ndarray, weight: float
) -> np.ndarray:
    """Compute the costs of the frame of the image in a figure.

    They grow with the distance from the seed.

    Args:
        centers: Centers of the nodes (n, 2).
        frame: Whether a node is at the frame of the image, (n,) bool.
        seed: Center of the seed (2,).
        weight: Cost of the farthest node.

    Returns:
        Costs (n,) float64, zero off the frame.
    """
    distances = np.where(frame, np.hypot(*(centers - seed).T), 0.0)
    farthest = distances.max(initial=0.0)
    return weight * distances / farthest if farthest > 0 else distances


def internal_terminals(
    areas: np.ndarray, seed: np.ndarray, affinity: np.ndarray | None = None
) -> Terminals:
    """Make terminals for a figure without a known ground.

    Lambda is the cost of a pixel in the figure. With colors, the gain of a
    node is its affinity with the colors of the seed, and lambda is the cost of
    a node.

    Args:
        areas: Numbers of pixels of the nodes (n,).
        seed: Whether a node is part of the figure for sure, (n,) bool.
        affinity: Weighted affinities (n,) with the colors of the seed. If
            None, colors are not used. Defaults to None.

    Returns:
        The `Terminals`.
    """
    zero = np.zeros(len(areas))
    gain, slope = zero, areas
    if affinity is not None:
        gain, slope = affinity, np.ones(len(areas))
    return Terminals(
        np.where(seed, HARD, gain), zero, zero, np.where(seed, 0.0, slope)
    )


def external_terminals(
    areas: np.ndarray,
    seed: np.ndarray,
    costs: np.ndarray,
    affinity: np.ndarray | None = None,
    ground: np.ndarray | None = None,
) -> Terminals:
    """Make terminals for a figure whose ground is the frame of the image.

    Lambda is the gain of a pixel in the figure, and the reversed lambda its
    cost, except for the seed and the frame.

    Args:
        areas: Numbers of pixels of the nodes (n,).
        seed: Whether a node is part of the figure for sure, (n,) bool.
        costs: Costs (n,) of a pixel of the frame in the figure, zero off the
            frame, as `frame_costs` returns them.
        affinity: Weighted affinities (n,) of a pixel with the colors of the
            seed. If None, colors are not used. Defaults to None.
        ground: Weighted affinities (n,) of a pixel with the colors of the
            frame. Needed if there is `affinity`.

    Returns:
        The `Terminals`.
    """
    free = ~seed & (costs == 0)
    slope = np.where(free, areas, 0.0)
    source, sink = np.zeros(len(areas)), areas * costs
    if affinity is not None:
        source, sink = slope * affinity, sink + slope * ground
    return Terminals(
        np.where(seed, HARD, source), slope, np.where(seed, 0.0, sink), slope
    )


def cut_family(
    graph: Graph, terminals: Terminals, lambdas: np.ndarray
) -> np.ndarray:
    """Find all minimum cuts of a family.

    Args:
        graph: Graph of n nodes.
        terminals: Capacities from the source and to the sink.
        lambdas: Values of lambda (L,), rising.

    Returns:
        Number of the first cut in which a node is in the figure, (n,) int32 in
        0..L. L stands for never.
    """
    return parametric_cuts(
        graph.pairs,
        _PRECISION * graph.capacities,
        _gains(*terminals, lambdas),
    )


def split_figures(
    graph: Graph, first: np.ndarray, cuts: int, min_area: int
) -> Figures:
    """Split the nested figures of a family into connected parts.

    Args:
        graph: Graph of n nodes.
        first: Number of the first cut in which a node is in the figure, as
            `cut_family` returns it.
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
    """Join tables of figures of one graph, of which there is at least one."""
    return Figures(
        *(np.concatenate(column) for column in zip(*parts, strict=True))
    )


def select_figures(figures: Figures, index: np.ndarray) -> Figures:
    """Select rows of a table of figures."""
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
def _gains(source, source_slope, sink, sink_slope, lambdas):
    """Whole numbers (L, n), rounded for source and sink one by one."""
    cuts, count = len(lambdas), len(source)
    gains = np.empty((cuts, count), np.int64)
    for cut in range(cuts):
        up, down = lambdas[cut], lambdas[cuts - 1 - cut]
        for node in range(count):
            gain = min(source[node] + up * source_slope[node], HARD)
            cost = min(sink[node] + down * sink_slope[node], HARD)
            gains[cut, node] = np.int64(np.rint(_PRECISION * gain)) - np.int64(
                np.rint(_PRECISION * cost)
            )
    return gains


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
