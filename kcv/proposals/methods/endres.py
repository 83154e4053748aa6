"""Category independent proposals (Endres and Hoiem, ECCV 2010, PAMI 2014).

image -> superpixels and the strength of their borders -> hierarchy, whose
regions are seeds -> affinity of every superpixel to each seed -> minimum cuts
for several biases and smoothnesses -> connected parts -> an order in which
good regions and new regions come first

In this module, S is the number of superpixels, m that of pairs of neighbors.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kcv.proposals.machines.images.edge_maps import checked_edges
from kcv.proposals.machines.images.edge_maps import soft_gradient_edges
from kcv.proposals.machines.images.word_histograms import color_words
from kcv.proposals.machines.images.word_histograms import texture_words
from kcv.proposals.machines.images.word_histograms import word_histograms
from kcv.proposals.machines.regions.connected_parts import connected_parts
from kcv.proposals.machines.regions.merge_tree import RegionMasks
from kcv.proposals.machines.regions.merge_tree import agglomerate
from kcv.proposals.machines.regions.merge_tree import merged_labels
from kcv.proposals.machines.regions.min_cut import parametric_cuts
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.region_graph import reduce_borders
from kcv.proposals.machines.regions.segment_overlap import distinct_segments
from kcv.proposals.machines.regions.segment_overlap import segment_boxes
from kcv.proposals.machines.regions.segment_overlap import segment_iou
from kcv.proposals.machines.superpixels.watershed import watershed
from kcv.proposals.masks import SuperpixelMasks
from kcv.proposals.record import Proposals

_SUPERPIXELS = 400
# A seed has more pixels, and is merged across a border that is stronger.
_SEED_PIXELS = 400
_SEED_STRENGTH = 0.01
# Weights of 1, of the overlaps of color and texture histograms, and of the
# strongest edge on the way, in the log odds that a superpixel belongs to the
# object of a seed.
_AFFINITY = (-1.0, 4.0, 2.0, -2.0)
_STEPS = 32  # points on the way
_CERTAIN = 0.99  # highest probability of an affinity
_FLOOR = 0.01  # lowest probability of a border
_BIASES = np.array([-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0])
_SMOOTHNESS = (0.0, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
_HARD = 1000.0  # log odds of the seed itself
_UNITS = 1_000_000  # integer capacities per unit of cost
_SAME = 0.98  # IoU above which two regions are the same
# Weights of the strength of the border, of the share of the frame of the image
# in the perimeter, and of the logarithm of the area, in the quality of a
# region.
_QUALITY = (4.0, -2.0, 0.5)
_CANDIDATES = 3000  # regions that are ordered
# Costs of the highest IoU and of the sum of IoU with earlier regions.
_DIVERSITY = (2.0, 1.0, 0.0, 0.0)
_DECAY = 30_000.0  # of the weights of ranks


class Graph(NamedTuple):
    """The superpixels of an image, and their borders.

    Attributes:
        labels: Array (H, W) of int32, the superpixel of each pixel, from 0.
        sizes: Array (S,) of int64, numbers of pixels.
        pairs: Array (m, 2) of int32, superpixels with a common border.
        lengths: Array (m,) of int64, lengths of the borders, in pixels.
        strengths: Array (m,) of float64, mean strengths of edges on borders.
    """

    labels: np.ndarray
    sizes: np.ndarray
    pairs: np.ndarray
    lengths: np.ndarray
    strengths: np.ndarray


def endres(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator | None = None,
    edges: Callable[
        [np.ndarray], tuple[np.ndarray, np.ndarray]
    ] = soft_gradient_edges,
) -> Proposals:
    """Grow regions of a hierarchy in many ways, and order what comes out.

    Superpixels are merged, those with the weakest border first. Regions of this
    hierarchy are seeds. Around each seed, a minimum cut selects superpixels
    that have an affinity to the seed and no strong border with each other, for
    7 biases and 8 weights of the borders. The connected parts of all cuts are
    the proposals. The next one in their order is always the one whose quality,
    less its overlap with all earlier ones, is highest. Scores are these
    values.

    The method follows Endres and Hoiem, PAMI 2014, in the selection of seeds,
    the minimum cuts, the removal of repetitions, and the order. What they
    learned is replaced by rules, since it may not be redistributed. Superpixels
    come from the watershed of an edge map, not from a classifier of occlusion
    boundaries. The probability that a border is that of an object is the
    strength of its edges. Affinities are a logistic function of the overlaps of
    color and texture histograms and of the strongest edge on the line between
    the centers, with fixed weights. Classifiers of surfaces, of backgrounds and
    of the extent of objects are left out. The quality of a region is a weighted
    sum of the strength of its border, of its contact with the frame of the
    image, and of its area, in place of 37 features with learned weights. So the
    order depends on the contrast of objects, and recall is below the published
    one where borders are weak.

    Args:
        image: RGB image (H, W, 3) uint8.
        max_proposals: Not used. The image determines the number, which is
            several hundred for a photograph, and all are ordered.
        rng: Not used. Defaults to None.
        edges: Function of an image that returns the strength of edges in 0..1
            and their orientation, two arrays (H, W). Defaults to
            `kcv.proposals.machines.images.edge_maps.soft_gradient_edges`.

    Returns:
        `Proposals` with boxes (n, 4) int32, scores (n,) float64, which do not
        rise, and masks.

    Raises:
        ValueError: If `edges` returns arrays of another size, or numbers that
            are not finite.

    Example:

    >>> image = np.zeros((60, 80, 3), np.uint8)
    >>> image[20:50, 30:60] = [200, 60, 20]
    >>> found = endres(image, 10)
    >>> [int(side) for side in found.boxes[0]]
    [30, 20, 60, 50]
    """
    strength, _ = checked_edges(edges, image)
    graph = _build_graph(strength)
    seeds = _find_seeds(graph)
    affinities = _measure_affinities(image, graph, strength, seeds)
    probability = _FLOOR + (1 - _FLOOR) * np.clip(graph.strengths, 0, 1)
    cuts = [
        _cut_figures(graph.pairs, probability, affinity, seed)
        for seed, affinity in zip(seeds, affinities, strict=True)
    ]
    figures = np.reshape(cuts, (-1, len(graph.sizes))).astype(bool)
    parts, _ = connected_parts(_unique_rows(figures), graph.pairs)
    parts = _unique_rows(parts)
    quality = _measure_quality(graph, parts)
    best = np.argsort(-quality, kind="stable")
    best = best[distinct_segments(parts[best], _SAME, graph.sizes)]
    best = best[:_CANDIDATES]
    parts, quality = parts[best], quality[best]
    overlaps = segment_iou(parts, parts, graph.sizes)
    order, scores = _rank(quality, overlaps, _DIVERSITY)
    parts = parts[order]
    return Proposals(
        segment_boxes(parts, graph.labels),
        np.minimum.accumulate(scores),
        SuperpixelMasks(graph.labels, parts),
    )


def _build_graph(strength):
    """Merge the basins of the watershed until few superpixels are left."""
    graph = _measure_graph(watershed(strength), strength)
    surplus = max(len(graph.sizes) - _SUPERPIXELS, 0)
    children, _ = _merge(graph)
    labels = merged_labels(graph.labels, children[:surplus])
    return _measure_graph(labels, strength)


def _measure_graph(labels, strength):
    borders = find_borders(labels)
    flat = strength.ravel()
    values = np.maximum(flat[borders.first], flat[borders.second])
    return Graph(
        labels,
        np.bincount(labels.ravel()),
        borders.pairs,
        np.diff(borders.starts),
        reduce_borders(borders, values),
    )


def _merge(graph):
    """Merge neighbors, those with the weakest border first.

    Returns:
        Tuple (children, strengths) of the unions, (n - 1, 2) and (n - 1,).
    """

    def similarity(first, second, borders):
        return -borders[:, 1] / borders[:, 0]

    measures = np.stack([graph.lengths, graph.lengths * graph.strengths], 1)
    children, similarities = agglomerate(
        graph.pairs, len(graph.sizes), similarity, borders=measures
    )
    return children, -similarities


def _find_seeds(graph):
    """Select regions of the hierarchy.

    Returns:
        Membership (k, S) of bool of the k seeds.
    """
    children, strengths = _merge(graph)
    # The strength of the border across which a region is merged. The last union
    # is the whole image, which is not a seed.
    merged = np.zeros(2 * len(graph.sizes) - 1)
    merged[children] = strengths[:, np.newaxis]
    regions = RegionMasks(graph.labels, children).membership
    sizes = regions @ graph.sizes
    return regions[(sizes > _SEED_PIXELS) & (merged > _SEED_STRENGTH)]


def _measure_affinities(image, graph, strength, seeds):
    """Compute the probabilities that superpixels belong to objects of seeds.

    Returns:
        Array (k, S) of float64.
    """
    weights = seeds * graph.sizes
    weights = weights / weights.sum(1, keepdims=True)
    overlaps = []
    for words in (color_words(image), texture_words(image)):
        histograms = word_histograms(graph.labels, words)
        own = weights @ histograms
        overlaps.append([np.minimum(histograms, part).sum(1) for part in own])
    y, x = (
        np.bincount(graph.labels.ravel(), place.ravel()) / graph.sizes
        for place in np.indices(graph.labels.shape)
    )
    color, texture = (np.reshape(overlap, seeds.shape) for overlap in overlaps)
    steps = np.linspace(0, 1, _STEPS)
    way = []
    for from_y, from_x in zip(weights @ y, weights @ x, strict=True):
        rows = from_y + np.multiply.outer(y - from_y, steps)
        columns = from_x + np.multiply.outer(x - from_x, steps)
        values = strength[
            np.rint(rows).astype(int), np.rint(columns).astype(int)
        ]
        way.append(values.max(1))
    barrier = np.reshape(way, seeds.shape)
    features = (np.ones_like(color), color, texture, barrier)
    odds = sum(
        weight * feature
        for weight, feature in zip(_AFFINITY, features, strict=True)
    )
    return np.clip(1 / (1 + np.exp(-odds)), 1 - _CERTAIN, _CERTAIN)


def _cut_figures(pairs, probability, affinity, seed):
    """Cut around a seed, for all smoothnesses and biases.

    Args:
        pairs: Array (m, 2) of int32, neighboring superpixels.
        probability: Array (m,), probabilities that a border is that of an
            object.
        affinity: Array (S,), probabilities that a superpixel belongs to the
            object of the seed.
        seed: Superpixels of the seed, an index of an array (S,).

    Returns:
        Membership (56, S) of bool. The biases change first.
    """
    degrees = np.bincount(pairs.ravel(), minlength=len(affinity))
    # Superpixels with many neighbors are not held back more than others.
    costs = -np.log(probability) * (1 / degrees[pairs]).sum(1)
    odds = np.log(affinity) - np.log1p(-affinity)
    odds = odds + _BIASES[:, np.newaxis]
    odds[:, seed] = _HARD
    gains = np.rint(odds * _UNITS).astype(np.int64)
    figures = []
    for smoothness in _SMOOTHNESS:
        capacities = np.rint(costs * smoothness * _UNITS).astype(np.int64)
        first = parametric_cuts(pairs, capacities, gains)
        figures.append(first <= np.arange(len(_BIASES))[:, np.newaxis])
    return np.concatenate(figures)


def _unique_rows(membership):
    """Drop repetitions of earlier rows."""
    _, first = np.unique(
        np.packbits(membership, axis=1), axis=0, return_index=True
    )
    return membership[np.sort(first)]


def _measure_quality(graph, parts):
    """Compute how much regions look like objects.

    Objects have strong borders, do not end at the frame of the image, and are
    not small.

    Returns:
        Array (k,) of float64 for the k regions.
    """
    first, second = (parts[:, side] for side in graph.pairs.T)
    border = first != second
    length = border @ graph.lengths
    strength = border @ (graph.lengths * graph.strengths)
    frame = parts @ _frame_lengths(graph.labels)
    features = (
        strength / np.maximum(length, 1),
        frame / np.maximum(frame + length, 1),
        np.log(parts @ graph.sizes / graph.labels.size),
    )
    return sum(
        weight * feature
        for weight, feature in zip(_QUALITY, features, strict=True)
    )


def _frame_lengths(labels):
    """Count the pixels of each superpixel at the sides of the image."""
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    return np.bincount(np.concatenate(sides), minlength=int(labels.max()) + 1)


def _rank(quality, overlaps, weights):
    """Choose regions one by one: those that are good, and unlike earlier ones.

    Args:
        quality: Array (k,), qualities of the regions.
        overlaps: Array (k, k), their IoU.
        weights: Four weights: of the highest IoU and of the sum of IoU, divided
            by k, with the regions that were chosen before, both times the
            weight of the rank, and of the same two without it.

    Returns:
        Tuple (order, scores). `order` (k,) int64 are the regions in the order
        in which they are chosen, `scores` (k,) float64 their values then.
    """
    count = len(quality)
    discounts = np.exp(-np.square(np.arange(count)) / _DECAY)
    discounts /= max(discounts.sum(), 1)
    order, scores = np.empty(count, np.int64), np.empty(count)
    left = np.ones(count, bool)
    highest, total = np.zeros(count), np.zeros(count)
    for place, discount in enumerate(discounts):
        mean = total / count
        values = discount * (quality - weights[0] * highest - weights[1] * mean)
        values -= (weights[2] * highest + weights[3] * mean) / count
        best = np.where(left, values, -np.inf).argmax()
        order[place], scores[place] = best, values[best]
        left[best] = False
        highest = np.maximum(highest, overlaps[best])
        total += overlaps[best]
    return order, scores
