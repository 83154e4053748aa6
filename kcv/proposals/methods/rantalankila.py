"""Global and local search (Rantalankila, Kannala, Rahtu, CVPR 2014).

image -> superpixels of two kinds -> neighbors merged while they are alike ->
local search: merge until one region is left -> global search: minimum cuts
with every superpixel as a seed, in several settings -> all regions
"""

import functools
from typing import NamedTuple

import numpy as np

from kcv.proposals.machines.images.word_histograms import Words
from kcv.proposals.machines.images.word_histograms import chi_square
from kcv.proposals.machines.images.word_histograms import color_words
from kcv.proposals.machines.images.word_histograms import texture_words
from kcv.proposals.machines.images.word_histograms import word_histograms
from kcv.proposals.machines.regions.merge_tree import RegionMasks
from kcv.proposals.machines.regions.merge_tree import agglomerate
from kcv.proposals.machines.regions.merge_tree import merged_labels
from kcv.proposals.machines.regions.min_cut import min_cut
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.region_graph import touched_sides
from kcv.proposals.machines.regions.segment_overlap import segment_boxes
from kcv.proposals.machines.superpixels.graph_segmentation import segment
from kcv.proposals.machines.superpixels.graph_segmentation import sorted_edges
from kcv.proposals.machines.superpixels.slic import slic
from kcv.proposals.masks import ConcatenatedMasks
from kcv.proposals.masks import SuperpixelMasks
from kcv.proposals.record import Proposals

_ALIKE = 0.8  # similarity at which the first phase ends
_SMALL = 0.002  # of the image; smaller regions are merged first
_BONUS = 10.0  # for a pair with a small region
_MERGE = (1.0, 1.0, 2.0)  # weights of texture, color and size
_CUT = (1.0, 1.0, 0.0)
_NEARBY = 5.0  # factor of the cost of leaving out the seed's neighbors
_HARD = 100.0  # cost of giving up a seed
_UNITS = 1_000_000  # integer capacities per unit of cost

# Sides of the image (top, bottom, left, right) that are ground in a branch.
_NONE = ()
_TOP_BOTTOM, _LEFT_RIGHT, _ALL_SIDES = (0, 1), (2, 3), (0, 1, 2, 3)
_TOP_RIGHT, _NOT_RIGHT, _NOT_BOTTOM = (0, 3), (0, 1, 2), (0, 2, 3)


class Branch(NamedTuple):
    """Setting of the minimum cuts with all seeds.

    Attributes:
        ground: Sides of the image whose superpixels are ground: 0 for the top,
            1 for the bottom, 2 for the left, 3 for the right. Without a side,
            nothing is ground for sure, and regions are compared with the whole
            image instead.
        figure: Weight of the similarity to the seed and its neighbors.
        smoothness: Weight of the similarity of neighbors.
    """

    ground: tuple[int, ...]
    figure: float
    smoothness: float


# The first branches of the authors, who selected them greedily.
_FIRST = (
    Branch(_NONE, 1, 1 / 3),
    Branch(_NOT_BOTTOM, 1.5, 4),
    Branch(_NOT_BOTTOM, 1, 1 / 5),
    Branch(_TOP_BOTTOM, 0.75, 4),
    Branch(_LEFT_RIGHT, 0.75, 1 / 2),
    Branch(_NONE, 1.5, 1 / 4),
    Branch(_NONE, 0.75, 2),
    Branch(_TOP_RIGHT, 0.75, 1 / 7),
    Branch(_LEFT_RIGHT, 0.75, 4),
    Branch(_LEFT_RIGHT, 1.25, 1 / 6),
    Branch(_NONE, 0.75, 1 / 6),
    Branch(_NONE, 1, 1 / 2),
    Branch(_NOT_BOTTOM, 1.75, 6),
    Branch(_ALL_SIDES, 1.25, 1 / 3),
    Branch(_NOT_RIGHT, 0.75, 4),
)
_GROUNDS = (
    _NONE,
    _TOP_BOTTOM,
    _LEFT_RIGHT,
    _ALL_SIDES,
    (0, 2),
    _TOP_RIGHT,
    (0, 1, 3),
    _NOT_RIGHT,
    _NOT_BOTTOM,
)
_FIGURES = tuple(np.arange(0.75, 3.01, 0.25))
_SMOOTHNESS = (*(1 / n for n in range(7, 1, -1)), 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
# Mean number of proposals for a number of branches, by Hosang et al. 2016.
_BUDGETS = (
    (0, 441),
    (1, 602),
    (5, 922),
    (10, 1385),
    (15, 1666),
    (50, 3202),
    (100, 4744),
    (200, 6620),
    (600, 12176),
)


class Regions(NamedTuple):
    """The n superpixels of one kind.

    Attributes:
        sizes: Array (n,) float64, shares of the image.
        texture: Array (n, D) float64, histograms of texture words.
        color: Array (n, C) float64, histograms of color words.
        pairs: Array (m, 2) int32, superpixels a < b with a common border.
        sides: Array (n, 4) of bool, whether a superpixel touches the top, the
            bottom, the left, and the right of the image.
    """

    sizes: np.ndarray
    texture: np.ndarray
    color: np.ndarray
    pairs: np.ndarray
    sides: np.ndarray


def rantalankila(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator | None = None,
    branches: int | None = None,
) -> Proposals:
    """Propose regions of two hierarchies, then minimum cuts around superpixels.

    This is the method of Rantalankila, Kannala and Rahtu, CVPR 2014.

    Segments of the graph-based segmentation and SLIC superpixels are treated
    alike. While neighbors are similar enough, they are merged to larger
    superpixels. Local search merges these until one is left, and proposes every
    region on the way. Global search proposes the minimum cut around each
    superpixel, once in every branch. A branch says which sides of the image are
    ground, and how much weight similarities have.

    The method has no scores. Proposals are the regions of local search, those
    near the top of the hierarchies first, then the cuts of one branch after the
    other.

    The authors learned dictionaries of 500 SIFT words and 150 RGB words, whose
    license does not allow to include them. Here texture words are SIFT-like
    descriptors of the image itself, and color words are fixed bins of RGB. On
    the same regions of a photograph, similarities of color have a correlation
    of 0.96 with those of the authors, similarities of texture one of 0.6. The
    first 1,000 boxes cover the first 200 of the authors with a mean best IoU
    of 0.92 to 0.94 on two photographs. The first 15 branches are the authors',
    who selected them greedily. Further ones follow a rule that covers all
    settings evenly.

    Args:
        image: RGB image (H, W, 3) uint8.
        max_proposals: Number of proposals for which the number of branches is
            chosen if `branches` is None. More may be returned.
        rng: Not used. Defaults to None.
        branches: Number of branches of global search. At 0, there is only local
            search. If None, the number for which Hosang et al. report a mean
            of `max_proposals`, interpolated: 0 for up to 441 proposals, 6 for
            1,000 and 600 for 12,176 or more. Defaults to None.

    Returns:
        `Proposals` with boxes (n, 4) int32 and masks. Different regions may
        have the same box.

    Raises:
        ValueError: If `branches` is negative.

    Example:

    >>> image = np.zeros((60, 80, 3), np.uint8)
    >>> image[20:50, 30:60] = [200, 60, 20]
    >>> found = rantalankila(image, 50)
    >>> [30, 20, 60, 50] in found.boxes.tolist()
    True
    """
    if branches is None:
        branches = _num_branches(max_proposals)
    if branches < 0:
        raise ValueError(
            f"`branches` must be at least 0. Received: branches={branches}"
        )
    texture, color = texture_words(image), color_words(image)
    boxes, masks, places = [], [], []
    superpixels = (
        segment(sorted_edges(image, 0.8), 50, 150),
        slic(image, 20, 800.0, 11),
    )
    for labels in superpixels:
        labels, regions = _merge_alike(labels, texture, color)
        children, _ = _merge(regions)
        local = RegionMasks(labels, children).membership[::-1]
        cuts = _search_globally(regions, _all_branches()[:branches])
        membership = np.concatenate([local, *cuts])
        boxes.append(segment_boxes(membership, labels))
        masks.append(SuperpixelMasks(labels, membership))
        # Both hierarchies come before the first branch.
        ranks = np.arange(len(local)) / len(local)
        numbers = np.arange(1, 1 + len(cuts))
        counts = [len(cut) for cut in cuts]
        places += [ranks, np.repeat(numbers, counts)]
    best = np.argsort(np.concatenate(places), kind="stable")
    return Proposals(np.concatenate(boxes), masks=ConcatenatedMasks(masks))[
        best
    ]


def _num_branches(max_proposals):
    numbers, budgets = zip(*_BUDGETS, strict=True)
    return int(np.ceil(np.interp(max_proposals, budgets, numbers)))


@functools.cache
def _all_branches() -> tuple[Branch, ...]:
    """List all settings of the cuts in the order in which they are used.

    After the authors' first ones, the grid of all settings is visited in steps
    of a number that is near the golden section of its size and has no common
    divisor with it. So any number of steps covers the grid evenly.
    """
    grid = [
        Branch(ground, figure, smoothness)
        for ground in _GROUNDS
        for figure in _FIGURES
        for smoothness in _SMOOTHNESS
    ]
    order = (np.arange(len(grid)) * 667) % len(grid)
    rest = [grid[i] for i in order if grid[i] not in _FIRST]
    return (*_FIRST, *rest)


def _merge_alike(labels, texture, color):
    """Merge superpixels while some of them are alike: the first phase."""
    children, _ = _merge(_describe(labels, texture, color), _ALIKE)
    labels = merged_labels(labels, children)
    return labels, _describe(labels, texture, color)


def _describe(labels: np.ndarray, texture: Words, color: Words) -> Regions:
    return Regions(
        np.bincount(labels.ravel()) / labels.size,
        word_histograms(labels, texture),
        word_histograms(labels, color),
        find_borders(labels).pairs,
        touched_sides(labels),
    )


def _merge(regions, stop=None):
    """Merge neighbors, the most similar ones first."""
    count = len(regions.sizes)
    # Unions get the rows after the superpixels.
    features = [
        np.concatenate([part, np.zeros((count - 1, *part.shape[1:]))])
        for part in regions[:3]
    ]

    def similarity(first, second, borders):
        return _similarity(features, first, second, _MERGE)

    def unite(first, second, union):
        _put_group(features, union, [first, second])

    return agglomerate(regions.pairs, count, similarity, unite, stop=stop)


def _put_group(features, row, members):
    """Compute the features of a group of regions, and store them in a row."""
    sizes, *histograms = features
    weights = sizes[members]
    sizes[row] = weights.sum()
    for part in histograms:
        total = weights @ part[members]
        # Histograms can be empty, so their sum is not the size of the group.
        part[row] = total / max(total.sum(), 1e-16)


def _similarity(features, first, second, weights):
    """Compare pairs of regions by texture, color and size."""
    sizes, texture, color = features
    total = (
        weights[0] * (1 - chi_square(texture, first, second))
        + weights[1] * (1 - chi_square(color, first, second))
        + weights[2] * (1 - sizes[first] - sizes[second])
    )
    small = np.minimum(sizes[first], sizes[second]) < _SMALL
    return total / sum(weights) + _BONUS * small


def _search_globally(regions, branches):
    """Cut around every superpixel that is not ground, in each branch.

    Returns:
        For each branch, membership (k, n) bool of the k cuts that are not
        empty, in the order of the seeds.
    """
    count = len(regions.sizes)
    first, second = regions.pairs.T.astype(np.int64)
    near = np.eye(count, dtype=bool)
    near[first, second] = near[second, first] = True
    # Row n + i is seed i with its neighbors, row 2 n the ground.
    features = [
        np.concatenate([part, np.zeros((count + 1, *part.shape[1:]))])
        for part in regions[:3]
    ]
    for seed in range(count):
        _put_group(features, count + seed, np.flatnonzero(near[seed]))
    every = np.arange(count)
    seeds, nodes = np.divmod(np.arange(count * count), count)
    to_seed = _similarity(features, nodes, count + seeds, _CUT)
    to_seed = to_seed.reshape(count, count) * np.where(near, _NEARBY, 1)
    alike = _similarity(features, first, second, _CUT)
    found = []
    for branch in branches:
        ground = regions.sides[:, list(branch.ground)].any(1)
        compared = ground if branch.ground else np.ones(count, bool)
        _put_group(features, 2 * count, np.flatnonzero(compared))
        # Costs of a superpixel that is figure, and of one that is not.
        sink = _similarity(features, every, np.full(count, 2 * count), _CUT)
        sink[ground] = _HARD
        source = branch.figure * to_seed
        np.fill_diagonal(source, _HARD)
        capacities, source, sink = (
            np.rint(cost * _UNITS).astype(np.int64)
            for cost in (branch.smoothness * alike, source, sink)
        )
        cuts = [
            min_cut(regions.pairs, capacities, source[seed], sink)
            for seed in np.flatnonzero(~ground)
        ]
        cuts = np.array(cuts, bool).reshape(-1, count)
        found.append(cuts[cuts.any(1)])
    return found
