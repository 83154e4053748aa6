"""Boxes drawn as they occur in VOC, whatever the image shows."""

import numpy as np

# Statistics of log2(width / height), of the square root of the relative area
# and of the relative x and y of the center, over the boxes of VOC 2007
# trainval, difficult ones included.
MEAN = (-0.22052, 0.32967, 0.50364, 0.53699)
COVARIANCE = (
    (0.85494, 0.05317, -0.00279, 0.00874),
    (0.05317, 0.05962, -0.00020, 0.00399),
    (-0.00279, -0.00020, 0.05506, -0.00065),
    (0.00874, 0.00399, -0.00065, 0.03235),
)
MIN_SIDE = 5.0  # pixels
# Boxes drawn at a time. It does not depend on how many are asked for, so that
# fewer boxes are the first of more.
_DRAWN = 1024


def draw_boxes(
    shape: tuple[int, int], count: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw boxes from a normal distribution of center, size and aspect.

    Boxes without area, larger than the image or with a center outside are
    drawn again.

    Args:
        shape: Height and width of the image.
        count: Number of boxes.
        rng: Generator of the random numbers.

    Returns:
        Boxes (count, 4) float64, xyxy, half-open, with corners on whole
        pixels. They may leave the image.
    """
    height, width = shape
    drawn = [np.empty((0, 4))]
    while sum(map(len, drawn)) < count:
        more = rng.multivariate_normal(MEAN, COVARIANCE, _DRAWN)
        root, center = more[:, 1], more[:, 2:]
        possible = (root > 0) & (root <= 1)
        possible &= ((center >= 0) & (center <= 1)).all(1)
        drawn.append(more[possible])
    log_aspect, root, x, y = np.concatenate(drawn)[:count].T
    sides = compute_sides(root**2 * width * height, 2**log_aspect)
    sides = np.maximum(sides, MIN_SIDE)
    return around(np.stack([x * width, y * height], 1), sides)


def compute_sides(area: np.ndarray, aspect: np.ndarray) -> np.ndarray:
    """Compute width and height of boxes.

    Args:
        area: Array (n,), in square pixels.
        aspect: Array (n,), width / height.

    Returns:
        Array (n, 2) of width and height, in pixels.
    """
    return np.sqrt(np.stack([area * aspect, area / aspect], 1))


def around(centers: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Place boxes around centers, with their corners on whole pixels.

    Rounding is that of the authors' code, where the first pixel is number 1
    and the last pixel belongs to the box.

    Args:
        centers: Array (n, 2) of x and y.
        sides: Array (n, 2) of width and height.

    Returns:
        Boxes (n, 4), xyxy, half-open, counted from 0.
    """
    first = np.floor(centers - sides / 2 + 0.5)
    last = np.floor(first + sides - 0.5)
    return np.concatenate([first - 1, last], 1)
