"""RIGOR (Humayun, Li and Rehg, CVPR 2014).

edges -> watershed superpixels -> seeds in a grid -> for each seed, families of
minimum cuts for two kinds of costs and three kinds of background -> connected
parts of all figures -> the best one of each cluster of almost equal ones

The authors' program reuses the flow of one seed for the others. In kcv the cuts
of a family share their flow, see `kcv.proposals.machines.regions.min_cut`. The
cuts are the same.
"""

from collections.abc import Callable
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from kcv.proposals.machines.images.edge_maps import checked_edges
from kcv.proposals.machines.images.edge_maps import soft_gradient_edges
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
from kcv.proposals.machines.regions.figures import Figures
from kcv.proposals.machines.regions.figures import best_of_clusters
from kcv.proposals.machines.regions.figures import concatenate_figures
from kcv.proposals.machines.regions.figures import select_figures
from kcv.proposals.machines.regions.figures import split_figures
from kcv.proposals.machines.regions.region_graph import Borders
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.region_graph import reduce_borders
from kcv.proposals.machines.regions.region_graph import touched_sides
from kcv.proposals.machines.regions.segment_overlap import segment_boxes
from kcv.proposals.machines.superpixels.watershed import watershed
from kcv.proposals.masks import SuperpixelMasks
from kcv.proposals.record import Proposals

# Seeds in each direction, and the mean number of proposals of an image of VOC
# 2007 that Hosang et al. measured with them.
_GRIDS = (1, 2, 3, 4, 5, 8, 10, 16, 32)
_NUMBERS = (44, 155, 313, 497, 700, 1423, 1826, 2315, 2515)
_SEED_SIZE = 40.0  # pixels, in an image of at least _FULL_AREA
_FULL_AREA = 120_000  # square pixels
_MIN_CAPACITY = 0.007
_MAX_RATIO = 5000.0
_MIN_FIGURES = 5  # of each kind, whatever their ratios are
_NUM_COLORS = 5
_BLUR = 1.0  # standard deviation in pixels


class Costs(NamedTuple):
    """Settings of one of the two kinds of costs.

    Attributes:
        sigma: Scale of the strengths of edges, which are in 0..255. Defaults
            to 3.5.
        potts: Capacity of a pixel pair that does not depend on edges, in
            thousands. Defaults to 0.001.
        max_lambda: End of the values of lambda. Defaults to 20.
        frame_weights: Costs of a pixel of the frame in the figure, at the place
            that is farthest from the seed. There is one kind of background for
            each cost: the whole frame, and the frame without the bottom of the
            image. It is a guess that the second one lacks the bottom, because
            no values of the authors' program were available. Defaults to (1000,
            1100).
        color_weight: Gain of a pixel whose color is that of the seed. If 0,
            colors are not used. Defaults to 0.
    """

    sigma: float = 3.5
    potts: float = 0.001
    max_lambda: float = 20.0
    frame_weights: tuple[float, ...] = (1000.0, 1100.0)
    color_weight: float = 0.0


#: The settings of Hosang et al., which the authors use for edges from a
#: structured forest.
STRUCTURED_EDGES = (
    Costs(),
    Costs(potts=0.004, max_lambda=300.0, color_weight=100.0),
)
#: The authors' settings for other edges.
OTHER_EDGES = (
    Costs(1.0, 0.001, 20.0, (1000.0,)),
    Costs(1.5, 0.004, 300.0, (1000.0,), 200.0),
)


def blurred_gradient_edges(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find edges by the gradient in CIE L*a*b*, and blur them.

    The watershed of the gradient itself has up to 10,000 superpixels, because a
    gradient has more local minima than the map of a structured forest, for
    which the paper reports about 1,000. The watershed of the blurred gradient
    has 2,000 to 3,000 superpixels. With it, figures are better and are found in
    half the time.

    Args:
        image: RGB image (H, W, 3) uint8.

    Returns:
        Tuple (strength, orientation) as that of `soft_gradient_edges`.
    """
    strength, orientation = soft_gradient_edges(image)
    return cv2.GaussianBlur(strength, (0, 0), _BLUR), orientation


def rigor(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator,
    edges: Callable[
        [np.ndarray], tuple[np.ndarray, np.ndarray]
    ] = blurred_gradient_edges,
    grid: int | None = None,
    seed_size: float | None = None,
    costs: tuple[Costs, ...] = OTHER_EDGES,
    color_decay: float = 0.07,
    min_area: int = 100,
) -> Proposals:
    """Cut figures around seeds out of a graph of superpixels.

    This is RIGOR of Humayun, Li and Rehg, CVPR 2014.

    Hosang et al. ran the authors' program with edges from a structured forest
    and its settings for them, `STRUCTURED_EDGES`, in a grid of 8 seeds of 50
    pixels. kcv's default edges are the blurred gradient in CIE L*a*b*, and
    nothing is learned. The default settings are the authors' for
    other edges. The strength of a border is the median over its pixels. The
    paper predicts it by a regression, which is left out.

    A superpixel belongs to a seed if at least half of it lies in the square of
    the seed. If this holds for several seeds, it belongs to the nearest one.

    Args:
        image: RGB image (H, W, 3) uint8.
        max_proposals: Number of proposals. It determines the number of seeds,
            so fewer proposals are not the first ones of more. With grids of 1,
            2, 3, 4, 5, 8, 10, 16 and 32 seeds in each direction, an image has
            44, 155, 313, 497, 700, 1,423, 1,826, 2,315 and 2,515 proposals on
            average (Hosang et al., VOC 2007). The grid whose number is nearest
            is used. In an image of less than 120,000 pixels, where a seed has
            fewer figures, the next larger grid is used.
        rng: Generator for the clustering of colors.
        edges: Function of an image that returns the strength of edges (H, W)
            in 0..1, and the orientation of their normals (H, W), which is not
            used. Edges must not be thinned. Defaults to
            `blurred_gradient_edges`.
        grid: Number of seeds in each direction. If None, `max_proposals`
            determines it. Defaults to None.
        seed_size: Side of the square of a seed, in pixels. If None, it is 40,
            as in the authors' program, or less in an image of less than
            120,000 pixels, in proportion to the area. Defaults to None.
        costs: Kinds of costs. Defaults to `OTHER_EDGES`, which has two kinds:
            in the first one all pixels cost the same, in the second one the
            cost depends on their color.
        color_decay: Factor of the distance of colors, which is the sum of the
            absolute differences of L* (scaled to 0..255), a* and b*. Defaults
            to 0.07.
        min_area: Minimum area of a figure, in pixels. Defaults to 100.

    Returns:
        `Proposals` with boxes (n, 4) int32 and masks. The kinds of costs and
        backgrounds alternate. Figures of a kind come in the order of their
        mean capacity on the cut, the lowest first.

    Raises:
        ValueError: If `edges` returns maps of another size or with numbers
            that are not finite, or `grid` is not positive.

    Example:

    >>> image = np.zeros((60, 80, 3), np.uint8)
    >>> image[20:45, 30:60] = 200
    >>> found = rigor(image, 100, np.random.default_rng(0))
    >>> [30, 20, 60, 45] in found.boxes.tolist()
    True
    """
    share = min(1.0, image.shape[0] * image.shape[1] / _FULL_AREA)
    if seed_size is None:
        seed_size = _SEED_SIZE * share
    if grid is None:
        nearest = int(np.abs(np.subtract(_NUMBERS, max_proposals)).argmin())
        larger = min(nearest + 1, len(_GRIDS) - 1)
        grid = _GRIDS[nearest if share == 1 else larger]
    if grid < 1:
        raise ValueError(f"`grid` must be positive. Received: grid={grid}")
    strength = 255 * checked_edges(edges, image)[0].astype(np.float64)
    labels = watershed(strength, connectivity=8)
    borders = find_borders(labels)
    strengths = superpixel_strengths(borders, strength)
    regions = _describe(image, labels)
    seeds = place_seeds(labels, grid, seed_size)
    kinds = []
    for kind in costs:
        capacities = superpixel_capacities(
            borders, strengths, kind.sigma, kind.potts
        )
        graph = Graph(borders.pairs, capacities, regions.areas)
        lambdas = lambda_values(kind.max_lambda)
        for families in _terminals(regions, seeds, kind, color_decay, rng):
            firsts = (cut_family(graph, own, lambdas) for own in families)
            figures = [
                split_figures(graph, first, len(lambdas), min_area)
                for first in firsts
            ]
            kinds.append(filter_figures(concatenate_figures(figures)))
    ranks = np.concatenate([np.arange(len(kind.areas)) for kind in kinds])
    membership = concatenate_figures(kinds).membership
    membership = membership[np.argsort(ranks, kind="stable")]
    return Proposals(
        segment_boxes(membership, labels),
        masks=SuperpixelMasks(labels, membership),
    )


def superpixel_strengths(borders: Borders, strength: np.ndarray) -> np.ndarray:
    """Measure edges on the borders of superpixels.

    First, each pixel that is not at a border is added to the weakest of its
    neighbors that are at a border. If several pixels are added to the same one,
    the last of them counts. The strength of a border is then the median, over
    its pixel pairs, of the absolute difference of both pixels.

    Args:
        borders: Borders, as `find_borders` returns them.
        strength: Strength of edges (H, W) in 0..255.

    Returns:
        Strengths (m,) float64 of the m borders.
    """
    height, width = strength.shape
    inside = np.ones(strength.shape, bool)
    inside.flat[borders.first] = inside.flat[borders.second] = False
    padded = np.pad(
        np.where(inside, np.inf, strength), 1, constant_values=np.inf
    )
    steps = ((0, -1), (-1, 0), (1, 0), (0, 1))
    neighbors = np.stack(
        [
            padded[1 + y : 1 + y + height, 1 + x : 1 + x + width]
            for y, x in steps
        ]
    )
    weakest = neighbors.argmin(0)
    moved = inside & (strength > 0) & np.isfinite(neighbors.min(0))
    gathered = strength.copy()
    # The last one in the authors' order is the one to the right.
    for number in (3, 2, 1, 0):
        y, x = np.nonzero(moved & (weakest == number))
        to = y + steps[number][0], x + steps[number][1]
        gathered[to] = strength[to] + strength[y, x]
    gathered = gathered.ravel()
    return reduce_borders(
        borders,
        np.abs(gathered[borders.first] - gathered[borders.second]),
        "median",
    )


def superpixel_capacities(
    borders: Borders, strengths: np.ndarray, sigma: float, potts: float
) -> np.ndarray:
    """Add up the capacities of the pixel pairs on the borders.

    Args:
        borders: Borders, as `find_borders` returns them.
        strengths: Strengths (m,) of the m borders in 0..255.
        sigma: Scale of the strengths.
        potts: Capacity of a pixel pair that does not depend on edges, in
            thousands.

    Returns:
        Capacities (m,) int64. They grow with the lengths of the borders.
    """
    values = np.repeat(strengths, np.diff(borders.starts))
    capacities = border_capacities(values, sigma, potts + _MIN_CAPACITY)
    total = reduce_borders(borders, capacities, "sum")
    return np.rint(total).astype(np.int64)


def place_seeds(labels: np.ndarray, grid: int, size: float) -> np.ndarray:
    """Find the superpixels of seeds in a regular grid.

    Args:
        labels: Superpixels (H, W) int32, numbered from 0.
        grid: Number of seeds in each direction.
        size: Side of the square of a seed, in pixels.

    Returns:
        Array (k, n) of bool, whether a superpixel belongs to a seed. No two
        seeds have the same superpixel. A seed without a superpixel is left
        out, so that k may be less than grid * grid.
    """
    areas = np.bincount(labels.ravel())
    count = len(areas)
    places = _means(labels, np.indices(labels.shape))
    owner = np.full(count, -1)
    nearest = np.full(count, np.inf)
    boxes = seed_boxes(labels.shape, grid, size)
    for number, (left, top, right, bottom) in enumerate(boxes):
        window = labels[top:bottom, left:right]
        inside = 2 * np.bincount(window.ravel(), minlength=count) >= areas
        center = (top + bottom) / 2, (left + right) / 2
        # A superpixel that is larger than the square.
        inside[labels[int(center[0]), int(center[1])]] = True
        distance = np.hypot(*(places - center).T)
        closer = inside & (distance < nearest)
        owner[closer], nearest[closer] = number, distance[closer]
    return owner == np.unique(owner[owner >= 0])[:, np.newaxis]


def filter_figures(figures: Figures) -> Figures:
    """Drop near duplicates and badly separated figures of one kind.

    Args:
        figures: Figures of one kind of costs and background.

    Returns:
        The figures that are left, in the order of their ratios.
    """
    order = np.argsort(figures.ratios, kind="stable")
    limit = max(_MIN_FIGURES, (figures.ratios <= _MAX_RATIO).sum())
    figures = select_figures(figures, order[:limit])
    kept = best_of_clusters(figures.membership, figures.ratios)
    return select_figures(figures, kept)


class _Regions(NamedTuple):
    """The superpixels."""

    areas: np.ndarray  # (n,) int64
    places: np.ndarray  # (n, 2) float64, mean y and x
    colors: np.ndarray  # (n, 3) float64, mean L* (scaled to 0..255), a*, b*
    sides: np.ndarray  # (n, 4) bool, at the top, bottom, left, right


def _describe(image, labels):
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return _Regions(
        np.bincount(labels.ravel()),
        _means(labels, np.indices(labels.shape)),
        _means(labels, np.moveaxis(lab * np.float32([2.55, 1, 1]), -1, 0)),
        touched_sides(labels),
    )


def _means(labels, channels):
    """Mean of each channel (c, H, W) over each superpixel, (n, c)."""
    flat = labels.ravel()
    sums = [np.bincount(flat, channel.ravel()) for channel in channels]
    return np.stack(sums, 1) / np.bincount(flat)[:, np.newaxis]


def _terminals(
    regions: _Regions,
    seeds: np.ndarray,
    kind: Costs,
    decay: float,
    rng: np.random.Generator,
) -> Iterator[list[Terminals]]:
    """Terminals for each seed, for each kind of background."""

    def compare(members):
        if not kind.color_weight:
            return None
        centers = dominant_colors(regions.colors[members], _NUM_COLORS, rng)
        affinity = color_affinity(regions.colors, centers, decay)
        return kind.color_weight * affinity

    areas = regions.areas
    affinities = [compare(seed) for seed in seeds]
    yield [
        internal_terminals(areas, seed, affinity)
        for seed, affinity in zip(seeds, affinities, strict=True)
    ]
    sides = regions.sides
    frames = (sides.any(1), sides[:, [0, 2, 3]].any(1))
    for frame, weight in zip(frames, kind.frame_weights, strict=False):
        ground = compare(frame)
        families = []
        for seed, affinity in zip(seeds, affinities, strict=True):
            center = np.average(regions.places[seed], 0, areas[seed])
            costs = frame_costs(regions.places, frame & ~seed, center, weight)
            families.append(
                external_terminals(areas, seed, costs, affinity, ground)
            )
        yield families
