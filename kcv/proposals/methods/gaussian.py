"""Boxes drawn from a normal distribution, a baseline of Hosang et al."""

import numpy as np

from kcv.proposals.machines.windows.window_priors import draw_boxes
from kcv.proposals.record import Proposals


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
    boxes = draw_boxes((height, width), max_proposals, rng)
    boxes += np.tile(np.maximum(-boxes[:, :2], 0), 2)
    return Proposals(np.minimum(boxes, [width, height, width, height]))
