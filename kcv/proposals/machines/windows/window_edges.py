"""Cues of windows from the directions of edges in their cells.

Rahtu, Kannala and Blaschko, "Learning a category independent object detection
cascade", ICCV 2011. Windows are arrays (n, 4) of integers, xyxy, half-open,
inside the image and not empty.
"""

import math

import cv2
import numba
import numpy as np

# Gradient, per pixel, of intensities in [0, 1], from which an edge counts.
_MIN_GRADIENT = 0.02
# Pixels at the border of the image where the gradient is not valid.
_MARGIN = 5
_CELLS = 4  # per side of a window, for symmetry
_INNER = 0.25  # weight of the inner cells, for symmetry
_RINGS = 6  # cells per side of a window, for edges along the border
# Weights of the cells, and the direction of the gradient that each expects, in
# steps of 45 degrees: along the line from the center of the window.
_RING_WEIGHTS = np.array(
    [
        [1, 1, 1, 1, 1, 1],
        [1, 0.5, 0.5, 0.5, 0.5, 1],
        [1, 0.5, 0, 0, 0.5, 1],
        [1, 0.5, 0, 0, 0.5, 1],
        [1, 0.5, 0.5, 0.5, 0.5, 1],
        [1, 1, 1, 1, 1, 1],
    ]
)
_DIRECTIONS = np.array(
    [
        [1, 2, 2, 2, 2, 3],
        [0, 1, 2, 2, 3, 0],
        [0, 0, 1, 3, 0, 0],
        [0, 0, 3, 1, 0, 0],
        [0, 3, 2, 2, 1, 0],
        [3, 2, 2, 2, 2, 1],
    ]
)


def oriented_edges(image: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Compute how strong the edges of four directions are at each pixel.

    The gradient counts near the pixels of `edges` where it is strong. Each
    gradient is projected on four directions, so that it counts in all of them.

    Args:
        image: RGB image (H, W, 3) uint8.
        edges: Array (H, W) of bool, whether there is an edge.

    Returns:
        Array (H, W, 4) float64 of at least 0, for gradients of 0, 45, 90 and
        135 degrees. The largest sum of the four is 1, unless all are 0.
    """
    gauss, derivative = _kernels(1.0)
    values = image.astype(np.float64) / 255
    across, down = (
        _strongest(_filtered(values, x, y))
        for x, y in ((derivative, gauss), (gauss, derivative))
    )
    for gradient in (across, down):
        gradient[:_MARGIN] = gradient[-_MARGIN:] = 0
        gradient[:, :_MARGIN] = gradient[:, -_MARGIN:] = 0
    strong = np.hypot(across, down) > _MIN_GRADIENT
    valid = _filtered((edges & strong).astype(np.float64), gauss, gauss)
    angles = np.arange(4) * np.pi / 4
    projected = np.abs(
        np.multiply.outer(across * valid, np.cos(angles))
        + np.multiply.outer(down * valid, np.sin(angles))
    )
    gauss, _ = _kernels(1.5)
    bins = _filtered(projected, gauss, gauss)
    highest = bins.sum(-1).max()
    return bins / highest if highest > 0 else bins


def symmetry(oriented: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Compare the edges of the halves of windows.

    Window symmetry (WS): windows are divided into 4 x 4 cells. The cue is the
    intersection of the edges of each cell with those of its mirror image, left
    to right and top to bottom.

    Args:
        oriented: Array (H, W, 4) float64, the result of `oriented_edges`.
        windows: Windows (n, 4), see the module.

    Returns:
        Array (n,) float64 of at least 0, 0 for windows with a side below 4.
    """
    return _symmetry(_integral(oriented), _corners(windows))


def border_edges(oriented: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Sum the edges that run along the borders of windows.

    Boundary edge distribution (BE): windows are divided into 6 x 6 cells. In
    each cell, only the direction counts that the contour of an object would
    have there. Cells at the border count more.

    Args:
        oriented: Array (H, W, 4) float64, the result of `oriented_edges`.
        windows: Windows (n, 4), see the module.

    Returns:
        Array (n,) float64 of at least 0, 0 for windows with a side below 6.
    """
    return _border_edges(_integral(oriented), _corners(windows))


def _kernels(sigma):
    """Compute a Gaussian that is not normalized, and its derivative."""
    radius = int(2 * sigma)
    t = np.arange(-radius, radius + 1)
    gauss = np.exp(-(t**2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    return gauss, t / sigma**2 * gauss


def _filtered(values, x, y):
    kwargs = {"borderType": cv2.BORDER_CONSTANT}
    return cv2.sepFilter2D(values, cv2.CV_64F, x, y, **kwargs)


def _strongest(channels):
    """Take the channel with the largest absolute value."""
    best = np.abs(channels).argmax(-1)[..., np.newaxis]
    return np.take_along_axis(channels, best, -1)[..., 0]


def _integral(oriented):
    table = cv2.integral(oriented, sdepth=cv2.CV_64F)
    return np.ascontiguousarray(table)


def _corners(windows):
    return np.ascontiguousarray(windows, np.int32)


@numba.njit(cache=True, nogil=True)
def _cut(low, high, cells, cuts):
    """Compute the bounds of the cells along one side of a window.

    As in the authors' code, the first row and the first column of the image
    belong to no cell.
    """
    side, center = high - low, 0.5 * (low + high + 1)
    for cell in range(cells + 1):
        bound = math.ceil((cell / cells - 0.5) * side + center) - 1
        cuts[cell] = max(bound, 1)


@numba.njit(cache=True, nogil=True)
def _symmetry(table, windows):
    scores = np.zeros(len(windows))
    columns = np.empty(_CELLS + 1, np.int64)
    rows = np.empty(_CELLS + 1, np.int64)
    cells = np.empty((_CELLS, _CELLS, 4))
    for index in range(len(windows)):
        x1, y1, x2, y2 = windows[index]
        if min(x2 - x1, y2 - y1) < _CELLS:
            continue
        _cut(x1, x2, _CELLS, columns)
        _cut(y1, y2, _CELLS, rows)
        for i in range(_CELLS):
            for j in range(_CELLS):
                for k in range(4):
                    cells[i, j, k] = (
                        table[rows[i + 1], columns[j + 1], k]
                        - table[rows[i], columns[j + 1], k]
                        - table[rows[i + 1], columns[j], k]
                        + table[rows[i], columns[j], k]
                    )
        total = 0.0
        for i in range(_CELLS):
            for j in range(_CELLS // 2):
                weight = _INNER if j == 1 and 0 < i < _CELLS - 1 else 1.0
                for k in range(4):
                    # Mirroring exchanges 45 and 135 degrees.
                    other = (4 - k) % 4
                    here, there = cells[i, j, k], cells[i, -1 - j, other]
                    total += weight * min(here, there)
                    here, there = cells[j, i, k], cells[-1 - j, i, other]
                    total += weight * min(here, there)
        scores[index] = total
    return scores


@numba.njit(cache=True, nogil=True)
def _border_edges(table, windows):
    scores = np.zeros(len(windows))
    columns = np.empty(_RINGS + 1, np.int64)
    rows = np.empty(_RINGS + 1, np.int64)
    for index in range(len(windows)):
        x1, y1, x2, y2 = windows[index]
        if min(x2 - x1, y2 - y1) < _RINGS:
            continue
        _cut(x1, x2, _RINGS, columns)
        _cut(y1, y2, _RINGS, rows)
        total = 0.0
        for i in range(_RINGS):
            for j in range(_RINGS):
                k = _DIRECTIONS[i, j]
                total += _RING_WEIGHTS[i, j] * (
                    table[rows[i + 1], columns[j + 1], k]
                    - table[rows[i], columns[j + 1], k]
                    - table[rows[i + 1], columns[j], k]
                    + table[rows[i], columns[j], k]
                )
        scores[index] = total
    return scores
