"""Grouping of regions, the most similar neighbors first.

Uijlings et al. 2013, algorithm 1. With n regions there are n - 1 steps. Their
unions are numbered n, n + 1, ..., and the last one is the whole image. `merge`
has the similarities of Selective Search, `agglomerate` takes any similarity.
"""

import functools
import heapq
from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np

from kcv.proposals.machines.regions.region_features import Regions
from kcv.proposals.masks import SuperpixelMasks


class Similarity(NamedTuple):
    """Which of the four measures of the paper are added up.

    Attributes:
        color: Intersection of the color histograms. Defaults to False.
        texture: Intersection of the texture histograms. Defaults to False.
        size: Share of the image that is not in the union, so that small
            regions are merged early. Defaults to False.
        fill: Share of the image that is not in the bounding box but outside
            the union, so that gaps are filled. Defaults to False.
    """

    color: bool = False
    texture: bool = False
    size: bool = False
    fill: bool = False


def merge(
    regions: Regions, similarity: Similarity
) -> tuple[np.ndarray, np.ndarray]:
    """Merge neighbors until one region is left.

    Of equally similar pairs, the one with the lowest numbers is merged first.

    Args:
        regions: The n segments. Each can be reached from any other one by way
            of neighbors.
        similarity: Measures of the similarity of two regions.

    Returns:
        Tuple (boxes, children). `boxes` (2 n - 1, 4) int32 are those of the
        regions and of the unions, xyxy, half-open. `children` (n - 1, 2) int32
        are the two that a union consists of.
    """
    return _merge(*regions, np.array(similarity))


def agglomerate(
    pairs: np.ndarray,
    count: int,
    similarity: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    unite: Callable[[int, int, int], None] | None = None,
    borders: np.ndarray | None = None,
    stop: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Merge neighbors by any similarity, until no pair is left.

    What is known of a region is the caller's: `unite` computes it for a union
    before `similarity` is asked for it. What is known of the border of two
    regions is a row of `borders`. Where both parts of a union touch the same
    region, the two rows are added.

    Of equally similar pairs, the one with the lowest numbers is merged first.

    Args:
        pairs: Neighboring regions (m, 2) of int, a < b, each pair once.
        count: Number n of regions.
        similarity: Function of the regions (k,) of int on one side, those (k,)
            on the other side, and their borders (k, d). It returns their
            similarities (k,).
        unite: Function of two regions and the number of their union, which is
            n or higher. It is called before similarities of the union are
            computed. If None, nothing is called. Defaults to None.
        borders: Measures (m, d) of the borders that are added up, for example
            lengths. If None, d is 0. Defaults to None.
        stop: Similarity at which merging ends. The first pair whose similarity
            is not above it is the last one that is merged. If None, all
            regions that are connected are merged. Defaults to None.

    Returns:
        Tuple (children, similarities). `children` (s, 2) int32 are the two that
        a union consists of, the lower number first. There are n - 1 unions if
        all regions are connected and `stop` is None. `similarities` (s,)
        float64 are those of the two.

    Example:

    >>> values = [1.0, 1.1, 5.0, 0, 0]
    >>> def similarity(first, second, borders):
    ...     return -np.abs(np.take(values, first) - np.take(values, second))
    >>> def unite(first, second, union):
    ...     values[union] = (values[first] + values[second]) / 2
    >>> children, _ = agglomerate([[0, 1], [1, 2]], 3, similarity, unite)
    >>> children.tolist()
    [[0, 1], [2, 3]]
    """
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    if borders is None:
        borders = np.zeros((len(pairs), 0))
    touching: dict[int, dict[int, np.ndarray]] = {i: {} for i in range(count)}
    ends = pairs.tolist()
    for (a, b), border in zip(ends, borders, strict=True):
        touching[a][b] = touching[b][a] = border
    heap = []
    if ends:
        alike = similarity(pairs[:, 0], pairs[:, 1], borders)
        heap = [
            (-s, a, b) for s, (a, b) in zip(alike.tolist(), ends, strict=True)
        ]
    heapq.heapify(heap)
    children, found = [], []
    while heap:
        distance, a, b = heapq.heappop(heap)
        if a not in touching or b not in touching:
            continue
        union = count + len(children)
        children.append((a, b))
        found.append(-distance)
        if unite is not None:
            unite(a, b, union)
        around = touching.pop(a)
        for other, border in touching.pop(b).items():
            around[other] = (
                around[other] + border if other in around else border
            )
        del around[a], around[b]
        touching[union] = around
        for other, border in around.items():
            own = touching[other]
            own.pop(a, None)
            own.pop(b, None)
            own[union] = border
        if stop is not None and -distance <= stop:
            break
        if around:
            others = [*around]
            alike = similarity(
                np.array(others),
                np.full(len(others), union),
                np.array([*around.values()]),
            )
            for s, other in zip(alike.tolist(), others, strict=True):
                heapq.heappush(heap, (-s, other, union))
    return (
        np.array(children, np.int32).reshape(-1, 2),
        np.array(found, np.float64),
    )


def merged_labels(labels: np.ndarray, children: np.ndarray) -> np.ndarray:
    """Compute the labels of the regions that are left after some merging.

    Args:
        labels: Array (H, W) of int, the segment of each pixel, from 0.
        children: Array (s, 2) of int32, the unions so far, as `agglomerate`
            returns them.

    Returns:
        Array (H, W) int32, the region of each pixel, from 0, in the order of
        the lowest segment that a region has.

    Example:

    >>> merged_labels(np.array([[0, 1, 2]]), np.array([[0, 2]]))
    array([[0, 1, 0]], dtype=int32)
    """
    count = int(labels.max()) + 1
    top = np.arange(count + len(children))
    for step in range(len(children) - 1, -1, -1):
        top[children[step]] = top[count + step]
    _, first, own = np.unique(
        top[:count], return_index=True, return_inverse=True
    )
    numbers = np.empty(len(first), np.int32)
    numbers[np.argsort(first)] = np.arange(len(first))
    return numbers[own][labels]


class RegionMasks(SuperpixelMasks):
    """Masks of segments and unions, looked up in the tree when asked for.

    Args:
        labels: Array (H, W) of int, the segment of each pixel, from 0.
        children: Array (n - 1, 2) of int32, as `merge` returns it.
        regions: Array (m,) of int, numbers of segments and unions. Defaults to
            all 2 n - 1.
    """

    def __init__(
        self,
        labels: np.ndarray,
        children: np.ndarray,
        regions: np.ndarray | None = None,
    ):
        if regions is None:
            regions = np.arange(2 * len(children) + 1)
        self.labels = labels
        self.children = children
        self.regions = regions
        self.shape = labels.shape

    def __len__(self) -> int:
        return len(self.regions)

    @functools.cached_property
    def membership(self) -> np.ndarray:
        """Whether a segment is part of a region, (m, n) bool."""
        return _membership(self.children, self.regions)

    def _select(self, numbers):
        return RegionMasks(self.labels, self.children, self.regions[numbers])


@numba.njit(cache=True, nogil=True)
def _membership(children, regions):
    count = len(children) + 1
    found = np.zeros((len(regions), count), np.bool_)
    inside = np.empty(2 * count - 1, np.bool_)
    for row in range(len(regions)):
        inside[:] = False
        inside[regions[row]] = True
        # A union comes after its children.
        for union in range(regions[row], count - 1, -1):
            if inside[union]:
                inside[children[union - count, 0]] = True
                inside[children[union - count, 1]] = True
        found[row] = inside[:count]
    return found


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _intersection(a, b):
    total = np.float32(0)
    for i in range(len(a)):
        total += min(a[i], b[i])
    return total


@numba.njit(cache=True, nogil=True)
def _similarity(a, b, sizes, boxes, color, texture, use):
    total = np.float32(0)
    if use[0]:
        total += _intersection(color[a], color[b])
    if use[1]:
        total += _intersection(texture[a], texture[b])
    image = sizes[-1]  # the last union is the whole image
    both = sizes[a] + sizes[b]
    if use[2]:
        total += 1 - both / image
    if use[3]:
        width = max(boxes[a, 2], boxes[b, 2]) - min(boxes[a, 0], boxes[b, 0])
        height = max(boxes[a, 3], boxes[b, 3]) - min(boxes[a, 1], boxes[b, 1])
        total += 1 - (np.float32(width) * np.float32(height) - both) / image
    return total


@numba.njit(cache=True, nogil=True)
def _merge(own_sizes, own_boxes, own_color, own_texture, neighbors, use):
    count = len(own_sizes)
    nodes = 2 * count - 1
    sizes = np.empty(nodes, np.float32)
    sizes[:count], sizes[-1] = own_sizes, own_sizes.sum()
    boxes = np.empty((nodes, 4), np.int32)
    boxes[:count] = own_boxes
    color = np.empty((nodes, own_color.shape[1]), np.float32)
    color[:count] = own_color
    texture = np.empty((nodes, own_texture.shape[1]), np.float32)
    texture[:count] = own_texture
    children = np.empty((count - 1, 2), np.int32)

    # The neighbors of each region, as linked lists in one array that grows.
    head = np.full(nodes, -1, np.int64)
    following = np.empty(max(4 * len(neighbors), 4), np.int64)
    member = np.empty(len(following), np.int32)
    used = 0
    heap = []
    for a, b in neighbors:
        alike = _similarity(a, b, sizes, boxes, color, texture, use)
        heap.append((-alike, a, b))
        for here, there in ((a, b), (b, a)):
            member[used], following[used] = there, head[here]
            head[here] = used
            used += 1
    heapq.heapify(heap)

    alive = np.zeros(nodes, np.bool_)
    alive[:count] = True
    seen = np.full(nodes, -1, np.int32)
    union = np.int32(count)
    while heap:
        _, a, b = heapq.heappop(heap)
        if not (alive[a] and alive[b]):
            continue
        alive[a] = alive[b] = False
        children[union - count, 0], children[union - count, 1] = a, b
        sizes[union] = sizes[a] + sizes[b]
        for side in range(2):
            boxes[union, side] = min(boxes[a, side], boxes[b, side])
            boxes[union, side + 2] = max(boxes[a, side + 2], boxes[b, side + 2])
        share = sizes[a] / sizes[union]
        if use[0]:
            color[union] = share * color[a] + (1 - share) * color[b]
        if use[1]:
            texture[union] = share * texture[a] + (1 - share) * texture[b]
        alive[union] = True
        for part in (a, b):
            link = head[part]
            while link >= 0:
                other = member[link]
                link = following[link]
                if not alive[other] or seen[other] == union:
                    continue
                seen[other] = union
                if used + 2 > len(member):
                    member = np.append(member, np.empty_like(member))
                    following = np.append(following, np.empty_like(following))
                for here, there in ((union, other), (other, union)):
                    member[used], following[used] = there, head[here]
                    head[here] = used
                    used += 1
                alike = _similarity(
                    other, union, sizes, boxes, color, texture, use
                )
                heapq.heappush(heap, (-alike, other, union))
        union = np.int32(union + 1)
    return boxes, children
