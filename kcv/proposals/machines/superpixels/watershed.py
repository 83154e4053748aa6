"""The watershed transform: basins around the minima of a strength of edges.

Meyer, "Topographic distance and watershed lines", 1994. Water rises from all
minima at once, and each pixel belongs to the basin that reaches it first.
"""

import numba
import numpy as np

_LEVELS = 1 << 16
# Neighbors (down, right). The first four are those of 4-connectivity.
_DOWN = np.array([-1, 0, 0, 1, -1, -1, 1, 1])
_RIGHT = np.array([0, -1, 1, 0, -1, 1, -1, 1])


def watershed(
    strength: np.ndarray, lines: bool = False, connectivity: int = 4
) -> np.ndarray:
    """Divide an image into the basins of its minima.

    Pixels are flooded by rising strength, and those of equal strength in the
    order in which the water reaches them. Strengths are rounded to 65,536
    levels between their minimum and their maximum. Integers of up to 16 bits
    are not rounded.

    Args:
        strength: Strength of edges (H, W), of any real dtype, finite.
        lines: Whether basins are separated by lines of pixels that belong to
            none. Defaults to False.
        connectivity: Number of neighbors of a pixel, 4 or 8. Basins are
            connected in this sense. Defaults to 4.

    Returns:
        Basin of each pixel (H, W) int32, numbered from 0 in the reading order
        of the minima. With `lines`, pixels of lines are -1.

    Raises:
        ValueError: If `connectivity` is neither 4 nor 8, or `strength` is not
            an array (H, W) of finite numbers.

    Example:

    >>> watershed(np.array([[3, 1, 2, 5, 4, 0]])).tolist()
    [[0, 0, 0, 0, 1, 1]]
    >>> watershed(np.array([[3, 1, 2, 5, 4, 0]]), lines=True).tolist()
    [[0, 0, 0, -1, 1, 1]]
    """
    if connectivity not in (4, 8):
        raise ValueError(
            "`connectivity` must be 4 or 8. Received: "
            f"connectivity={connectivity!r}"
        )
    strength = np.asarray(strength)
    if strength.ndim != 2 or not np.isfinite(strength).all():
        raise ValueError(
            "`strength` must be finite numbers (H, W). Received: "
            f"strength.shape={strength.shape}"
        )
    return _flood(_levels(strength), connectivity, lines)


def _levels(strength):
    """Round a strength to integers in 0.._LEVELS - 1."""
    if not strength.size:
        return strength.astype(np.int32)
    low, high = strength.min(), strength.max()
    if strength.dtype.kind in "biu" and int(high) - int(low) < _LEVELS:
        return (strength.astype(np.int64) - int(low)).astype(np.int32)
    low, high = float(low), float(high)
    scale = (_LEVELS - 1) / (high - low) if high > low else 0.0
    return np.rint((strength - low) * scale).astype(np.int32)


@numba.njit(cache=True, nogil=True)
def _flood(levels, connectivity, lines):
    height, width = levels.shape
    labels = _minima(levels, connectivity)
    flat = labels.ravel()
    level = levels.ravel()
    # A queue of pixels for each level, as linked lists.
    first = np.full(_LEVELS, -1, np.int32)
    last = np.full(_LEVELS, -1, np.int32)
    following = np.full(height * width, -1, np.int32)
    waiting = np.zeros(height * width, np.bool_)
    current = _LEVELS
    # With lines, the pixels beside all minima wait first. Without, minima wait
    # themselves, so that a pixel between two of them belongs to the lower one.
    source = 0
    while True:
        if source < height * width:
            pixel = source
            source += 1
            if flat[pixel] < 0 or waiting[pixel]:
                continue
            if not lines:
                waiting[pixel] = True
                _append(first, last, following, level[pixel], pixel)
                current = min(current, level[pixel])
                continue
        else:
            while current < _LEVELS and first[current] < 0:
                current += 1
            if current == _LEVELS:
                break
            pixel = np.int64(first[current])
            first[current] = following[pixel]
            if lines and _is_between(labels, pixel, connectivity):
                continue
        y, x = pixel // width, pixel % width
        if flat[pixel] < 0:
            for n in range(connectivity):
                v, u = y + _DOWN[n], x + _RIGHT[n]
                if 0 <= v < height and 0 <= u < width and labels[v, u] >= 0:
                    flat[pixel] = labels[v, u]
                    break
        for n in range(connectivity):
            v, u = y + _DOWN[n], x + _RIGHT[n]
            if not (0 <= v < height and 0 <= u < width):
                continue
            other = v * width + u
            if flat[other] >= 0 or waiting[other]:
                continue
            waiting[other] = True
            if not lines:
                flat[other] = flat[pixel]
            _append(first, last, following, level[other], other)
            current = min(current, level[other])
    return labels


@numba.njit(cache=True, nogil=True)
def _append(first, last, following, level, pixel):
    """Append a pixel to the queue of a level."""
    following[pixel] = -1
    if first[level] < 0:
        first[level] = pixel
    else:
        following[last[level]] = pixel
    last[level] = pixel


@numba.njit(cache=True, nogil=True)
def _is_between(labels, pixel, connectivity):
    """Whether a pixel has neighbors in two basins."""
    height, width = labels.shape
    y, x = pixel // width, pixel % width
    found = -1
    for n in range(connectivity):
        v, u = y + _DOWN[n], x + _RIGHT[n]
        if 0 <= v < height and 0 <= u < width and labels[v, u] >= 0:
            if found >= 0 and labels[v, u] != found:
                return True
            found = labels[v, u]
    return False


@numba.njit(cache=True, nogil=True)
def _minima(levels, connectivity):
    """Give numbers to plateaus without a lower neighbor, and -1 to others.

    A plateau is connected and has one level.
    """
    height, width = levels.shape
    labels = np.full((height, width), -1, np.int32)
    seen = np.zeros((height, width), np.bool_)
    plateau = np.empty(height * width, np.int64)
    count = 0
    for y in range(height):
        for x in range(width):
            if seen[y, x]:
                continue
            seen[y, x] = True
            plateau[0], size, done, lowest = y * width + x, 1, 0, True
            while done < size:
                v, u = plateau[done] // width, plateau[done] % width
                done += 1
                for n in range(connectivity):
                    w, t = v + _DOWN[n], u + _RIGHT[n]
                    if not (0 <= w < height and 0 <= t < width):
                        continue
                    if levels[w, t] < levels[v, u]:
                        lowest = False
                    elif levels[w, t] == levels[v, u] and not seen[w, t]:
                        seen[w, t] = True
                        plateau[size] = w * width + t
                        size += 1
            if lowest:
                for i in range(size):
                    labels[plateau[i] // width, plateau[i] % width] = count
                count += 1
    return labels
