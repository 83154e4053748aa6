"""Boxes drawn uniformly, a baseline of Hosang et al. (PAMI 2016)."""

import numpy as np

# The central 99 % of each feature among the boxes of VOC 2007 trainval,
# difficult ones included.
CENTRE_X = (0.031, 0.974)  # shares of the width
CENTRE_Y = (0.065, 0.93467)  # shares of the height
AREA = (0.00096, 0.98233)  # shares of the image's area
ASPECT = (0.190476, 4.66667)  # width / height


def uniform(
    image: np.ndarray, max_proposals: int, rng: np.random.Generator
) -> tuple[np.ndarray, None]:
    """Draw centre, root of the area and logarithm of the aspect uniformly.

    Args:
        image: (H, W, 3), of which only the size counts.
        max_proposals: Boxes to draw.
        rng: Where from.

    Returns:
        Boxes (max_proposals, 4) float64 xyxy, half-open, clipped to the image,
        and None.
    """
    height, width = image.shape[:2]
    x, y, root, log_aspect = rng.uniform(
        *np.transpose([CENTRE_X, CENTRE_Y, np.sqrt(AREA), np.log2(ASPECT)]),
        (max_proposals, 4),
    ).T
    sides = sides_of(root**2 * width * height, 2**log_aspect)
    boxes = around(np.stack([x * width, y * height], 1), sides)
    return np.clip(boxes, 0, [width, height, width, height]), None


def sides_of(area: np.ndarray, aspect: np.ndarray) -> np.ndarray:
    """Give width and height of boxes.

    Args:
        area: (n,) square pixels.
        aspect: (n,) width / height.

    Returns:
        (n, 2) pixels.
    """
    return np.sqrt(np.stack([area * aspect, area / aspect], 1))


def around(centres: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Put boxes around centres, their corners on whole pixels.

    Rounds as the authors' code, whose first pixel is 1 and whose last pixel
    belongs to the box.

    Args:
        centres: (n, 2) x and y.
        sides: (n, 2) width and height.

    Returns:
        (n, 4) xyxy, half-open, from 0.
    """
    first = np.floor(centres - sides / 2 + 0.5)
    last = np.floor(first + sides - 0.5)
    return np.concatenate([first - 1, last], 1)
