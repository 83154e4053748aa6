"""RandomizedPrim's (Manen, Guillaumin and Van Gool, ICCV 2013).

image -> superpixels in several color spaces -> graph of neighbors that are
similar -> partial random spanning trees -> their superpixels
"""

from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np

from kcv.proposals.machines.images.color_spaces import COLOR_SPACES
from kcv.proposals.machines.images.color_spaces import linear_lab
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.region_graph import reduce_borders
from kcv.proposals.machines.regions.segment_overlap import segment_boxes
from kcv.proposals.machines.superpixels.graph_segmentation import segment
from kcv.proposals.machines.superpixels.graph_segmentation import sorted_edges
from kcv.proposals.masks import ConcatenatedMasks
from kcv.proposals.masks import SuperpixelMasks
from kcv.proposals.record import Proposals

#: Color spaces of the segmentations, keys of `COLOR_SPACES`.
SPACES = ("linear_lab", "opponent", "rg", "full_hsv")
#: Bias, and weights of border, color and size in the similarity.
WEIGHTS = (-3.0, 1.0, 2.7, 2.4)
_BINS = 16  # of each channel of the color histogram
_STEPS = 2**16  # of the table of the probability to stop


class SimilarityGraph(NamedTuple):
    """The n superpixels of an image and the m pairs that touch.

    Attributes:
        pairs: Array (m, 2) int32, the smaller number first, sorted.
        features: Array (m, 3) float64 in 0..1. Border: the larger of the two
            shares that the common border has in the border of a superpixel.
            Color: the intersection of the histograms. Size: the part of the
            image that both leave free.
        areas: Array (n,) float64, as parts of the image.
    """

    pairs: np.ndarray
    features: np.ndarray
    areas: np.ndarray


def area_distribution(areas: np.ndarray) -> np.ndarray:
    """Compute the part of objects that are smaller than an area.

    It is a rule for the areas of objects in photographs. The relative side of
    an object, the square root of the area, is above r with the probability
    (1 - r)^2.3. The boxes of PASCAL VOC 2007 test differ from it by 0.08 at
    most, and are larger than their objects.

    Args:
        areas: Areas as parts of the image, array of any shape with floats in
            0..1.

    Returns:
        Array of float in 0..1, of the same shape.
    """
    return 1 - (1 - np.sqrt(areas)) ** 2.3


def randomized_prims(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator,
    color_spaces: Sequence[str] = SPACES,
    k: float = 100.0,
    min_size: int = 100,
    sigma: float = 0.8,
    weights: Sequence[float] = WEIGHTS,
    stop: Callable[[np.ndarray], np.ndarray] = area_distribution,
    oversampling: float = 1.25,
    step: int = 1,
) -> Proposals:
    """Grow groups of superpixels by random, similar ones first.

    This is RandomizedPrim's of Manen, Guillaumin and Van Gool, ICCV 2013.

    A group begins with a random superpixel. Each step draws one edge between
    the group and its surroundings, with a probability proportional to the
    similarity. The group is finished when the dissimilarity of this edge plus
    the part of objects that are smaller than the group exceeds a random number
    in 0..2, or when it is the whole image.

    The authors learned the weights and the distribution of areas from VOC
    2007, for research only. `WEIGHTS` are rounded numbers, and
    `area_distribution` is a rule. On photographs, the average recall of the
    authors' groups is not measurably different.

    Args:
        image: RGB image (H, W, 3) uint8.
        max_proposals: Number of proposals that determines the number of
            groups. There are fewer proposals, since groups are repeated.
        rng: Generator of the random groups.
        color_spaces: Names of color spaces, keys of `COLOR_SPACES`, each for
            one segmentation. Defaults to `SPACES`, as Hosang et al. ran the
            method.
        k: Scale of the segmentation. Defaults to 100.
        min_size: Minimum size of a superpixel, in pixels. Defaults to 100.
        sigma: Standard deviation of the smoothing before the segmentation, in
            pixels. Defaults to 0.8.
        weights: Bias and weights of the three features of `SimilarityGraph`.
            The similarity is the logistic function of their sum. Defaults to
            `WEIGHTS`.
        stop: Function of areas (n,) float in 0..1 that returns the part of
            objects that are smaller, (n,) in 0..1. Defaults to
            `area_distribution`.
        oversampling: Number of groups per proposal. Defaults to 1.25.
        step: Step in pixels. Of boxes that are equal when they are rounded to
            multiples of `step` pixels, the first is kept. Defaults to 1, as
            Hosang et al. set it. The authors' default is 10.

    Returns:
        `Proposals` with boxes (n, 4) int32 and masks, in a random order, in
        which the color spaces alternate.

    Raises:
        ValueError: If `color_spaces` is empty or has an unknown name.

    Example:

    >>> image = np.zeros((60, 80, 3), np.uint8)
    >>> image[20:40, 30:60] = 255
    >>> found = randomized_prims(image, 20, np.random.default_rng(0))
    >>> [30, 20, 60, 40] in found.boxes.tolist()
    True
    """
    if not len(color_spaces) or not {*color_spaces} <= {*COLOR_SPACES}:
        raise ValueError(
            f"`color_spaces` must be some of {[*COLOR_SPACES]}. Received: "
            f"color_spaces={color_spaces!r}"
        )
    count = max(1, int(max_proposals * oversampling / len(color_spaces)))
    table = np.asarray(stop(np.linspace(0, 1, _STEPS)), float)
    codes = color_codes(image)
    boxes, masks = [], []
    # Each color space has a generator of its own, so that the first groups do
    # not depend on the number of groups.
    for name, own in zip(
        color_spaces, rng.spawn(len(color_spaces)), strict=True
    ):
        edges = sorted_edges(COLOR_SPACES[name](image), sigma)
        labels = segment(edges, k, min_size)
        graph = connect(labels, codes)
        members = sample_groups(graph, weights, table, count, own)
        boxes.append(segment_boxes(members, labels))
        masks.append(SuperpixelMasks(labels, members))
    alternating = np.arange(count * len(masks)).reshape(len(masks), -1).T
    found = Proposals(np.concatenate(boxes), masks=ConcatenatedMasks(masks))
    found = found[alternating.ravel()]
    _, first = np.unique(np.rint(found.boxes / step), axis=0, return_index=True)
    return found[np.sort(first)]


def color_codes(image: np.ndarray) -> np.ndarray:
    """Compute the bin of each pixel in a joint histogram of CIE L*a*b*.

    The histogram has 16 bins for each channel.

    Args:
        image: RGB image (H, W, 3) uint8.

    Returns:
        Array (H, W) of int32 in 0..4095.
    """
    bins = linear_lab(image).astype(np.int32) * _BINS // 256
    return (bins[..., 0] * _BINS + bins[..., 1]) * _BINS + bins[..., 2]


def connect(labels: np.ndarray, codes: np.ndarray) -> SimilarityGraph:
    """Make the graph of the superpixels of an image.

    The common border of two superpixels is the number of pairs of neighbors of
    which one belongs to each, over 8 neighbors of all pixels but those at the
    frame of the image, halved. The border of a superpixel is the sum over its
    neighbors, without the frame.

    Args:
        labels: Array (H, W) of int32, the superpixel of each pixel, from 0.
        codes: Array (H, W) of int32, as `color_codes` returns it.

    Returns:
        The `SimilarityGraph`.
    """
    pairs, borders = _common_borders(labels)
    sizes = np.bincount(labels.ravel())
    # Only the bins that occur in a superpixel are kept.
    bins = int(codes.max()) + 1
    keys, counts = np.unique(
        labels.ravel().astype(np.int64) * bins + codes.ravel(),
        return_counts=True,
    )
    owners, keys = np.divmod(keys, bins)
    shares = counts / sizes[owners]
    starts = np.searchsorted(owners, np.arange(len(sizes) + 1))
    areas = sizes / labels.size
    perimeters = np.bincount(
        pairs.ravel(), np.repeat(borders, 2), minlength=len(sizes)
    )
    one, other = pairs.T
    features = [
        borders / np.minimum(perimeters[one], perimeters[other]),
        _intersect(pairs, starts, keys, shares),
        1 - areas[one] - areas[other],
    ]
    return SimilarityGraph(pairs, np.stack(features, 1), areas)


def similarity(
    graph: SimilarityGraph, weights: Sequence[float] = WEIGHTS
) -> np.ndarray:
    """Compute the similarity of the superpixels of each pair.

    Args:
        graph: The `SimilarityGraph`.
        weights: Bias, and weights of the three features. Defaults to
            `WEIGHTS`.

    Returns:
        Array (m,) of float64 in 0..1.
    """
    bias, *factors = weights
    logits = bias + graph.features @ np.asarray(factors)
    return np.exp(-np.logaddexp(0, -logits))


def sample_groups(
    graph: SimilarityGraph,
    weights: Sequence[float],
    stop: np.ndarray,
    count: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw groups of superpixels.

    Args:
        graph: The `SimilarityGraph`.
        weights: Bias, and weights of the three features.
        stop: Array (s,) of float, the probability to stop at the areas from 0
            to 1, in equal steps.
        count: Number of groups.
        rng: Generator of the groups.

    Returns:
        Array (count, n) of bool, whether a superpixel belongs to a group.
    """
    nodes = len(graph.areas)
    ends = graph.pairs.ravel()
    incident = np.argsort(ends, kind="stable") // 2
    starts = np.searchsorted(np.sort(ends), np.arange(nodes + 1))
    weight = similarity(graph, weights)
    members = np.zeros((count, nodes), bool)
    for row in members:
        group = grow(
            graph.pairs,
            weight,
            starts,
            incident,
            graph.areas,
            stop,
            rng.random(nodes + 1),
        )
        row[group] = True
    return members


@numba.njit(cache=True, nogil=True)
def grow(
    pairs: np.ndarray,
    weight: np.ndarray,
    starts: np.ndarray,
    incident: np.ndarray,
    areas: np.ndarray,
    stop: np.ndarray,
    random: np.ndarray,
) -> np.ndarray:
    """Grow one group of superpixels at random.

    The edges of node i are `incident[starts[i] : starts[i + 1]]`.

    Args:
        pairs: Nodes of each edge, (m, 2) integer.
        weight: Weight of each edge, (m,).
        starts: Beginning of the edges of each node in `incident`, (n + 1,)
            integer.
        incident: Edges of all nodes, node by node, (2 m,) integer.
        areas: Area of each node, (n,).
        stop: Share of objects that are smaller than each of T areas, which are
            at equal steps from 0 to 1, (T,).
        random: Random numbers in 0..1, (n + 1,). They choose the first node,
            the limit, and the edges.

    Returns:
        Superpixels of the group in the order in which they joined, (k,) int32.
    """
    inside = np.zeros(len(areas), np.bool_)
    group = np.empty(len(areas), np.int32)
    frontier = np.empty(len(pairs), np.int32)
    node = int(random[0] * len(areas))
    limit = 2 * random[1]
    size, waiting, area = 0, 0, 0.0
    while True:
        inside[node] = True
        group[size] = node
        size += 1
        area += areas[node]
        for place in range(starts[node], starts[node + 1]):
            edge = incident[place]
            # The other edges are in the frontier already.
            if not (inside[pairs[edge, 0]] and inside[pairs[edge, 1]]):
                frontier[waiting] = edge
                waiting += 1
        kept, total = 0, 0.0
        for place in range(waiting):
            edge = frontier[place]
            if not (inside[pairs[edge, 0]] and inside[pairs[edge, 1]]):
                frontier[kept] = edge
                kept += 1
                total += weight[edge]
        waiting = kept
        if waiting == 0:
            return group[:size]
        rest = random[size + 1] * total
        for place in range(waiting):
            edge = frontier[place]
            rest -= weight[edge]
            if rest < 0:
                break
        step = min(int(area * (len(stop) - 1)), len(stop) - 1)
        if 1 - weight[edge] + stop[step] > limit:
            return group[:size]
        node = pairs[edge, 0] if inside[pairs[edge, 1]] else pairs[edge, 1]


@numba.njit(cache=True, nogil=True)
def _intersect(pairs, starts, keys, shares):
    """Sum the smaller share of each bin, for pairs of histograms."""
    total = np.zeros(len(pairs))
    for number in range(len(pairs)):
        a, b = pairs[number]
        i, j = starts[a], starts[b]
        while i < starts[a + 1] and j < starts[b + 1]:
            if keys[i] == keys[j]:
                total[number] += min(shares[i], shares[j])
                i += 1
                j += 1
            elif keys[i] < keys[j]:
                i += 1
            else:
                j += 1
    return total


def _common_borders(labels):
    """Find the pairs that touch, and the lengths of their borders."""
    borders = find_borders(labels, 8)
    inner = np.zeros(labels.shape, bool)
    inner[1:-1, 1:-1] = True
    inner = inner.ravel().astype(np.int64)
    ends = inner[borders.first] + inner[borders.second]
    lengths = reduce_borders(borders, ends, "sum").astype(np.int64) // 2
    return borders.pairs[lengths > 0], lengths[lengths > 0]
