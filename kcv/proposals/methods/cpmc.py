"""CPMC: constrained parametric min-cuts (Carreira, Sminchisescu, PAMI 2012).

edges -> graph of pixels at half the size of the image -> families of minimum
cuts for seeds in a grid, for the colors of segments, and for windows ->
connected parts of all figures -> the best one of each cluster of almost equal
ones -> scores -> maximal marginal relevance
"""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from kcv.proposals.machines.images.edge_maps import checked_edges
from kcv.proposals.machines.images.edge_maps import gradient_edges
from kcv.proposals.machines.regions.figure_ground import Graph
from kcv.proposals.machines.regions.figure_ground import border_capacities
from kcv.proposals.machines.regions.figure_ground import cut_family
from kcv.proposals.machines.regions.figure_ground import lambda_values
from kcv.proposals.machines.regions.figures import best_of_clusters
from kcv.proposals.machines.regions.figures import concatenate_figures
from kcv.proposals.machines.regions.figures import select_figures
from kcv.proposals.machines.regions.figures import split_figures
from kcv.proposals.machines.regions.pixel_terminals import color_terminals
from kcv.proposals.machines.regions.pixel_terminals import uniform_terminals
from kcv.proposals.machines.regions.pixel_terminals import window_terminals
from kcv.proposals.machines.regions.segment_overlap import segment_boxes
from kcv.proposals.machines.regions.segment_overlap import segment_iou
from kcv.proposals.machines.superpixels.graph_segmentation import segment
from kcv.proposals.machines.superpixels.graph_segmentation import sorted_edges
from kcv.proposals.machines.windows.selection import diversify
from kcv.proposals.masks import SuperpixelMasks
from kcv.proposals.record import Proposals

_MIN_CAPACITY = 0.007
_BINS = 16  # of the histograms of colors, per channel
# MATLAB's bicubic kernel for half the size.
_HALF = np.array([-3, -9, 29, 111, 111, 29, -9, -3]) / 256


class Segmenter(NamedTuple):
    """Settings of one of the three kinds of figures.

    Attributes:
        sigma: Scale of the strengths of edges, which are in 0..255.
        potts: Capacity of a pixel pair that does not depend on edges, in
            thousands.
        max_lambda: End of the values of lambda.
        max_ratio: Maximum mean capacity of the pixel pairs on a cut.
    """

    sigma: float
    potts: float
    max_lambda: float
    max_ratio: float


UNIFORM = Segmenter(1.0, 0.001, 150.0, 100.0)
LONG_RANGE = Segmenter(2.0, 0.004, 300.0, 250.0)
FRAMES = Segmenter(0.8, 0.002, 150.0, 100.0)


def cpmc(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator,
    edges: Callable[
        [np.ndarray], tuple[np.ndarray, np.ndarray]
    ] = gradient_edges,
    min_area: int = 400,
    weight: float = 0.75,
) -> Proposals:
    """Cut figures out of the graph of pixels, and rank them.

    This is CPMC of Carreira and Sminchisescu, PAMI 2012.

    The edges and the ranking of the paper are learned, and the authors' models
    are for non-commercial use only. kcv's default for the edges is the thinned
    gradient in CIE L*a*b*. The score is a rule of three terms: the mean
    capacity on the cut counts against a figure, as does the mean strength of
    edges inside, and the distance of the color histograms of figure and ground
    counts for it. The order is therefore less good than the paper's. The set
    of figures is not affected.

    Figures come from three kinds of families: of 50 seeds in a grid and of the
    sides of the image; of the colors of up to 25 segments; and of 36 windows
    with and without the colors in their centers. All cuts of seeds and of
    windows without colors are those of the authors' program on a test image.
    Where windows lie was found from cuts of that program, to a pixel.

    Args:
        image: RGB image (H, W, 3) uint8.
        max_proposals: Not used. All figures are returned, the best first.
            There are a few hundred in a photograph.
        rng: Generator for the clustering of colors.
        edges: Function of an image that returns the strength of edges (H, W)
            in 0..1, and the orientation of their normals (H, W), which is not
            used. Defaults to `gradient_edges`.
        min_area: Minimum area of a figure, in pixels. Defaults to 400.
        weight: Weight of the score in the selection. The rest is the weight of
            the overlap with figures that are selected before. Float in [0, 1].
            Defaults to 0.75, as in the paper.

    Returns:
        `Proposals` with boxes (n, 4) int32, scores (n,) float64 and masks,
        whose pixels are squares of 2 x 2 pixels.

    Raises:
        ValueError: If `edges` returns maps of another size or with numbers
            that are not finite.

    Example:

    >>> image = np.zeros((60, 80, 3), np.uint8)
    >>> image[20:44, 30:60] = 200
    >>> found = cpmc(image, 20, np.random.default_rng(0))
    >>> [30, 20, 60, 44] in found.boxes.tolist()
    True
    """
    strength = half_size(255 * checked_edges(edges, image)[0].astype(float))
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    scaled = lab * np.array([2.55, 1, 1]) + np.array([0, 128, 128])
    colors = half_size(scaled)
    shape = strength.shape
    kinds = (
        (UNIFORM, uniform_terminals(shape)),
        (LONG_RANGE, color_terminals(colors, _segment_seeds(image), rng)),
        (FRAMES, window_terminals(colors, rng)),
    )
    figures = concatenate_figures(
        [
            _figures(strength, segmenter, families, min_area // 4)
            for segmenter, families in kinds
        ]
    )
    sample = _every(shape, 0.6)
    coarse = figures.membership[:, sample]
    scores = _scores(
        coarse, colors.reshape(-1, 3)[sample], strength.flat[sample]
    )
    scores -= figures.ratios / 1000
    overlaps = segment_iou(coarse, coarse)
    order, values = diversify(scores, overlaps.__getitem__, weight)
    rows, columns = (np.arange(length) // 2 for length in image.shape[:2])
    labels = rows[:, np.newaxis] * shape[1] + columns
    membership = figures.membership[order]
    return Proposals(
        segment_boxes(membership, labels),
        values,
        SuperpixelMasks(labels, membership),
    )


def half_size(values: np.ndarray) -> np.ndarray:
    """Scale a map to half its height and width, rounded up.

    The kernel is the bicubic one of twice the width, so that nothing finer
    than the new pixels remains.

    Args:
        values: Array (H, W) or (H, W, C) float64.

    Returns:
        Array of the same dtype.
    """
    smooth = cv2.sepFilter2D(
        values, -1, _HALF, _HALF, anchor=(3, 3), borderType=cv2.BORDER_REFLECT
    )
    return smooth[::2, ::2]


def pixel_pairs(shape: tuple[int, int]) -> np.ndarray:
    """List the pairs of pixels that are neighbors in a row or a column.

    Args:
        shape: Height and width.

    Returns:
        Pairs (m, 2) int32 of pixels y * W + x.
    """
    pixels = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    return np.concatenate(
        [
            np.stack([pixels[:, :-1].ravel(), pixels[:, 1:].ravel()], 1),
            np.stack([pixels[:-1].ravel(), pixels[1:].ravel()], 1),
        ]
    )


def pixel_graph(strength: np.ndarray, sigma: float, potts: float) -> Graph:
    """Make the graph of the pixels of an edge map.

    The strength of a pixel pair is the absolute difference of both pixels.

    Args:
        strength: Strength of edges (H, W) float64 in 0..255.
        sigma: Scale of the strengths.
        potts: Capacity that does not depend on edges, in thousands.

    Returns:
        The `Graph` of the pixels y * W + x.
    """
    pairs = pixel_pairs(strength.shape)
    flat = strength.ravel()
    differences = np.abs(flat[pairs[:, 0]] - flat[pairs[:, 1]])
    capacities = border_capacities(differences, sigma, potts + _MIN_CAPACITY)
    return Graph(
        pairs,
        np.rint(capacities).astype(np.int64),
        np.ones(len(flat), np.int64),
    )


def _figures(strength, segmenter, families, min_area):
    """Figures of one segmenter, without near duplicates."""
    graph = pixel_graph(strength, segmenter.sigma, segmenter.potts)
    lambdas = lambda_values(segmenter.max_lambda)
    parts = []
    for terminals in families:
        first = cut_family(graph, terminals, lambdas)
        figures = split_figures(graph, first, len(lambdas), min_area)
        parts.append(
            select_figures(figures, figures.ratios <= segmenter.max_ratio)
        )
    figures = concatenate_figures(parts)
    coarse = figures.membership[:, _every(strength.shape, 0.6)]
    return select_figures(figures, best_of_clusters(coarse, figures.ratios))


def _every(shape, share):
    """Numbers of the pixels that remain if a map is scaled by `share`."""
    rows, columns = (
        (np.arange(max(1, round(share * length))) / share).astype(int)
        for length in shape
    )
    return (rows[:, np.newaxis] * shape[1] + columns).ravel()


def _segment_seeds(image, count=25, size=8):
    """Seeds (k, 4) in the centers of the largest segments of an image.

    Boxes are in pixels of half the size.
    """
    labels = segment(sorted_edges(image), 100, 100)
    areas = np.bincount(labels.ravel())
    largest = np.argsort(-areas, kind="stable")[:count]
    corners = []
    for places, length in zip(
        np.indices(labels.shape), labels.shape, strict=True
    ):
        centers = np.bincount(labels.ravel(), places.ravel()) / areas
        start = np.rint(centers[largest] / 2 - size / 2)
        limit = max(0, (length + 1) // 2 - size)
        corners.append(np.clip(start, 0, limit).astype(int))
    top, left = corners
    return np.stack([left, top, left + size, top + size], 1)


def _scores(membership, colors, strength):
    """Scores (n,) of figures by a rule, see `cpmc`.

    Arguments are for the same pixels: membership (n, p) bool, colors (p, 3) in
    0..255, strength (p,) in 0..255.
    """
    figures = membership.astype(np.float32)
    sizes = figures.sum(1)[:, np.newaxis]
    bins = np.clip(colors * _BINS / 256, 0, _BINS - 1).astype(int)
    scores = -(figures @ strength.astype(np.float32)) / (255 * sizes[:, 0])
    for channel in bins.T:
        own = np.eye(_BINS, dtype=np.float32)[channel]
        figure = figures @ own
        ground = (own.sum(0) - figure) / (len(channel) - sizes)
        figure /= sizes
        both = np.maximum(figure + ground, 1e-9)
        # Half the chi-square distance is in [0, 1].
        scores += (np.square(figure - ground) / both).sum(1) / 6
    return scores
