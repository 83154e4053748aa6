"""Superpixels as proposals, a baseline of Hosang et al. (PAMI 2016)."""

import numpy as np

from kcv.proposals.machines.images.color_spaces import COLOR_SPACES
from kcv.proposals.machines.regions.segment_overlap import segment_boxes
from kcv.proposals.machines.superpixels.graph_segmentation import segment
from kcv.proposals.machines.superpixels.graph_segmentation import sorted_edges
from kcv.proposals.masks import ConcatenatedMasks
from kcv.proposals.masks import SuperpixelMasks
from kcv.proposals.record import Proposals

_SPACES = ("linear_lab", "opponent", "rg", "full_hsv")


def superpixels(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator | None = None,
) -> Proposals:
    """Propose the segments of four color spaces, those of RandomizedPrim's.

    Args:
        image: RGB image (H, W, 3) uint8.
        max_proposals: Not used. The image determines the number.
        rng: Has no effect, because the method needs no random numbers. Defaults
            to None.

    Returns:
        `Proposals` with boxes (n, 4) int32 and masks.
    """
    boxes, masks = [], []
    for name in _SPACES:
        edges = sorted_edges(COLOR_SPACES[name](image), 0.8)
        labels = segment(edges, 100, 100)
        own = np.eye(labels.max() + 1, dtype=bool)
        boxes.append(segment_boxes(own, labels))
        masks.append(SuperpixelMasks(labels, own))
    return Proposals(np.concatenate(boxes), masks=ConcatenatedMasks(masks))
