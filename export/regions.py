"""Regions for requests to R-CNN and Fast R-CNN."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kcv.quiet_tensorflow import load_tensorflow


def propose_regions(images: Sequence[Path], count: int) -> np.ndarray:
    """Propose regions by Selective Search in the form of a request.

    Args:
        images: Paths of image files.
        count: Maximum number of regions of an image.

    Returns:
        Regions (B, P, 4) float32, xyxy in pixels of the images. If an image has
        fewer regions than another, its last rows are zero.
    """
    # Not above: only some detectors need it, and clients have no TensorFlow.
    load_tensorflow()
    from kcv.data import read_image
    from kcv.proposals import propose

    found = [propose(read_image(p), max_proposals=count) for p in images]
    regions = np.zeros((len(found), max(map(len, found)), 4), np.float32)
    for own, boxes in zip(regions, found, strict=True):
        own[: len(boxes)] = boxes
    return regions
