"""Windows that cover salient parts of an image, at several scales.

Alexe, Deselaers and Ferrari, "Measuring the objectness of image windows", PAMI
2012, section 2.1. The saliency is the spectral residual of Hou and Zhang (CVPR
2007). A map of S x S cells has windows (n, 4) of integers, xyxy, half-open, in
cells, with at least two cells in a row and in a column.
"""

import cv2
import numba
import numpy as np

_RADIUS = 3  # cells, of the disk that smooths the map


def spectral_saliency(
    channel: np.ndarray, size: int, normalize: bool = True
) -> np.ndarray:
    """Compute where an image differs from what its spectrum makes one expect.

    The image is resized. Its amplitude spectrum is replaced by the difference
    of the logarithm to the local mean.

    Args:
        channel: Array (H, W), a channel of an image.
        size: Number S of rows and of columns of the map.
        normalize: Whether to divide the weights by which the image is resized
            by their sum, as MATLAB does. Octave does not, which changes the map
            by up to 0.0075 where the sides of the image are not multiples of
            `size`. Defaults to True.

    Returns:
        Array (S, S) float64 in [0, 1], with 0 and 1 as extremes. All values
        are 0 if the channel has one value only.
    """
    height, width = channel.shape
    if channel.min() == channel.max():
        return np.zeros((size, size))
    rows = _resizing(height, size, normalize)
    small = rows @ channel @ _resizing(width, size, normalize).T
    spectrum = np.fft.fft2(small)
    amplitude = np.log(np.maximum(np.abs(spectrum), np.finfo(float).tiny))
    mean = cv2.blur(amplitude, (3, 3), borderType=cv2.BORDER_REPLICATE)
    phase = np.angle(spectrum)
    residual = np.fft.ifft2(np.exp(amplitude - mean + 1j * phase))
    saliency = cv2.filter2D(
        np.abs(residual) ** 2, -1, _disk(), borderType=cv2.BORDER_CONSTANT
    )
    saliency -= saliency.min()
    return saliency / max(saliency.max(), np.finfo(float).tiny)


def window_saliency(
    saliency: np.ndarray, windows: np.ndarray, theta: float
) -> np.ndarray:
    """Compute the saliency of windows.

    Multi-scale saliency (MS): the sum of the values of at least `theta` in a
    window, times the share of its cells that have such a value.

    Args:
        saliency: Array (S, S) of float, the map.
        windows: Windows (n, 4), see the module.
        theta: Minimum of the values that count.

    Returns:
        Array (n,) float64 of at least 0.

    Example:

    >>> saliency = np.array([[0.0, 0.8], [0.2, 1.0]])
    >>> window_saliency(saliency, np.array([[0, 0, 2, 2]]), 0.5).tolist()
    [0.9]
    """
    x1, y1, x2, y2 = np.asarray(windows).T
    total, count = (
        table[y2, x2] - table[y1, x2] - table[y2, x1] + table[y1, x1]
        for table in _tables(saliency, theta)
    )
    return total * count / ((x2 - x1) * (y2 - y1))


def sample_windows(
    saliency: np.ndarray, theta: float, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw windows of a map with probabilities in proportion to saliency.

    Args:
        saliency: Array (S, S) of float, the map.
        theta: Minimum of the values that count, see `window_saliency`.
        count: Number of windows, which are drawn with replacement.
        rng: Generator of the random numbers.

    Returns:
        Tuple (windows, scores). `windows` (count, 4) int64, see the module,
        and `scores` (count,) float64, their saliency. Both are empty if no
        value is at least `theta`.
    """
    # Columns, and rows, of which a window is made.
    first, last = np.triu_indices(len(saliency), 1)
    cumulative = _accumulate(*_tables(saliency, theta), first, last)
    total = cumulative[-1]
    if total <= 0:
        return np.empty((0, 4), np.int64), np.empty(0)
    drawn = np.sort(rng.random(count)) * total
    place = np.searchsorted(cumulative, drawn, side="right")
    rows, columns = np.divmod(
        np.minimum(place, len(cumulative) - 1), len(first)
    )
    windows = np.stack(
        [first[columns], first[rows], last[columns] + 1, last[rows] + 1], 1
    )
    return windows, window_saliency(saliency, windows, theta)


def _tables(saliency, theta):
    """Integrate the values that count, and their number."""
    high = saliency >= theta
    return (
        cv2.integral(np.where(high, saliency, 0), sdepth=cv2.CV_64F),
        cv2.integral(high.astype(np.uint8), sdepth=cv2.CV_64F),
    )


def _resizing(length, size, normalize):
    """Make a matrix (size, length) that interpolates with antialiasing."""
    scale = min(size / length, 1)
    centers = (np.arange(size) + 0.5) * length / size - 0.5
    # The image is continued by its mirror image, once on each side. Smaller
    # maps need no more.
    places = np.arange(-length, 2 * length)
    distances = np.abs(np.subtract.outer(centers, places))
    weights = scale * np.maximum(1 - scale * distances, 0)
    left, middle, right = np.split(weights, 3, axis=1)
    matrix = left[:, ::-1] + middle + right[:, ::-1]
    return matrix / matrix.sum(1, keepdims=True) if normalize else matrix


def _disk():
    """Make the kernel of a disk, of whose border cells contain a part."""
    lines = 1000  # per row of cells
    cells = np.arange(-_RADIUS, _RADIUS + 1)
    offsets = (np.arange(len(cells) * lines) + 0.5) / lines - len(cells) / 2
    half = np.sqrt(np.maximum(_RADIUS**2 - offsets**2, 0))[:, np.newaxis]
    inside = np.minimum(half, cells + 0.5) - np.maximum(-half, cells - 0.5)
    shares = np.maximum(inside, 0).reshape(len(cells), lines, -1).mean(1)
    return shares / shares.sum()


@numba.njit(cache=True, nogil=True)
def _accumulate(total, number, first, last):
    """Add up the saliency of all windows, row by row."""
    size, pairs = len(total) - 1, len(first)
    cumulative = np.empty(pairs * pairs)
    widths = np.empty(size + 1)
    for x in range(size + 1):
        widths[x] = 1 / max(x, 1)
    values, counts = np.empty(size + 1), np.empty(size + 1)
    running = 0.0
    place = 0
    for row in range(pairs):
        low, high = first[row], last[row] + 1
        for x in range(size + 1):
            values[x] = (total[high, x] - total[low, x]) / (high - low)
            counts[x] = number[high, x] - number[low, x]
        for x1 in range(size - 1):
            for x2 in range(x1 + 2, size + 1):
                score = (values[x2] - values[x1]) * (counts[x2] - counts[x1])
                running += score * widths[x2 - x1]
                cumulative[place] = running
                place += 1
    return cumulative
