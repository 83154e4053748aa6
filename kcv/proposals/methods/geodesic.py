"""Geodesic object proposals (Krähenbühl and Koltun, ECCV 2014).

image -> edges -> superpixels -> seeds far from one another -> geodesic
distances from each seed and from the sides of the image -> the level sets that
stand out -> those that differ
"""

import itertools
from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kcv.proposals.machines.images.edge_maps import checked_edges
from kcv.proposals.machines.images.edge_maps import soft_gradient_edges
from kcv.proposals.machines.regions.geodesics import DistanceMaps
from kcv.proposals.machines.regions.geodesics import distances_to_set
from kcv.proposals.machines.regions.geodesics import farthest_seeds
from kcv.proposals.machines.regions.geodesics import geodesic_graph
from kcv.proposals.machines.regions.region_graph import border_strengths
from kcv.proposals.machines.regions.region_graph import touched_sides
from kcv.proposals.machines.regions.segment_overlap import distinct_segments
from kcv.proposals.machines.regions.segment_overlap import segment_boxes
from kcv.proposals.machines.superpixels.geodesic_superpixels import (
    geodesic_superpixels,
)
from kcv.proposals.masks import SuperpixelMasks
from kcv.proposals.record import Proposals


class Budget(NamedTuple):
    """Numbers that determine how many proposals there are.

    Attributes:
        seeds: Number of seeds.
        levels: Maximum number of level sets of a distance map.
        max_iou: Maximum IoU of two proposals, counted in superpixels.
    """

    seeds: int
    levels: int
    max_iou: float


#: The larger budgets with which Hosang et al. ran the method. They gave 1298,
#: 2090, 3575, 5103 and 6980 proposals for an image of VOC 2007.
BUDGETS = (
    Budget(125, 7, 0.9),
    Budget(150, 10, 0.9),
    Budget(180, 15, 0.9),
    Budget(200, 20, 0.9),
    Budget(220, 40, 0.9),
)
_MIN_AREA = 16  # of a superpixel, in pixels, so that small images have fewer
_SIDE = 4  # depth of a side of the image, in pixels
# Exponent of the strength of a border, for edges that are not learned. The
# authors' program has 0.8 for Sobel edges that are relative to their
# surroundings, which makes weak ones stronger.
_POWER = 0.65
_STEP = 0.002  # length of a step where there is no edge
_LONGEST = 2 * (1 + _STEP)  # the largest gap of a difference of two distances
_SEED_SIZES = 0.0, 0.75  # of level sets around a seed, shares of the image
_CENTER_SIZES = 0.1, 1.0  # of level sets of what is far from some sides


def geodesic(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator | None = None,
    *,
    edges: Callable[
        [np.ndarray], tuple[np.ndarray, np.ndarray]
    ] = soft_gradient_edges,
    superpixels: int = 1000,
    budgets: Sequence[Budget] = BUDGETS,
) -> Proposals:
    """Propose what is close to a seed, where steps across edges are long.

    These are the geodesic object proposals of Krähenbühl and Koltun, ECCV 2014.

    A distance map has the distances of all superpixels from a seed, or these
    minus the distances from the frame of the image, or the negative distances
    from some of the four sides. Its proposals are the level sets at the
    largest gaps between successive distances.

    Seeds are those of the paper without learning: each is as far as possible
    from those before it. The paper also learns where to place seeds, and sets
    of foreground and background, from images with masks. Their files are not
    part of kcv. Strengths of borders are raised to the power of 0.65, since
    kcv's edges are not relative to their surroundings as those of the authors'
    Sobel detector are, for which the power is 0.8.

    The size of the gap is the score. If a budget gives too few proposals, the
    next one adds level sets that overlap no earlier proposal too much, and
    they come after those. Hosang et al. used smaller budgets for few
    proposals; here, few are the best ones of the smallest budget.

    Args:
        image: RGB image (H, W, 3) uint8.
        max_proposals: Number of proposals from which no further budget is
            used. More may be returned.
        rng: Not used. Defaults to None.
        edges: Function of an image that returns the strength of edges (H, W)
            float32 in 0..1, and the orientation of their normals (H, W)
            float32 in 0..pi. Edges must not be thinned. Defaults to
            `soft_gradient_edges`. The paper has a structured forest:
            `structured_edges(model, thin=False)`.
        superpixels: Number of superpixels to aim for. A superpixel has at
            least 16 pixels on average. Defaults to 1000, as in the paper.
        budgets: At least one budget, the smallest first. Presets of the paper
            without learning are one budget each: (130, 5, 0.8), (150, 7,
            0.85), (200, 10, 0.9) or (300, 15, 0.9). Defaults to `BUDGETS`.

    Returns:
        `Proposals` with boxes (n, 4) int32, scores (n,) float64 and masks. The
        score is the size of the gap, as a share of the largest gap that is
        possible, minus the number of the budget, which counts from 0.

    Raises:
        ValueError: If `edges` returns arrays of another size than the image,
            or values that are not finite.

    Example:

    >>> image = np.zeros((120, 160, 3), np.uint8)
    >>> image[30:90, 40:120] = 200
    >>> found = geodesic(image, 10)
    >>> found.boxes[0].tolist()
    [40, 30, 120, 90]
    """
    strength, orientation = checked_edges(edges, image)
    count = min(superpixels, max(1, strength.size // _MIN_AREA))
    labels = geodesic_superpixels(strength, orientation, count)
    pairs, strengths = border_strengths(labels, strength, "median", orientation)
    lengths = np.clip(strengths, 0, 1) ** (3 * _POWER) + _STEP
    maps, num_far = _distance_maps(
        geodesic_graph(pairs, lengths, labels.max() + 1),
        touched_sides(labels, _SIDE),
        max(budget.seeds for budget in budgets),
    )
    membership = np.zeros((0, labels.max() + 1), bool)
    scores = np.zeros(0)
    for number, budget in enumerate(budgets):
        levels = maps.critical_levels(
            budget.levels, budget.max_iou, num_far + 2 * budget.seeds
        )
        best = np.argsort(-levels.gaps, kind="stable")
        candidates = maps.level_sets(levels)[best]
        own_scores = levels.gaps[best] / _LONGEST - number
        accepted = len(membership)
        membership = np.concatenate([membership, candidates])
        scores = np.concatenate([scores, own_scores])
        kept = distinct_segments(
            membership, budget.max_iou, num_accepted=accepted
        )
        membership, scores = membership[kept], scores[kept]
        boxes = segment_boxes(membership, labels)
        if len(np.unique(boxes, axis=0)) >= max_proposals:
            break
    return Proposals(boxes, scores, SuperpixelMasks(labels, membership))


def _distance_maps(graph, sides, num_seeds):
    """Compute the maps far from sides, their number, and those of seeds."""
    from_sides = [
        distances_to_set(graph, sides[:, [*subset]].any(1))
        for size in range(1, 5)
        for subset in itertools.combinations(range(4), size)
    ]
    _, from_seeds = farthest_seeds(graph, num_seeds)
    # Of each seed, the map without a background, and with the frame as one.
    around_seeds = np.stack([from_seeds, from_seeds - from_sides[-1]], axis=1)
    far = -np.array(from_sides)
    distances = np.concatenate([far, around_seeds.reshape(-1, len(sides))])
    is_far = np.arange(len(distances)) < len(far)
    sizes = [
        np.where(is_far, center, around)
        for center, around in zip(_CENTER_SIZES, _SEED_SIZES, strict=True)
    ]
    return DistanceMaps(distances, *sizes), len(far)
