"""Boxes drawn from a normal distribution, a baseline of Hosang et al."""

import numpy as np

from kcv.proposals.methods.uniform import around
from kcv.proposals.methods.uniform import sides_of

# Of log2(width / height), root of the relative area, relative centre x and y
# among the boxes of VOC 2007 trainval, difficult ones included.
MEAN = (-0.22052, 0.32967, 0.50364, 0.53699)
COVARIANCE = (
    (0.85494, 0.05317, -0.00279, 0.00874),
    (0.05317, 0.05962, -0.00020, 0.00399),
    (-0.00279, -0.00020, 0.05506, -0.00065),
    (0.00874, 0.00399, -0.00065, 0.03235),
)
MIN_SIDE = 5.0  # pixels
# Drawn at a time, whatever is asked for: fewer proposals begin as more do.
_DRAWN = 1024


def gaussian(
    image: np.ndarray, max_proposals: int, rng: np.random.Generator
) -> tuple[np.ndarray, None]:
    """Draw centre, size and aspect together, as objects of VOC have them.

    What has no area, is larger than the image or lies beyond it is drawn
    again; what overlaps the left or upper border is moved inside, what
    overlaps the others is clipped.

    Args:
        image: (H, W, 3), of which only the size counts.
        max_proposals: Boxes to draw.
        rng: Where from.

    Returns:
        Boxes (max_proposals, 4) float64 xyxy, half-open, and None.
    """
    height, width = image.shape[:2]
    drawn = np.empty((0, 4))
    while len(drawn) < max_proposals:
        more = rng.multivariate_normal(MEAN, COVARIANCE, _DRAWN)
        root, centre = more[:, 1], more[:, 2:]
        possible = (root > 0) & (root <= 1)
        possible &= ((centre >= 0) & (centre <= 1)).all(1)
        drawn = np.concatenate([drawn, more[possible]])
    log_aspect, root, x, y = drawn[:max_proposals].T
    sides = sides_of(root**2 * width * height, 2**log_aspect)
    sides = np.maximum(sides, MIN_SIDE)
    boxes = around(np.stack([x * width, y * height], 1), sides)
    boxes += np.tile(np.maximum(-boxes[:, :2], 0), 2)
    return np.minimum(boxes, [width, height, width, height]), None
