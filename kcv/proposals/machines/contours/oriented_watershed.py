"""Closed contours that are weighted by how well edges lie along them.

Arbelaez, Maire, Fowlkes and Malik, "Contour detection and hierarchical image
segmentation", PAMI 2011: the oriented watershed transform. Contours are stored
in a grid between pixels, see `contour_grid`.
"""

import numba
import numpy as np

from kcv.proposals.machines.superpixels.watershed import watershed

_MAX_DISTANCE = 2.0  # of a contour from its chord, in pixels
_WEAKEST = np.float32(1e-6)  # contours separate regions even across an edge
_DOWN = np.array([-1, 0, 1, 0])
_RIGHT = np.array([0, -1, 0, 1])


def oriented_watershed(
    strength: np.ndarray, orientation: np.ndarray
) -> np.ndarray:
    """Find closed contours, weighted by how well edges lie along them.

    Contours are the lines of the watershed transform. Each is divided into
    segments that are at most 2 pixels away from their chords. The strength of
    a pixel is multiplied by the absolute cosine of the angle between the edge
    and the chord. Where contours meet, the strongest one counts.

    Args:
        strength: Strength of edges (H, W) float, not thinned.
        orientation: Direction of the normals of edges (H, W) float, in
            radians.

    Returns:
        Contours (2 H + 1, 2 W + 1) float32.
    """
    lines = watershed(strength, lines=True, connectivity=8) < 0
    return weigh_lines(lines, strength, orientation)


def weigh_lines(
    lines: np.ndarray, strength: np.ndarray, orientation: np.ndarray
) -> np.ndarray:
    """Weigh lines between basins by how well edges lie along them.

    Args:
        lines: Array (H, W) of bool, the lines of a watershed transform.
        strength: Strength of edges (H, W) float.
        orientation: Direction of the normals of edges (H, W) float, in
            radians.

    Returns:
        Contours (2 H + 1, 2 W + 1) float32, as `oriented_watershed` returns
        them.
    """
    values = _line_strengths(
        np.ascontiguousarray(lines, bool),
        np.ascontiguousarray(strength, np.float32),
        np.ascontiguousarray(orientation, np.float32),
    )
    return _contour_grid(lines, values)


@numba.njit(cache=True, nogil=True)
def _line_strengths(lines, strength, orientation):
    """Weight the strength of the pixels of lines by their direction."""
    height, width = lines.shape
    values = np.zeros((height, width), np.float32)
    flat_values = values.ravel()
    flat_strength, flat_orientation = strength.ravel(), orientation.ravel()
    ends = np.zeros(height * width, np.bool_)  # where arcs meet or end
    seen = np.zeros(height * width, np.bool_)
    for y in range(height):
        for x in range(width):
            if lines[y, x]:
                around = 0
                for n in range(4):
                    v, u = y + _DOWN[n], x + _RIGHT[n]
                    if 0 <= v < height and 0 <= u < width and lines[v, u]:
                        around += 1
                ends[y * width + x] = around != 2
    arc = np.empty(height * width + 1, np.int64)
    stack = np.empty((height * width + 1, 2), np.int64)
    links = [(np.int64(0), np.int64(0))]  # ends of arcs, in order
    # The second round finds closed arcs, which begin at any pixel.
    for closed in (False, True):
        for start in range(height * width):
            y, x = start // width, start % width
            if not lines[y, x] or seen[start] or closed == ends[start]:
                continue
            for n in range(4):
                size = _trace(lines, ends, seen, start, n, arc)
                if size == 0:
                    continue
                if closed:
                    ends[start] = True
                if size > 2:
                    _split_arc(arc, size, width, ends, stack)
                first = 0
                for last in range(1, size):
                    if not ends[arc[last]]:
                        continue
                    links.append((arc[first], arc[last]))
                    down = arc[last] // width - arc[first] // width
                    right = arc[last] % width - arc[first] % width
                    chord = np.arctan2(down, right) + np.pi / 2
                    for i in range(first + 1, last):
                        pixel = arc[i]
                        along = np.cos(flat_orientation[pixel] - chord)
                        value = flat_strength[pixel] * abs(along)
                        flat_values[pixel] = max(value, _WEAKEST)
                    first = last
    for link in links[1:]:
        for pixel in link:
            flat_values[pixel] = _strongest(values, pixel)
    return values


@numba.njit(cache=True, nogil=True)
def _strongest(values, pixel):
    """Find the largest value of a pixel and its four neighbors."""
    height, width = values.shape
    y, x = pixel // width, pixel % width
    strongest = values[y, x]
    for n in range(4):
        v, u = y + _DOWN[n], x + _RIGHT[n]
        if 0 <= v < height and 0 <= u < width:
            strongest = max(strongest, values[v, u])
    return strongest


@numba.njit(cache=True, nogil=True)
def _trace(lines, ends, seen, start, direction, arc):
    """Follow an arc from a pixel in a direction, and return its length."""
    height, width = lines.shape
    y, x = start // width + _DOWN[direction], start % width + _RIGHT[direction]
    if not (0 <= y < height and 0 <= x < width) or not lines[y, x]:
        return 0
    if seen[y * width + x]:
        return 0
    arc[0], arc[1] = start, y * width + x
    size = 2
    if ends[arc[1]]:  # two ends side by side are linked once
        return size if arc[1] > start else 0
    while arc[size - 1] != start and not ends[arc[size - 1]]:
        pixel, before = arc[size - 1], arc[size - 2]
        seen[pixel] = True
        y, x = pixel // width, pixel % width
        for n in range(4):
            v, u = y + _DOWN[n], x + _RIGHT[n]
            if not (0 <= v < height and 0 <= u < width) or not lines[v, u]:
                continue
            if v * width + u != before:
                arc[size] = v * width + u
                size += 1
                break
    return size


@numba.njit(cache=True, nogil=True)
def _split_arc(arc, size, width, ends, stack):
    """Mark the pixels at which an arc is divided, until it is straight."""
    stack[0, 0], stack[0, 1] = 0, size - 1
    waiting = 1
    while waiting > 0:
        waiting -= 1
        first, last = stack[waiting, 0], stack[waiting, 1]
        y, x = arc[first] // width, arc[first] % width
        down, right = arc[last] // width - y, arc[last] % width - x
        length = np.hypot(down, right)
        farthest, distance = first, 0.0
        for i in range(first + 1, last):
            v, u = arc[i] // width - y, arc[i] % width - x
            if length > 0:
                away = abs(down * u - right * v) / length
            else:
                away = np.hypot(v, u)
            if away > distance:
                farthest, distance = i, away
        if distance > _MAX_DISTANCE:
            ends[arc[farthest]] = True
            stack[waiting, 0], stack[waiting, 1] = farthest, last
            stack[waiting + 1, 0], stack[waiting + 1, 1] = first, farthest
            waiting += 2


@numba.njit(cache=True, nogil=True)
def _contour_grid(lines, values):
    """Move pixels of lines to the corners between pixels.

    Pixel (y, x) becomes the upper left corner of pixel (y, x). A contour
    between two corners has the strength of the weaker one.
    """
    height, width = lines.shape
    values = values.copy()
    # Where four pixels of lines are a square, they would enclose a region of
    # one pixel. The end with the weakest arc outside takes its strength, and
    # the square is opened on the side to which this arc goes.
    opened = [(0, 0)]
    for y in range(height - 1):
        for x in range(width - 1):
            if not (lines[y, x] and lines[y, x + 1]):
                continue
            if not (lines[y + 1, x] and lines[y + 1, x + 1]):
                continue
            weakest_y, weakest_x, weakest = -1, -1, np.inf
            cell = (0, 0)
            for corner in range(4):
                down, right = corner // 2, corner % 2
                v, u = y + 3 * down - 1, x + 3 * right - 1
                above = 0 <= v < height and lines[v, x + right]
                if above and values[v, x + right] < weakest:
                    weakest_y, weakest_x = y + down, x + right
                    weakest = values[v, x + right]
                    cell = (2 * (y + down), 2 * x + 1)
                beside = 0 <= u < width and lines[y + down, u]
                if beside and values[y + down, u] < weakest:
                    weakest_y, weakest_x = y + down, x + right
                    weakest = values[y + down, u]
                    cell = (2 * y + 1, 2 * (x + right))
            if weakest_y >= 0:
                values[weakest_y, weakest_x] = weakest
                opened.append(cell)
    grid = np.zeros((2 * height + 1, 2 * width + 1), np.float32)
    for y in range(height):
        for x in range(width):
            grid[2 * y, 2 * x] = values[y, x]
            if x + 1 < width:
                grid[2 * y, 2 * x + 1] = min(values[y, x], values[y, x + 1])
            if y + 1 < height:
                grid[2 * y + 1, 2 * x] = min(values[y, x], values[y + 1, x])
    for v, u in opened[1:]:
        grid[v, u] = 0
    grid[2 * height - 1] = grid[2 * height - 2]
    grid[2 * height] = grid[2 * height - 2]
    grid[:, 2 * width - 1] = grid[:, 2 * width - 2]
    grid[:, 2 * width] = grid[:, 2 * width - 2]
    return grid
