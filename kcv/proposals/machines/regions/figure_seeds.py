"""Seeds of figures: their places, their colors, and the frame around them.

RIGOR and CPMC share them. A graph has n nodes, which are superpixels or pixels.
"""

import cv2
import numpy as np


def seed_boxes(shape: tuple[int, int], grid: int, size: float) -> np.ndarray:
    """Place square seeds in a regular grid that covers the image.

    Args:
        shape: Height and width of the image, in pixels.
        grid: Number of seeds in each direction.
        size: Side of a seed, in pixels.

    Returns:
        Boxes (grid * grid, 4) int64, xyxy in pixels, half-open, inside the
        image, row by row from the left column to the right one. Each has at
        least one pixel.
    """
    ranges = []
    for length in shape:
        side = min(size, length)
        step = max(0.0, (length - side) / grid - 0.5)
        offsets = step * (np.arange(grid) - (grid - 1) / 2)
        start = (length - side) / 2 + offsets
        # The left half is rounded down, the right half up.
        start = np.where(offsets < 0, np.floor(start), np.ceil(start))
        start = np.clip(start, 0, length - 1).astype(np.int64)
        stop = np.minimum(start + max(1, round(side)), length)
        ranges.append((start, stop))
    (top, bottom), (left, right) = ranges
    return np.stack(
        [
            np.repeat(left, grid),
            np.tile(top, grid),
            np.repeat(right, grid),
            np.tile(bottom, grid),
        ],
        axis=1,
    )


def dominant_colors(
    colors: np.ndarray, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Cluster colors by k-means.

    Args:
        colors: Colors (N, 3), at least one.
        count: Maximum number of clusters.
        rng: Generator of the first centers.

    Returns:
        Centers (k, 3) float32, where k is `count`, or N if that is less.
    """
    colors = np.ascontiguousarray(colors, np.float32)
    if len(colors) <= count:
        return colors
    cv2.setRNGSeed(int(rng.integers(2**31)))
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 10, 0.5)
    _, _, centers = cv2.kmeans(
        colors, count, None, stop, 1, cv2.KMEANS_PP_CENTERS
    )
    return centers


def color_affinity(
    colors: np.ndarray, centers: np.ndarray, decay: float
) -> np.ndarray:
    """Compare colors with the nearest of some centers.

    Args:
        colors: Colors (n, 3).
        centers: Centers (k, 3).
        decay: Factor of the distance, which is the sum of the absolute
            differences of the channels.

    Returns:
        Array (n,) float64, exp(-decay * distance), in (0, 1].
    """
    nearest = np.full(len(colors), np.inf)
    for center in centers:
        nearest = np.minimum(nearest, np.abs(colors - center).sum(-1))
    return np.exp(-decay * nearest)


def frame_costs(
    centers: np.ndarray, frame: np.ndarray, seed: np.ndarray, weight: float
) -> np.ndarray:
    """Compute the costs of the frame of the image in a figure.

    They grow with the distance from the seed.

    Args:
        centers: Centers of the nodes (n, 2).
        frame: Whether a node is at the frame of the image, (n,) bool.
        seed: Center of the seed (2,).
        weight: Cost of the farthest node.

    Returns:
        Costs (n,) float64, zero off the frame.
    """
    distances = np.where(frame, np.hypot(*(centers - seed).T), 0.0)
    farthest = distances.max(initial=0.0)
    return weight * distances / farthest if farthest > 0 else distances
