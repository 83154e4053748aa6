"""Grouping of regions, the most similar neighbours first.

Uijlings et al. 2013, algorithm 1. With n regions there are n - 1 steps, whose
unions are numbered n, n + 1, ...: the last is the whole image.
"""

import heapq
from typing import NamedTuple

import numba
import numpy as np

from kcv.proposals.machines.region_features import Regions


class Similarity(NamedTuple):
    """Which of the paper's four measures are added up."""

    colour: bool = False
    texture: bool = False
    size: bool = False
    fill: bool = False


def merge(
    regions: Regions, similarity: Similarity
) -> tuple[np.ndarray, np.ndarray]:
    """Merge neighbours until one region is left.

    Args:
        regions: The segments; every one can be reached from every other.
        similarity: Of two regions, computed again for every union.

    Returns:
        boxes (2 n - 1, 4) int32 xyxy, half-open, of regions and unions;
        children (n - 1, 2) int32, the two that a union is made of. Of equally
        similar pairs the one with the lowest numbers is first.
    """
    return _merge(*regions, np.array(similarity))


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _intersection(a, b):
    total = np.float32(0)
    for i in range(len(a)):
        total += min(a[i], b[i])
    return total


@numba.njit(cache=True, nogil=True)
def _similarity(a, b, sizes, boxes, colour, texture, use):
    total = np.float32(0)
    if use[0]:
        total += _intersection(colour[a], colour[b])
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
def _merge(own_sizes, own_boxes, own_colour, own_texture, neighbours, use):
    count = len(own_sizes)
    nodes = 2 * count - 1
    sizes = np.empty(nodes, np.float32)
    sizes[:count], sizes[-1] = own_sizes, own_sizes.sum()
    boxes = np.empty((nodes, 4), np.int32)
    boxes[:count] = own_boxes
    colour = np.empty((nodes, own_colour.shape[1]), np.float32)
    colour[:count] = own_colour
    texture = np.empty((nodes, own_texture.shape[1]), np.float32)
    texture[:count] = own_texture
    children = np.empty((count - 1, 2), np.int32)

    # Who touches whom, as linked lists in one array that grows.
    head = np.full(nodes, -1, np.int64)
    following = np.empty(max(4 * len(neighbours), 4), np.int64)
    member = np.empty(len(following), np.int32)
    used = 0
    heap = []
    for a, b in neighbours:
        alike = _similarity(a, b, sizes, boxes, colour, texture, use)
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
            colour[union] = share * colour[a] + (1 - share) * colour[b]
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
                    other, union, sizes, boxes, colour, texture, use
                )
                heapq.heappush(heap, (-alike, other, union))
        union = np.int32(union + 1)
    return boxes, children
