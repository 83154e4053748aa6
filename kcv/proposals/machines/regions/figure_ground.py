"""Figures that minimum cuts separate from the ground around seeds.

This is what RIGOR and CPMC share. A seed is a part of the figure. Capacities
of a family of cuts are linear in a parameter lambda, which makes the figure
grow.

A graph has n nodes, which are superpixels or pixels, and m pairs of neighbors.
"""

from typing import NamedTuple

import numba
import numpy as np

from kcv.proposals.machines.regions.min_cut import parametric_cuts

#: Capacity of a node that is part of the figure or of the ground for sure.
HARD = 1e9
_PRECISION = 1000  # terminals are whole multiples of 1 / 1000
_LOWEST_LAMBDA = 0.001


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
            frame. Needed if `affinity` is given. Defaults to None.

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
