"""Boxes drawn uniformly, a baseline of Hosang et al. (PAMI 2016)."""

import numpy as np

from kcv.proposals.machines.windows.window_priors import around
from kcv.proposals.machines.windows.window_priors import compute_sides
from kcv.proposals.record import Proposals

# The central 99 % of each feature among the boxes of VOC 2007 trainval,
# difficult ones included.
CENTER_X = (0.031, 0.974)  # shares of the width
CENTER_Y = (0.065, 0.93467)  # shares of the height
AREA = (0.00096, 0.98233)  # shares of the image's area
ASPECT = (0.190476, 4.66667)  # width / height


def uniform(
    image: np.ndarray, max_proposals: int, rng: np.random.Generator
) -> Proposals:
    """Draw center, root of the area and logarithm of the aspect uniformly.

    Args:
        image: Image (H, W, 3), of which only the size is used.
        max_proposals: Number of boxes.
        rng: Generator of the random numbers.

    Returns:
        `Proposals` with boxes (max_proposals, 4) float64.
    """
    height, width = image.shape[:2]
    low, high = np.transpose(
        [CENTER_X, CENTER_Y, np.sqrt(AREA), np.log2(ASPECT)]
    )
    drawn = rng.uniform(low, high, size=(max_proposals, 4))
    x, y, root, log_aspect = drawn.T
    sides = compute_sides(root**2 * width * height, 2**log_aspect)
    boxes = around(np.stack([x * width, y * height], 1), sides)
    return Proposals(np.clip(boxes, 0, [width, height, width, height]))
