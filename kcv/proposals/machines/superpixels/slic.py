"""SLIC superpixels: k-means of colors and places, near a grid of centers.

Achanta, Shaji, Smith, Lucchi, Fua and Suesstrunk, "SLIC superpixels compared to
state-of-the-art superpixel methods", PAMI 2012.
"""

import numba
import numpy as np

_MAX_ITERATIONS = 100
# Iterations end when they save less than this part of all that they saved.
_TOLERANCE = 1e-5


def slic(
    image: np.ndarray, side: int, regularizer: float, min_size: int
) -> np.ndarray:
    """Divide an image into superpixels of similar sizes.

    The distance of a pixel from a center is the squared distance of their
    colors, plus `regularizer / side**2` times the squared distance of their
    places. A pixel is compared with the four centers of the grid around it.

    Args:
        image: Image (H, W, 3) uint8, in any color space.
        side: Distance of the first centers, in pixels.
        regularizer: Squared distance of colors that counts as much as a
            distance of `side` pixels.
        min_size: Minimum size of a superpixel, in pixels. Smaller connected
            parts join a neighbor.

    Returns:
        Superpixel of each pixel (H, W) int32, from 0, in reading order. Every
        superpixel is connected, if only by the corners of its pixels.

    Example:

    >>> image = np.zeros((8, 12, 3), np.uint8)
    >>> image[:, 5:] = 255
    >>> slic(image, 6, 10.0, 4)[4]
    array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1], dtype=int32)
    """
    grid = np.array([-(-length // side) for length in image.shape[:2]])
    planes = np.ascontiguousarray(np.moveaxis(image, -1, 0), np.float32)
    factor = np.float32(regularizer / side**2)
    nearest = _cluster(planes, grid, side, factor)
    return _connect(nearest, min_size)


@numba.njit(cache=True, nogil=True)
def _cluster(planes, grid, side, factor):
    """Compute the number of the nearest center of each pixel."""
    _, height, width = planes.shape
    centers = np.empty((grid[0] * grid[1], 5), np.float32)
    for own in range(len(centers)):
        v, u = own // grid[1], own % grid[1]
        y, x = _flattest(
            planes,
            min(int(side * (v + 0.5)), height - 1),
            min(int(side * (u + 0.5)), width - 1),
        )
        centers[own, 0], centers[own, 1] = y, x
        centers[own, 2:] = planes[:, y, x]
    nearest = np.zeros((height, width), np.int32)
    lowest = np.empty((height, width), np.float32)
    red, green, blue = planes[0], planes[1], planes[2]
    first_cost = last_cost = 0.0

    for iteration in range(_MAX_ITERATIONS):
        lowest[:] = np.inf
        for own in range(len(centers)):
            v, u = own // grid[1], own % grid[1]
            # The pixels for which this is one of the four centers.
            top, left = (
                max(int(side * (v - 0.5)), 0),
                max(int(side * (u - 0.5)), 0),
            )
            bottom = min(int(side * (v + 1.5)), height)
            right = min(int(side * (u + 1.5)), width)
            for y in range(top, bottom):
                away = factor * (np.float32(y) - centers[own, 0]) ** 2
                for x in range(left, right):
                    distance = (
                        away
                        + factor * (np.float32(x) - centers[own, 1]) ** 2
                        + (red[y, x] - centers[own, 2]) ** 2
                        + (green[y, x] - centers[own, 3]) ** 2
                        + (blue[y, x] - centers[own, 4]) ** 2
                    )
                    nearer = distance < lowest[y, x]
                    lowest[y, x] = distance if nearer else lowest[y, x]
                    nearest[y, x] = own if nearer else nearest[y, x]
        cost = lowest.sum()
        if iteration == 0:
            first_cost = cost
        elif last_cost - cost < _TOLERANCE * (first_cost - cost):
            break
        last_cost = cost
        sums = np.zeros((len(centers), 6))
        for y in range(height):
            for x in range(width):
                total = sums[nearest[y, x]]
                total[0] += y
                total[1] += x
                total[2] += red[y, x]
                total[3] += green[y, x]
                total[4] += blue[y, x]
                total[5] += 1
        for own in range(len(centers)):
            centers[own] = sums[own, :5] / max(sums[own, 5], 1)
    return nearest


@numba.njit(cache=True, nogil=True)
def _flattest(planes, y, x):
    """Find the neighbor of a pixel with the smallest gradient."""
    channels, height, width = planes.shape
    lowest, best = np.inf, (y, x)
    for v in range(max(y - 1, 0), min(y + 2, height)):
        for u in range(max(x - 1, 0), min(x + 2, width)):
            gradient = 0.0
            if 0 < v < height - 1 and 0 < u < width - 1:
                for c in range(channels):
                    across = planes[c, v, u + 1] - planes[c, v, u - 1]
                    down = planes[c, v + 1, u] - planes[c, v - 1, u]
                    gradient += across * across + down * down
            if gradient < lowest:
                lowest, best = gradient, (v, u)
    return best


def _connect(nearest, min_size):
    """Join small parts to their neighbors, and number the connected parts."""
    parts = _find_parts(nearest, 4).ravel()
    values = nearest.ravel().copy()
    pixels = np.argsort(parts, kind="stable")
    starts = np.append(0, np.cumsum(np.bincount(parts)))
    width = nearest.shape[1]
    for part in np.flatnonzero(np.diff(starts) < min_size):
        own = pixels[starts[part] : starts[part + 1]]
        # Pixels to the left of the first one and above belong to earlier parts.
        if own[0]:
            step = 1 if own[0] % width else width
            values[own] = values[own[0] - step]
    return _find_parts(values.reshape(nearest.shape), 8)


@numba.njit(cache=True, nogil=True)
def _find_parts(values, connectivity):
    """Find the connected parts of equal values, numbered in reading order."""
    height, width = values.shape
    labels = np.full((height, width), -1, np.int32)
    part = np.empty((height * width, 2), np.int32)
    count = 0
    for y in range(height):
        for x in range(width):
            if labels[y, x] >= 0:
                continue
            labels[y, x] = count
            part[0, 0], part[0, 1] = y, x
            size, done = 1, 0
            while done < size:
                v, u = part[done]
                done += 1
                for w in range(max(v - 1, 0), min(v + 2, height)):
                    for t in range(max(u - 1, 0), min(u + 2, width)):
                        if (
                            labels[w, t] < 0
                            and values[w, t] == values[v, u]
                            and (connectivity == 8 or w == v or t == u)
                        ):
                            labels[w, t] = count
                            part[size, 0], part[size, 1] = w, t
                            size += 1
            count += 1
    return labels
