"""Superpixels as proposals, a baseline of Hosang et al. (PAMI 2016)."""

import numpy as np

from kcv.proposals.machines.color_spaces import hsv
from kcv.proposals.machines.color_spaces import lab
from kcv.proposals.machines.graph_segmentation import segment
from kcv.proposals.machines.graph_segmentation import sorted_edges
from kcv.proposals.machines.segment_overlap import segment_boxes
from kcv.proposals.masks import ConcatenatedMasks
from kcv.proposals.masks import SuperpixelMasks
from kcv.proposals.record import Proposals


def superpixels(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator | None = None,
) -> Proposals:
    """Propose the segments of four color spaces, those of RandomizedPrim's.

    Args:
        image: RGB image (H, W, 3) uint8.
        max_proposals: Not used. The image determines the number.
        rng: Not used.

    Returns:
        `Proposals` with boxes (n, 4) int32 and masks.
    """
    partitions = [
        segment(sorted_edges(space(image), 0.8), 100, 100)
        for space in (lab, _opponent, _rg, hsv)
    ]
    masks = [
        SuperpixelMasks(labels, np.eye(labels.max() + 1, dtype=bool))
        for labels in partitions
    ]
    boxes = [segment_boxes(own.membership, own.labels) for own in masks]
    return Proposals(np.concatenate(boxes), masks=ConcatenatedMasks(masks))


def _opponent(image):
    """Compute red against green, yellow against blue, and the intensity."""
    r, g, b = np.moveaxis(image.astype(np.float32), -1, 0)
    parts = [(r - g + 255) / 2, (r + g - 2 * b + 510) / 4, (r + g + b) / 3]
    return np.rint(np.stack(parts, -1)).astype(np.uint8)


def _rg(image):
    """Compute red and green as shares of the sum."""
    total = np.maximum(image.sum(-1, keepdims=True, dtype=np.float32), 1)
    return np.rint(255 * image[..., :2] / total).astype(np.uint8)
