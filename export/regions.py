"""The regions that R-CNN and Fast R-CNN are asked about."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kcv.quiet_tensorflow import load_tensorflow


def regions_of(images: Sequence[Path], count: int) -> np.ndarray:
    """Propose regions by Selective Search, as a server wants them.

    Args:
        images: picture files.
        count: regions of each, at most.

    Returns:
        (B, P, 4) float32 xyxy in pixels of the images, zero rows where an
        image has fewer than another.
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
