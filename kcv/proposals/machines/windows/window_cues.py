"""Cues that tell how likely a window holds an object, by integral images.

The cues of Alexe et al. ("What is an object?", CVPR 2010), which Rahtu et al.
(ICCV 2011) use, too. Windows are arrays (n, 4) of integers, xyxy, half-open,
inside the image and not empty.
"""

import cv2
import numba
import numpy as np

from kcv.proposals.machines.superpixels.graph_segmentation import segment
from kcv.proposals.machines.superpixels.graph_segmentation import sorted_edges

# Values of one pass over an image. Their counts at one pixel fill one line of
# the processor's cache.
_LANES = 16


def cue_superpixels(image: np.ndarray) -> np.ndarray:
    """Divide an image into the superpixels of Alexe et al.

    The graph segmentation of Felzenszwalb and Huttenlocher with k = 450. For an
    image of 300 x 200 pixels, it smooths with sigma 0.5, and segments have at
    least 200 pixels. Both grow with the root of the area.

    Args:
        image: RGB image (H, W, 3) uint8.

    Returns:
        Array (H, W) of int32, the superpixel of each pixel, from 0.
    """
    scale = np.sqrt(image.shape[0] * image.shape[1] / (300 * 200))
    return segment(sorted_edges(image, 0.5 * scale), 450, int(200 * scale))


def straddling(labels: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Compute how well the borders of windows follow those of superpixels.

    Superpixels straddling (SS): a superpixel that lies partly inside a window
    reduces the cue by the smaller one of its two parts.

    Args:
        labels: Array (H, W) of int, the superpixel of each pixel, from 0.
        windows: Windows (n, 4), see the module.

    Returns:
        Array (n,) float64, at most 1. It is 1 if no superpixel crosses the
        border of the window.

    Example:

    >>> labels = np.array([[0, 0, 1, 1]] * 2)
    >>> windows = np.array([[0, 0, 2, 2], [0, 0, 3, 2]])
    >>> straddling(labels, windows).round(3).tolist()
    [1.0, 0.667]
    """
    labels, count = np.asarray(labels, np.int32), int(labels.max()) + 1
    sizes = np.bincount(labels.ravel(), minlength=count + -count % _LANES)
    parts = _straddling(labels, sizes.astype(np.int32), _corners(windows))
    return 1 - parts / _areas(windows)


def color_contrast(
    codes: np.ndarray, windows: np.ndarray, theta: float = 100.0
) -> np.ndarray:
    """Compare the colors of windows with those of their surroundings.

    Color contrast (CC): the chi-square distance of two histograms that sum to
    1, that of the window and that of a frame around it, clipped to the image.

    Args:
        codes: Array (H, W) of int, the quantized color of each pixel, from 0.
        windows: Windows (n, 4), see the module.
        theta: Width of the frame: both sides of the window together are larger
            by this percentage. Defaults to 100.

    Returns:
        Array (n,) float64 in [0, 2], 0 for a window without surroundings.

    Example:

    >>> codes = np.array([[0, 1, 1, 2, 2]] * 3)
    >>> color_contrast(codes, np.array([[1, 0, 3, 3], [0, 0, 5, 3]])).tolist()
    [2.0, 0.0]
    """
    height, width = codes.shape
    # Colors that do not occur need no histogram.
    present, dense = np.unique(codes, return_inverse=True)
    dense = dense.reshape(codes.shape).astype(np.int32)
    sides = windows[:, 2:] - windows[:, :2]
    frame = theta / 200 * sides
    # The authors round the numbers of the pixels, which they count from 1.
    first = np.floor(windows[:, :2] + 1 - frame + 0.5) - 1
    last = np.floor(windows[:, 2:] + frame + 0.5)
    outer = np.concatenate([first, last], 1)
    outer = np.clip(outer, 0, [width, height, width, height])
    return _color_contrast(
        dense, len(present), _corners(windows), _corners(outer)
    )


def edge_density(
    edges: np.ndarray, windows: np.ndarray, theta: float = 17.0
) -> np.ndarray:
    """Compute the density of edges near the borders of windows.

    Edge density (ED): the number of edge pixels between the window and a
    smaller window inside it, relative to the length of that ring.

    Args:
        edges: Array (H, W) of bool, whether there is an edge.
        windows: Windows (n, 4), see the module.
        theta: Width of the ring: both sides of the inner window together have
            to grow by this percentage to give those of the window. Defaults to
            17.

    Returns:
        Array (n,) float64 of at least 0, 0 for a window without a ring.

    Example:

    >>> edges = np.zeros((20, 20), bool)
    >>> edges[0] = True
    >>> windows = np.array([[0, 0, 20, 20], [0, 5, 20, 15]])
    >>> edge_density(edges, windows).round(3).tolist()
    [0.263, 0.0]
    """
    table = cv2.integral(edges.astype(np.uint8))
    sides = windows[:, 2:] - windows[:, :2]
    steps = np.floor(sides * (1 - 1 / (1 + theta / 100)) / 2 + 0.5)
    steps = steps.astype(windows.dtype)
    inner = windows + np.concatenate([steps, -steps], 1)
    count = _sums(table, windows) - _sums(table, inner)
    ring = _areas(windows) - _areas(inner)
    return steps.mean(1) * count / np.maximum(ring, 1)


def _corners(windows):
    return np.ascontiguousarray(windows, np.int32)


def _areas(windows):
    sides = windows[:, 2:] - windows[:, :2]
    return sides[:, 0] * sides[:, 1]


def _sums(table, windows):
    """Sum over windows, by an integral image with a row and column of 0."""
    x1, y1, x2, y2 = windows.T
    return table[y2, x2] - table[y1, x2] - table[y2, x1] + table[y1, x1]


@numba.njit(cache=True, nogil=True)
def _count(values, first, table):
    """Integrate where a map has the value `first`, first + 1, and so on."""
    height, width = values.shape
    row = np.empty(_LANES, np.int32)
    for y in range(height):
        row[:] = 0
        for x in range(width):
            lane = values[y, x] - first
            if 0 <= lane < _LANES:
                row[lane] += 1
            for lane in range(_LANES):
                table[y + 1, x + 1, lane] = table[y, x + 1, lane] + row[lane]


@numba.njit(cache=True, nogil=True)
def _straddling(labels, sizes, windows):
    """Add the smaller parts of the superpixels that a window divides."""
    height, width = labels.shape
    table = np.zeros((height + 1, width + 1, _LANES), np.int32)
    parts = np.zeros(len(windows), np.int64)
    for first in range(0, len(sizes), _LANES):
        _count(labels, first, table)
        own = sizes[first : first + _LANES]
        for index in range(len(windows)):
            x1, y1, x2, y2 = windows[index]
            a, b, c, d = (
                table[y1, x1],
                table[y1, x2],
                table[y2, x1],
                table[y2, x2],
            )
            total = np.int32(0)
            for lane in range(_LANES):
                inside = d[lane] - b[lane] - c[lane] + a[lane]
                total += min(inside, own[lane] - inside)
            parts[index] += total
    return parts


@numba.njit(cache=True, nogil=True)
def _color_contrast(codes, count, windows, outer):
    """Compute chi-square distances of the colors of windows and frames."""
    height, width = codes.shape
    table = np.zeros((height + 1, width + 1, _LANES), np.int32)
    distances = np.zeros(len(windows))
    for first in range(0, count, _LANES):
        _count(codes, first, table)
        for index in range(len(windows)):
            x1, y1, x2, y2 = windows[index]
            a, b, c, d = (
                table[y1, x1],
                table[y1, x2],
                table[y2, x1],
                table[y2, x2],
            )
            area = (x2 - x1) * (y2 - y1)
            x1, y1, x2, y2 = outer[index]
            e, f, g, h = (
                table[y1, x1],
                table[y1, x2],
                table[y2, x1],
                table[y2, x2],
            )
            around = (x2 - x1) * (y2 - y1) - area
            if around == 0:
                continue
            total = 0.0
            for lane in range(_LANES):
                inside = d[lane] - b[lane] - c[lane] + a[lane]
                outside = h[lane] - f[lane] - g[lane] + e[lane] - inside
                p, q = inside / area, outside / around
                # A color that occurs on neither side adds 0.
                total += (p - q) ** 2 / (p + q + 1e-300)
            distances[index] += total
    return distances
