"""Boxes drawn from a normal distribution, a baseline of Hosang et al."""

import numpy as np

from kcv.proposals.methods.uniform import around
from kcv.proposals.methods.uniform import sides_of
from kcv.proposals.record import Proposals

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
# fewer proposals are the first of more.
_DRAWN = 1024


def gaussian(
    image: np.ndarray, max_proposals: int, rng: np.random.Generator
) -> Proposals:
    """Draw center, size and aspect together, as they occur in VOC.

    Boxes without area, larger than the image or with a center outside are
    drawn again. Boxes that cross the left or upper border are moved inside,
    boxes that cross the other borders are clipped.

    Args:
        image: Image (H, W, 3), of which only the size is used.
        max_proposals: Number of boxes.
        rng: Generator of the random numbers.

    Returns:
        `Proposals` with boxes (max_proposals, 4) float64.
    """
    height, width = image.shape[:2]
    drawn = np.empty((0, 4))
    while len(drawn) < max_proposals:
        more = rng.multivariate_normal(MEAN, COVARIANCE, _DRAWN)
        root, center = more[:, 1], more[:, 2:]
        possible = (root > 0) & (root <= 1)
        possible &= ((center >= 0) & (center <= 1)).all(1)
        drawn = np.concatenate([drawn, more[possible]])
    log_aspect, root, x, y = drawn[:max_proposals].T
    sides = sides_of(root**2 * width * height, 2**log_aspect)
    sides = np.maximum(sides, MIN_SIDE)
    boxes = around(np.stack([x * width, y * height], 1), sides)
    boxes += np.tile(np.maximum(-boxes[:, :2], 0), 2)
    return Proposals(np.minimum(boxes, [width, height, width, height]))
