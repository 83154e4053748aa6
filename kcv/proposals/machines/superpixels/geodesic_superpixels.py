"""Superpixels by geodesic distances from a grid of centers.

Each pixel belongs to the center that it reaches by the shortest path, and a
step across an edge of the image is long. Superpixels are connected, of similar
size, and their borders follow edges.
"""

import numba
import numpy as np

from kcv.proposals.machines.images.edge_maps import directed_strengths

_REACH = 1 / 6  # of a center, as a part of the distance to its neighbors
_STEP = 4  # length of a step where there is no edge
_MAX_STEP = 255


def geodesic_superpixels(
    strength: np.ndarray,
    orientation: np.ndarray,
    count: int,
    edge_length: float = 60.0,
) -> np.ndarray:
    """Divide an image into superpixels along its edges.

    Args:
        strength: Strength of edges (H, W) float32 in 0..1.
        orientation: Direction of their normals (H, W) float32, in 0..pi. A
            step along an edge is not longer.
        count: Number of superpixels to aim for. Their centers are on a
            hexagonal grid, and each moves to a pixel nearby where the edge is
            weakest. The number that is found differs a little.
        edge_length: Additional length of a step across an edge of the strength
            1, in steps where there is no edge. Defaults to 60.

    Returns:
        Array (H, W) of int32, the superpixel of each pixel. Superpixels are
        numbered from 0 and connected.

    Example:

    >>> strength = np.zeros((12, 20), np.float32)
    >>> strength[:, 9:11] = 1
    >>> labels = geodesic_superpixels(strength, np.zeros((12, 20)), 2)
    >>> np.unique(labels[:, :10]).tolist(), np.unique(labels[:, 10:]).tolist()
    ([0], [1])
    """
    height, width = strength.shape
    across, down = directed_strengths(strength, orientation)
    lengths = (
        _STEP + np.rint(_STEP * edge_length / 2 * pairs)
        for pairs in (across[:, :-1] + across[:, 1:], down[:-1] + down[1:])
    )
    across, down = (
        np.clip(length, _STEP, _MAX_STEP).astype(np.int32) for length in lengths
    )
    # The distance of neighbors in a hexagonal grid of so many centers.
    side = np.sqrt(height * width / count * 2 / np.sqrt(3))
    y, x = _hexagonal_grid(height, width, side)
    centers = _weakest(strength, y, x, int(_REACH * side))
    return _nearest(across, down, centers, height, width)


def _hexagonal_grid(height, width, side):
    """Place centers in rows, every other row shifted by half a step."""
    columns = int(min(width, np.ceil(width / side)))
    rows = max(1, round(height / (side * np.sqrt(3) / 2)))
    rows = min(rows, height)
    y = (np.arange(rows) + 0.5) * height / rows
    shift = 0.25 + 0.5 * (np.arange(rows) % 2) if rows > 1 else np.array([0.5])
    x = (np.arange(columns) + shift[:, np.newaxis]) * width / columns
    return np.repeat(y.astype(np.int64), columns), x.astype(np.int64).ravel()


def _weakest(strength, y, x, reach):
    """Find the pixel (n,) with the weakest edge near each center."""
    height, width = strength.shape
    steps = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    # Of equally weak ones, the nearest.
    steps = steps[:, np.argsort(np.square(steps).sum(0), kind="stable")]
    rows = np.clip(y + steps[0][:, np.newaxis], 0, height - 1)
    columns = np.clip(x + steps[1][:, np.newaxis], 0, width - 1)
    pixels = rows * width + columns
    best = strength.ravel()[pixels].argmin(0)
    return pixels[best, np.arange(len(y))]


@numba.njit(cache=True, nogil=True)
def _nearest(across, down, centers, height, width):
    """Assign pixels to centers by Dijkstra's algorithm.

    Lengths are small integers, so a ring of buckets replaces the heap.
    """
    ring = _MAX_STEP + 1
    head = np.full(ring, -1, np.int32)
    pixel = np.empty(4 * height * width + len(centers), np.int32)
    link = np.empty(len(pixel), np.int32)
    used = 0
    distance = np.full(height * width, np.iinfo(np.int32).max, np.int32)
    settled = np.zeros(height * width, np.bool_)
    labels = np.empty(height * width, np.int32)
    for number in range(len(centers)):
        start = centers[number]
        distance[start], labels[start] = 0, number
        pixel[used], link[used] = start, head[0]
        head[0] = used
        used += 1
    left = height * width
    now = 0
    while left:
        entry = head[now % ring]
        if entry < 0:
            now += 1
            continue
        head[now % ring] = link[entry]
        here = pixel[entry]
        if settled[here]:
            continue
        settled[here] = True
        left -= 1
        y, x = here // width, here % width
        for side in range(4):
            if side == 0:
                if x == 0:
                    continue
                there, step = here - 1, across[y, x - 1]
            elif side == 1:
                if x == width - 1:
                    continue
                there, step = here + 1, across[y, x]
            elif side == 2:
                if y == 0:
                    continue
                there, step = here - width, down[y - 1, x]
            else:
                if y == height - 1:
                    continue
                there, step = here + width, down[y, x]
            if now + step < distance[there]:
                distance[there], labels[there] = now + step, labels[here]
                bucket = (now + step) % ring
                pixel[used], link[used] = there, head[bucket]
                head[bucket] = used
                used += 1
    return labels.reshape(height, width)
