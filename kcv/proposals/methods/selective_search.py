"""Selective Search (Uijlings, van de Sande, Gevers, Smeulders, IJCV 2013).

image -> color spaces -> segments at several scales -> hierarchies by
several similarities -> all regions, in a random order that prefers large
ones
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from kcv.proposals.machines.images.color_spaces import COLOR_SPACES
from kcv.proposals.machines.regions.merge_tree import RegionMasks
from kcv.proposals.machines.regions.merge_tree import Similarity
from kcv.proposals.machines.regions.merge_tree import merge
from kcv.proposals.machines.regions.region_features import color_bins
from kcv.proposals.machines.regions.region_features import describe
from kcv.proposals.machines.regions.region_features import texture_bins
from kcv.proposals.machines.superpixels.graph_segmentation import segment
from kcv.proposals.machines.superpixels.graph_segmentation import sorted_edges
from kcv.proposals.masks import ConcatenatedMasks
from kcv.proposals.record import Proposals

_ALL = Similarity(color=True, texture=True, size=True, fill=True)
_WITHOUT_COLOR = Similarity(texture=True, size=True, fill=True)
_FILL = Similarity(fill=True)
_SIZE = Similarity(size=True)


class Strategies(NamedTuple):
    """Settings of the hierarchies, which are all combinations of them.

    Attributes:
        color_spaces: Names of color spaces, keys of `COLOR_SPACES`.
        scales: Values of k of the segmentation.
        similarities: Measures by which regions are merged.
    """

    color_spaces: tuple[str, ...]
    scales: tuple[int, ...]
    similarities: tuple[Similarity, ...]


MODES = {
    "single": Strategies(("hsv",), (100,), (_ALL,)),
    "fast": Strategies(("hsv", "lab"), (50, 100), (_ALL, _WITHOUT_COLOR)),
    "quality": Strategies(
        ("hsv", "lab", "rgi", "hue", "intensity"),
        (50, 100, 150, 300),
        (_ALL, _WITHOUT_COLOR, _FILL, _SIZE),
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
) -> Proposals:
    """Group pixels in many ways and propose every region on the way.

    Args:
        image: RGB image (H, W, 3) uint8.
        max_proposals: Not used. All regions are returned.
        rng: Generator of the random order.
        mode: "single" for one hierarchy, "fast" for 8, "quality" for 80.
            Defaults to "fast".
        order: "random", as in the paper: the region that is r-th from the top
            of its hierarchy comes at the place r times a random number in
            0..1. Or "interleaved", by r alone. Defaults to "random".
        min_side: Minimum length of both sides of a box, in pixels. Defaults to
            20.
        width: Width to which images are scaled first, in pixels, 500 in R-CNN.
            Defaults to None, which does not scale them.
        scales: Values of k of the segmentation. Defaults to None, for those of
            `mode`.
        min_size: Minimum size of a segment, in pixels. Defaults to None, for
            k, as in the paper.
        sigma: Standard deviation of the smoothing before the segmentation, in
            pixels. Defaults to 0.8.
        connectivity: Number of neighbors of a pixel in the segmentation, 4 as
            in OpenCV or 8, which takes longer. Defaults to 4.

    Returns:
        `Proposals` with boxes (n, 4) float64, scores (n,) float64, which are
        the negative places, and masks. Regions of several hierarchies may have
        the same box.

    Raises:
        ValueError: If `mode` or `order` is not one of these.

    Example:

    >>> image = np.zeros((40, 60, 3), np.uint8)
    >>> image[10:30, 20:50] = 200
    >>> rng = np.random.default_rng(0)
    >>> found = selective_search(image, 5, rng, min_side=0)
    >>> [20, 10, 50, 30] in found.boxes.tolist()
    True
    """
    if mode not in MODES:
        raise ValueError(
            f"`mode` must be one of {[*MODES]}. Received: mode={mode!r}"
        )
    if order not in ORDERS:
        raise ValueError(
            f"`order` must be one of {ORDERS}. Received: order={order!r}"
        )
    shape = image.shape[:2]
    scale = 1.0
    if width is not None:
        scale = width / image.shape[1]
        size = (width, max(1, round(scale * image.shape[0])))
        image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
    strategies = MODES[mode]
    if scales is not None:
        strategies = strategies._replace(scales=tuple(scales))
    hierarchies = [
        *_hierarchies(image, shape, strategies, min_size, sigma, connectivity)
    ]
    boxes = np.concatenate([own for own, _ in hierarchies]) / scale
    masks = ConcatenatedMasks([own for _, own in hierarchies])
    # The last union of a hierarchy is its top, the first place.
    places = np.concatenate(
        [np.arange(len(own), 0, -1.0) for own, _ in hierarchies]
    )
    if order == "random":
        places *= rng.uniform(size=len(places))
    best = np.argsort(places, kind="stable")
    large = np.all(boxes[:, 2:] - boxes[:, :2] >= min_side, axis=1)
    return Proposals(boxes, -places, masks)[best[large[best]]]


def _hierarchies(image, shape, strategies, min_size, sigma, connectivity):
    """Boxes and masks of each hierarchy, from segments to the whole image.

    Boxes are in pixels of `image`, masks have the `shape` of the original.
    """
    for name in strategies.color_spaces:
        channels = COLOR_SPACES[name](image)
        edges = sorted_edges(channels, sigma, connectivity)
        color, texture = color_bins(channels), texture_bins(channels)
        for k in strategies.scales:
            labels = segment(edges, k, min_size or k)
            regions = describe(labels, color, texture)
            labels = _resize_labels(labels, shape)
            for similarity in strategies.similarities:
                boxes, children = merge(regions, similarity)
                yield boxes, RegionMasks(labels, children)


def _resize_labels(labels, shape):
    """Scale labels to a height and width, each pixel from the nearest one."""
    rows, columns = (
        (np.arange(new) + 0.5) * old // new
        for old, new in zip(labels.shape, shape, strict=True)
    )
    return labels[np.ix_(rows.astype(int), columns.astype(int))]
