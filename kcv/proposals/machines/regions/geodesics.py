"""Geodesic distances between segments, and the level sets that stand out.

Krähenbühl and Koltun 2014, sections 4 and 5. S is the number of segments.
"""

from typing import NamedTuple

import numba
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

# Segments at one distance differ by rounding. Such gaps separate nothing.
_MIN_GAP = 1e-6


class Levels(NamedTuple):
    """Level sets of M distance maps, L in all, map by map.

    The level set j are the segments whose distance in the map `maps[j]` is
    below `thresholds[j]`.

    Attributes:
        maps: Array (L,) int64, numbers of distance maps.
        thresholds: Array (L,) float64, in the middle of a gap.
        gaps: Array (L,) float64, differences of the two distances between
            which no segment lies. Those of a map fall.
    """

    maps: np.ndarray
    thresholds: np.ndarray
    gaps: np.ndarray


def geodesic_graph(
    pairs: np.ndarray, lengths: np.ndarray, count: int
) -> csr_array:
    """Make the graph on which distances are measured.

    Args:
        pairs: Array (m, 2) of int, pairs of neighbors, each pair once.
        lengths: Array (m,), the positive lengths of the edges between them.
        count: Number S of segments.

    Returns:
        Symmetric sparse array (S, S) float64.
    """
    a, b = np.asarray(pairs, np.int32).reshape(-1, 2).T
    lengths = np.asarray(lengths, np.float64)
    ends = np.concatenate([a, b]), np.concatenate([b, a])
    return csr_array((np.tile(lengths, 2), ends), shape=(count, count))


def distances_to_set(graph: csr_array, members: np.ndarray) -> np.ndarray:
    """Compute the distance of each segment to the nearest member of a set.

    Args:
        graph: Graph, as `geodesic_graph` returns it.
        members: Array (S,) of bool, with at least one member.

    Returns:
        Array (S,) float64.
    """
    return dijkstra(graph, indices=np.flatnonzero(members), min_only=True)


def farthest_seeds(
    graph: csr_array, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Place seeds, each as far as possible from those before it.

    The first seed is the center of the graph: the segment whose larger
    distance to the two ends of the graph is smallest. An end is the segment
    that is farthest from the other end, found in two steps from segment 0.

    Args:
        graph: Connected graph, as `geodesic_graph` returns it.
        count: Number of seeds. There are never more than segments.

    Returns:
        Tuple (seeds, distances). `seeds` (n,) int64 are numbers of segments.
        `distances` (n, S) float64 are the distances from each seed.

    Example:

    >>> chain = geodesic_graph([[0, 1], [1, 2], [2, 3], [3, 4]], np.ones(4), 5)
    >>> seeds, distances = farthest_seeds(chain, 3)
    >>> seeds.tolist(), distances[0].tolist()
    ([2, 0, 4], [2.0, 1.0, 0.0, 1.0, 2.0])
    """
    segments = graph.shape[0]
    count = min(count, segments)
    seeds = np.empty(count, np.int64)
    distances = np.empty((count, segments))
    one_end = dijkstra(graph, indices=dijkstra(graph, indices=0).argmax())
    other_end = dijkstra(graph, indices=one_end.argmax())
    seed = np.maximum(one_end, other_end).argmin()
    nearest = np.full(segments, np.inf)
    for number in range(count):
        seeds[number] = seed
        distances[number] = dijkstra(graph, indices=seed)
        nearest = np.minimum(nearest, distances[number])
        seed = nearest.argmax()
    return seeds, distances


class DistanceMaps:
    """Distance maps whose segments are sorted once for many level sets.

    A level is critical if the gap between the distances of a segment and of
    the next one is larger than the gap before it and the gap after it.

    Args:
        distances: Array (M, S), the distances of M maps.
        min_size: Minimum size of a level set, a share of all segments in
            [0, 1], or an array (M,) of such shares. A level set has at least
            three segments. Defaults to 0.
        max_size: Maximum size of a level set, a share of all segments in
            [0, 1], or an array (M,) of such shares. Defaults to 1.

    Example:

    A chain with one long edge has the level set that ends there.

    >>> chain = np.array([[0.0, 1, 2, 3, 9, 10, 11]])
    >>> DistanceMaps(chain).critical_levels(5, 0.9)
    Levels(maps=array([0]), thresholds=array([6.]), gaps=array([6.]))
    """

    def __init__(
        self,
        distances: np.ndarray,
        min_size: float | np.ndarray = 0.0,
        max_size: float | np.ndarray = 1.0,
    ):
        self.distances = np.asarray(distances, np.float64)
        segments = self.distances.shape[1]
        self._ordered = np.sort(self.distances, axis=1)
        gaps = np.diff(self._ordered, axis=1)
        around = np.pad(gaps, ((0, 0), (1, 1)), constant_values=0)
        critical = (gaps > around[:, :-2]) & (gaps > around[:, 2:])
        critical &= gaps > _MIN_GAP
        # The gap i comes after i + 1 segments.
        level = np.arange(gaps.shape[1])
        lowest, highest = (
            np.reshape(size, (-1, 1)) * segments
            for size in (min_size, max_size)
        )
        critical &= level >= np.maximum(np.floor(lowest), 2)
        critical &= level < np.floor(highest)
        self._gaps = gaps
        self._ranks = np.argsort(
            np.where(critical, -gaps, np.inf), axis=1, kind="stable"
        )
        self._counts = critical.sum(1)

    def critical_levels(
        self, max_levels: int, max_iou: float, num_maps: int | None = None
    ) -> Levels:
        """Select the level sets with the largest gaps.

        Args:
            max_levels: Maximum number of level sets of a map.
            max_iou: Maximum of the ratio of the sizes of two level sets of a
                map, in [0, 1].
            num_maps: Number of first maps to use. If None, all maps are used.
                Defaults to None.

        Returns:
            The `Levels`.
        """
        ranks = self._ranks[:num_maps]
        chosen, counts = _choose(
            ranks, self._counts[:num_maps], max_levels, float(max_iou)
        )
        maps = np.repeat(np.arange(len(ranks)), counts)
        level = chosen[np.arange(chosen.shape[1]) < counts[:, np.newaxis]]
        gaps = self._gaps[maps, level]
        return Levels(maps, self._ordered[maps, level] + gaps / 2, gaps)

    def level_sets(self, levels: Levels) -> np.ndarray:
        """Compute which segments belong to level sets.

        Args:
            levels: L level sets, as `critical_levels` returns them.

        Returns:
            Membership (L, S) of bool.
        """
        members = np.empty((len(levels.maps), self.distances.shape[1]), bool)
        for row, number in enumerate(levels.maps):
            below = self.distances[number], levels.thresholds[row]
            np.less(*below, out=members[row])
        return members


@numba.njit(cache=True, nogil=True)
def _choose(ranks, counts, max_levels, max_iou):
    chosen = np.empty((len(ranks), max_levels), np.int64)
    found = np.zeros(len(ranks), np.int64)
    for row in range(len(ranks)):
        for place in range(counts[row]):
            level = ranks[row, place]
            number = found[row]
            if number == max_levels:
                break
            distinct = True
            for other in chosen[row, :number]:
                if min(level, other) > max_iou * max(level, other):
                    distinct = False
                    break
            if distinct:
                chosen[row, number] = level
                found[row] += 1
    return chosen, found
