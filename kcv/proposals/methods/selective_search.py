"""Selective Search (Uijlings, van de Sande, Gevers, Smeulders, IJCV 2013).

image -> colour spaces -> segments at several scales -> hierarchies by
several similarities -> boxes of all regions, in a random order that
prefers the large
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from kcv.proposals.machines.colour_spaces import COLOUR_SPACES
from kcv.proposals.machines.graph_segmentation import segment
from kcv.proposals.machines.graph_segmentation import sorted_edges
from kcv.proposals.machines.merge_tree import Similarity
from kcv.proposals.machines.merge_tree import merge
from kcv.proposals.machines.region_features import colour_bins
from kcv.proposals.machines.region_features import describe
from kcv.proposals.machines.region_features import texture_bins

_ALL = Similarity(colour=True, texture=True, size=True, fill=True)
_WITHOUT_COLOUR = Similarity(texture=True, size=True, fill=True)
_FILL = Similarity(fill=True)
_SIZE = Similarity(size=True)


class Strategies(NamedTuple):
    """Every colour space with every scale and every similarity."""

    colour_spaces: tuple[str, ...]
    scales: tuple[int, ...]  # k of the segmentation
    similarities: tuple[Similarity, ...]


MODES = {
    "single": Strategies(("hsv",), (100,), (_ALL,)),
    "fast": Strategies(("hsv", "lab"), (50, 100), (_ALL, _WITHOUT_COLOUR)),
    "quality": Strategies(
        ("hsv", "lab", "rgi", "hue", "intensity"),
        (50, 100, 150, 300),
        (_ALL, _WITHOUT_COLOUR, _FILL, _SIZE),
    ),
}
ORDERS = ("random", "interleaved")


def selective_search(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator,
    mode: str = "fast",
    order: str = "random",
    min_side: int = 20,
    width: int | None = None,
    scales: Sequence[int] | None = None,
    min_size: int | None = None,
    sigma: float = 0.8,
    connectivity: int = 4,
) -> tuple[np.ndarray, np.ndarray]:
    """Group pixels in many ways and propose every region on the way.

    Args:
        image: (H, W, 3) RGB uint8.
        max_proposals: Boxes at most.
        rng: Where the order is drawn from.
        mode: "single" has one hierarchy, "fast" 8, "quality" 80.
        order: "random", the paper's: a region that is r-th from the top of
            its hierarchy has the place r times a random number in 0..1; or
            "interleaved", by r alone.
        min_side: Boxes with a shorter side are left out, pixels.
        width: To which images are scaled first, as R-CNN does with 500; None
            leaves them.
        scales: The k of the segmentations; None is the mode's.
        min_size: Of their segments, pixels; None is k, the paper's.
        sigma: Of the smoothing before the segmentation, pixels.
        connectivity: Neighbours of a pixel in the segmentation: 4, OpenCV's,
            or 8, which takes longer.

    Returns:
        Boxes (n, 4) float64 xyxy, half-open, no two alike, and scores (n,)
        float64: the negative places.

    Raises:
        ValueError: If `mode` or `order` is none of these.

    Example:

    >>> image = np.zeros((40, 60, 3), np.uint8)
    >>> image[10:30, 20:50] = 200
    >>> rng = np.random.default_rng(0)
    >>> boxes, _ = selective_search(image, 5, rng, min_side=0)
    >>> [20, 10, 50, 30] in boxes.tolist()
    True
    """
    if mode not in MODES:
        raise ValueError(f"mode must be one of {[*MODES]}, not {mode!r}")
    if order not in ORDERS:
        raise ValueError(f"order must be one of {ORDERS}, not {order!r}")
    scale = 1.0
    if width is not None:
        scale = width / image.shape[1]
        size = (width, max(1, round(scale * image.shape[0])))
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    strategies = MODES[mode]
    if scales is not None:
        strategies = strategies._replace(scales=tuple(scales))
    hierarchies = [
        *_hierarchies(image, strategies, min_size, sigma, connectivity)
    ]
    boxes = np.concatenate(hierarchies) / scale
    # The last union of a hierarchy is its top, the first place.
    places = np.concatenate([np.arange(len(x), 0, -1.0) for x in hierarchies])
    if order == "random":
        places *= rng.uniform(size=len(places))
    best = np.argsort(places, kind="stable")
    boxes, places = boxes[best], places[best]
    large = (boxes[:, 2:] - boxes[:, :2] >= min_side).all(1)
    boxes, places = boxes[large], places[large]
    _, first = np.unique(boxes, axis=0, return_index=True)
    first = np.sort(first)[:max_proposals]
    return boxes[first], -places[first]


def _hierarchies(image, strategies, min_size, sigma, connectivity):
    """The boxes of each hierarchy, from the segments to the whole image."""
    for name in strategies.colour_spaces:
        channels = COLOUR_SPACES[name](image)
        edges = sorted_edges(channels, sigma, connectivity)
        colour, texture = colour_bins(channels), texture_bins(channels)
        for k in strategies.scales:
            labels = segment(edges, k, min_size or k)
            regions = describe(labels, colour, texture)
            for similarity in strategies.similarities:
                yield merge(regions, similarity)[0]
