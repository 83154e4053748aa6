"""CPMC: constrained parametric min-cuts (Carreira, Sminchisescu, PAMI 2012).

edges -> graph of pixels at half the size of the image -> families of minimum
cuts for seeds in a grid, for the colors of segments, and for windows ->
connected parts of all figures -> the best one of each cluster of almost equal
ones -> scores -> maximal marginal relevance
"""

from collections.abc import Callable
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from kcv.proposals.machines.images.edge_maps import checked_edges
from kcv.proposals.machines.images.edge_maps import gradient_edges
from kcv.proposals.machines.regions.figure_ground import HARD
from kcv.proposals.machines.regions.figure_ground import Graph
from kcv.proposals.machines.regions.figure_ground import Terminals
from kcv.proposals.machines.regions.figure_ground import border_capacities
from kcv.proposals.machines.regions.figure_ground import cut_family
from kcv.proposals.machines.regions.figure_ground import external_terminals
from kcv.proposals.machines.regions.figure_ground import internal_terminals
from kcv.proposals.machines.regions.figure_ground import lambda_values
from kcv.proposals.machines.regions.figure_seeds import color_affinity
from kcv.proposals.machines.regions.figure_seeds import dominant_colors
from kcv.proposals.machines.regions.figure_seeds import frame_costs
from kcv.proposals.machines.regions.figure_seeds import seed_boxes
from kcv.proposals.machines.regions.figures import best_of_clusters
from kcv.proposals.machines.regions.figures import concatenate_figures
from kcv.proposals.machines.regions.figures import select_figures
from kcv.proposals.machines.regions.figures import split_figures
from kcv.proposals.machines.regions.segment_overlap import segment_boxes
from kcv.proposals.machines.regions.segment_overlap import segment_iou
from kcv.proposals.machines.superpixels.graph_segmentation import segment
from kcv.proposals.machines.superpixels.graph_segmentation import sorted_edges
from kcv.proposals.machines.windows.selection import diversify
from kcv.proposals.masks import SuperpixelMasks
from kcv.proposals.record import Proposals

_MIN_CAPACITY = 0.007
_NUM_COLORS = 5
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

    The edges and the ranking of the paper are learned, and the authors' models
    are for non-commercial use only. kcv's default for the edges is the thinned
    gradient in CIE L*a*b*. The score is a rule of three terms: the mean
    capacity on the cut counts against a figure, as does the mean strength of
    edges inside, and the distance of the color histograms of figure and ground
    counts for it. The order is therefore less good than the paper's. The set
    of figures is not affected.

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
        (FRAMES, window_terminals(shape)),
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


def uniform_terminals(
    shape: tuple[int, int],
    grid: int = 5,
    internal_size: float = 20.0,
    external_size: float = 10.0,
    frame_weight: float = 1000.0,
) -> Iterator[Terminals]:
    """Make terminals by which all pixels off the seed cost the same.

    Args:
        shape: Height and width of the graph of pixels.
        grid: Number of seeds in each direction. Defaults to 5.
        internal_size: Side of a seed without a known ground. Defaults to 20.
        external_size: Side of a seed whose ground is the frame. Defaults to
            10.
        frame_weight: Cost of the pixel of the frame that is farthest from the
            seed. Defaults to 1000.

    Yields:
        The `Terminals` of the seeds without a ground, those of the seeds with
        one, and those without a seed, whose ground is the frame, its rows, its
        columns, or the frame without the bottom.
    """
    places = _places(shape)
    sides = _sides(shape)
    frame = sides.any(0)
    ones = np.ones(len(frame))
    for seed, _ in _seeds(seed_boxes(shape, grid, internal_size), shape):
        yield internal_terminals(ones, seed)
    for seed, center in _seeds(seed_boxes(shape, grid, external_size), shape):
        costs = frame_costs(places, frame & ~seed, center, frame_weight)
        yield external_terminals(ones, seed, costs)
    no_seed = np.zeros(len(frame), bool)
    for used in ([0, 1, 2, 3], [0, 1], [2, 3], [0, 2, 3]):
        costs = frame_weight * sides[used].any(0)
        yield external_terminals(ones, no_seed, costs)


def color_terminals(
    colors: np.ndarray,
    seeds: np.ndarray,
    rng: np.random.Generator,
    weight: float = 200.0,
    decay: float = 0.07,
    frame_weight: float = 1000.0,
) -> Iterator[Terminals]:
    """Make terminals by which pixels with the colors of a seed gain.

    Args:
        colors: Colors (H, W, 3) of the pixels of the graph.
        seeds: Boxes (k, 4) of the seeds, xyxy, half-open.
        rng: Generator for the clustering of colors.
        weight: Gain of a pixel whose color is that of the seed. Defaults to
            200.
        decay: Factor of the distance of colors. Defaults to 0.07.
        frame_weight: Cost of the pixel of the frame that is farthest from the
            seed. Defaults to 1000.

    Yields:
        For each seed, the `Terminals` without a known ground and those whose
        ground is the frame.
    """
    shape = colors.shape[:2]
    places, frame = _places(shape), _sides(shape).any(0)
    flat = colors.reshape(-1, 3)
    ones = np.ones(len(flat))

    def compare(members):
        centers = dominant_colors(flat[members], _NUM_COLORS, rng)
        return weight * color_affinity(flat, centers, decay)

    ground = compare(frame)
    for seed, center in _seeds(seeds, shape):
        affinity = compare(seed)
        yield internal_terminals(ones, seed, affinity)
        costs = frame_costs(places, frame & ~seed, center, frame_weight)
        yield external_terminals(ones, seed, costs, affinity, ground)


def window_terminals(
    shape: tuple[int, int], grid: int = 6, size: float = 75.0
) -> Iterator[Terminals]:
    """Make terminals of figures inside windows, without a seed.

    Args:
        shape: Height and width of the graph of pixels.
        grid: Number of windows in each direction. Defaults to 6.
        size: Side of a window, which is clipped to the image. Defaults to 75,
            which is 150 pixels of the image. The windows of the authors'
            program depend on the image in a way that is not published.

    Yields:
        The `Terminals` of each window.
    """
    for number in range(grid * grid):
        spans = []
        for place, length in zip(divmod(number, grid), shape, strict=True):
            center = (place + 0.5) * length / grid
            start = min(length - 1, max(0, round(center - size / 2)))
            spans.append(slice(start, max(start + 1, round(center + size / 2))))
        inside = np.zeros(shape)
        inside[tuple(spans)] = 1
        slope = inside.ravel()
        sink = np.where(slope > 0, 0.0, HARD)
        yield Terminals(np.zeros(len(slope)), slope, sink, slope)


def _places(shape):
    return np.indices(shape).reshape(2, -1).T.astype(np.float64)


def _sides(shape):
    """Pixels of the top, the bottom, the left and the right, (4, n) bool."""
    sides = np.zeros((4, *shape), bool)
    sides[0, :1] = sides[1, -1:] = sides[2, :, :1] = sides[3, :, -1:] = True
    return sides.reshape(4, -1)


def _seeds(boxes, shape):
    """Yield the pixels of each box, and their center as (y, x)."""
    for left, top, right, bottom in boxes:
        seed = np.zeros(shape, bool)
        seed[top:bottom, left:right] = True
        yield seed.ravel(), ((top + bottom - 1) / 2, (left + right - 1) / 2)


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
