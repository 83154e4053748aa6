"""Superpixels as proposals, a baseline of Hosang et al. (PAMI 2016)."""

import numpy as np

from kcv.proposals.machines.colour_spaces import hsv
from kcv.proposals.machines.colour_spaces import lab
from kcv.proposals.machines.graph_segmentation import segment
from kcv.proposals.machines.graph_segmentation import sorted_edges


def superpixels(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, None]:
    """Propose the segments of four colour spaces, as RandomizedPrim's has them.

    Args:
        image: (H, W, 3) RGB uint8.
        max_proposals: Not used: the image decides.
        rng: Not used.

    Returns:
        Boxes (n, 4) int64 xyxy, half-open, and None.
    """
    return np.concatenate(
        [
            _boxes(segment(sorted_edges(space(image), 0.8), 100, 100))
            for space in (lab, _opponent, _rg, hsv)
        ]
    ), None


def _opponent(image):
    """Red against green, yellow against blue, and the intensity."""
    r, g, b = np.moveaxis(image.astype(np.float32), -1, 0)
    parts = [(r - g + 255) / 2, (r + g - 2 * b + 510) / 4, (r + g + b) / 3]
    return np.rint(np.stack(parts, -1)).astype(np.uint8)


def _rg(image):
    """Red and green as shares of the sum."""
    total = np.maximum(image.sum(-1, keepdims=True, dtype=np.float32), 1)
    return np.rint(255 * image[..., :2] / total).astype(np.uint8)


def _boxes(labels):
    """Bounding boxes of segments numbered from 0."""
    count = labels.max() + 1
    boxes = np.empty((count, 4), np.int64)
    for axis, first in ((1, 0), (0, 1)):
        places = np.broadcast_to(
            np.expand_dims(np.arange(labels.shape[axis]), 1 - axis),
            labels.shape,
        )
        order = np.lexsort((places.ravel(), labels.ravel()))
        starts = np.searchsorted(labels.ravel()[order], np.arange(count + 1))
        sorted_places = places.ravel()[order]
        boxes[:, first] = sorted_places[starts[:-1]]
        boxes[:, first + 2] = sorted_places[starts[1:] - 1] + 1
    return boxes
