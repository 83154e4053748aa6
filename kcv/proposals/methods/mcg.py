"""Multiscale combinatorial grouping (Arbelaez, Pont-Tuset et al., CVPR 2014).

image at three scales -> oriented watershed and spectral contours -> a
hierarchy for each scale, and one for all -> tuples of up to four neighbors ->
candidates without repetitions, ranked and diversified
"""

from collections.abc import Callable

import cv2
import numpy as np

from kcv.proposals.machines.contours.candidate_features import contrast
from kcv.proposals.machines.contours.candidate_features import (
    describe_candidates,
)
from kcv.proposals.machines.contours.contour_grid import draw_contours
from kcv.proposals.machines.contours.contour_hierarchy import Hierarchy
from kcv.proposals.machines.contours.contour_hierarchy import border_heights
from kcv.proposals.machines.contours.contour_hierarchy import group_contours
from kcv.proposals.machines.contours.contour_hierarchy import group_regions
from kcv.proposals.machines.contours.fused_candidates import Candidates
from kcv.proposals.machines.contours.fused_candidates import fuse_candidates
from kcv.proposals.machines.contours.hierarchy_alignment import align
from kcv.proposals.machines.contours.hierarchy_alignment import resize_labels
from kcv.proposals.machines.contours.node_tuples import top_tuples
from kcv.proposals.machines.contours.oriented_watershed import (
    oriented_watershed,
)
from kcv.proposals.machines.contours.spectral_contours import spectral_contours
from kcv.proposals.machines.images.edge_maps import checked_edges
from kcv.proposals.machines.images.edge_maps import soft_gradient_edges
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.segment_overlap import segment_boxes
from kcv.proposals.machines.regions.segment_runs import distinct_runs
from kcv.proposals.machines.regions.segment_runs import diversify_runs
from kcv.proposals.machines.regions.segment_runs import find_runs
from kcv.proposals.machines.regions.segment_runs import select_runs
from kcv.proposals.machines.windows.selection import suppress
from kcv.proposals.masks import SuperpixelMasks
from kcv.proposals.record import Proposals

_SCALES = (2.0, 1.0, 0.5)
# Numbers of single nodes, pairs, triplets and quadruples that the authors
# learned, for the hierarchy of all scales, and for those of half, single and
# double size.
_COUNTS = (
    (90, 2000, 300, 300),
    (500, 3000, 10000, 4000),
    (200, 5000, 5000, 300),
    (900, 700, 700, 200),
)
_SINGLE_SCALE_COUNTS = (700, 4000, 6000, 3000)
# IoU from which two candidates, or the boxes of two proposals, are the same.
_SAME = 0.95
_MAX_BOX_IOU = float(np.nextafter(_SAME, 0))
# The strength 0.35 becomes 0.5, and the slope there is 8 / 4.
_MIDDLE, _SLOPE = 0.35, 8.0


def mcg(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator | None = None,
    edges: Callable[
        [np.ndarray], tuple[np.ndarray, np.ndarray]
    ] = soft_gradient_edges,
    single_scale: bool = False,
    spectral: bool = True,
    diversity: float = 0.3,
    rank: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Proposals:
    """Combine neighboring regions of hierarchies at several scales.

    This is MCG of Arbelaez, Pont-Tuset, Barron, Marques and Malik, CVPR 2014.

    The paper finds edges by a structured forest and predicts the quality of a
    candidate by a random forest, neither of which can be shipped. By default,
    edges are the gradient in CIE L*a*b*, and the score is a stated rule: the
    mean strength of the contours around a candidate minus that of the contours
    inside, times the logarithm of its area in pixels over that of the image.
    Nothing is learned for it, so the order of the first proposals is where
    this function falls short of the paper. The numbers of tuples are those
    that the authors learned.

    There are two differences from the authors' code. It cuts the hierarchy of
    a scale at 100 levels before it aligns it, while all levels are kept here.
    It computes normalized cuts on a grid that is decimated twice. Here, the
    grid is decimated further if the image has more than 256,000 pixels at a
    scale.

    Args:
        image: RGB image (H, W, 3) uint8.
        max_proposals: Maximum number of proposals.
        rng: Not used. Defaults to None.
        edges: Function of an image that returns the strength of edges (H, W)
            in 0..1, and the orientation of their normals (H, W), in radians.
            The strength must not be thinned. The function is called with the
            image at each scale. Defaults to `soft_gradient_edges`.
        single_scale: Whether to use the image in its own size only, which is
            the authors' faster variant SCG. Defaults to False, for twice, one
            and half the size.
        spectral: Whether to add the contours of normalized cuts. Defaults to
            True.
        diversity: Weight of the largest overlap with the proposals before,
            which is subtracted from the score. Float in [0, 1]. Defaults to
            0.3, the value of the authors.
        rank: Function of the features (n, 16) of candidates that returns
            their scores (n,). The columns are those of the authors' random
            forest, `FEATURES` of
            `kcv.proposals.machines.contours.candidate_features`. Defaults to
            None, for the rule above.

    Returns:
        `Proposals` with boxes (n, 4) float64, scores (n,) float64, from which
        the overlap is subtracted, and masks.

    Raises:
        ValueError: If `edges` returns arrays of another size or numbers that
            are not finite, or `rank` does not return n finite numbers.

    Example:

    >>> image = np.zeros((40, 60, 3), np.uint8)
    >>> image[10:30, 20:50] = 200
    >>> found = mcg(image, 5, single_scale=True)
    >>> bool(np.abs(found.boxes[0] - [20, 10, 50, 30]).max() <= 1)
    True
    """
    scales = (1.0,) if single_scale else _SCALES
    hierarchies, contours = _hierarchies(image, scales, edges, spectral)
    counts = (_SINGLE_SCALE_COUNTS,) if single_scale else _COUNTS
    tuples = [
        top_tuples(hierarchy, find_borders(hierarchy.labels).pairs, own)
        for hierarchy, own in zip(hierarchies, counts, strict=True)
    ]
    candidates = fuse_candidates(hierarchies, tuples)
    areas = np.bincount(candidates.labels.ravel())
    runs = find_runs(candidates.membership, areas)
    kept = distinct_runs(runs, _SAME)
    candidates, runs = candidates.select(kept), select_runs(runs, kept)
    if rank is None:
        scores = _score(candidates, contours, runs.sizes)
    else:
        scores = _checked_scores(
            rank, describe_candidates(candidates, contours)
        )
    boxes = segment_boxes(candidates.membership, candidates.labels)
    # Equal scores keep the order of the candidates.
    best = np.argsort(-scores, kind="stable")
    runs, scores = select_runs(runs, best), scores[best]
    count = 2 * max_proposals  # before those with the same box are dropped
    while True:
        order, values = diversify_runs(runs, scores, 1 - diversity, count)
        chosen = best[order]
        kept = suppress(boxes[chosen], values, _MAX_BOX_IOU, max_proposals)
        if len(kept) == max_proposals or count >= len(scores):
            break
        count *= 2
    chosen = chosen[kept]
    return Proposals(
        boxes[chosen].astype(np.float64),
        values[kept],
        SuperpixelMasks(candidates.labels, candidates.membership[chosen]),
    )


def _hierarchies(image, scales, edges, spectral):
    """Group an image at all scales together, and at each one.

    Returns the list of the hierarchies, the smallest scale after the first
    one, and the largest contours of any of them.
    """
    own = [_group_scale(image, scale, edges, spectral) for scale in scales]
    if len(scales) == 1:
        (hierarchy,) = own
        hierarchy = hierarchy._replace(heights=_squash(hierarchy.heights))
        borders = find_borders(hierarchy.labels)
        strength = border_heights(hierarchy, borders.pairs)
        shape = image.shape[:2]
        return [hierarchy], draw_contours(borders, strength, shape)
    # All hierarchies have the superpixels of the largest scale.
    labels = resize_labels(own[0].labels, image.shape[:2])
    borders = find_borders(labels)
    aligned, strengths = [], []
    for hierarchy in own:
        hierarchy, leaves = align(hierarchy, labels)
        aligned.append(hierarchy)
        strengths.append(border_heights(hierarchy, leaves[borders.pairs]))
    fused = group_regions(
        labels,
        borders.pairs,
        np.mean(strengths, 0),
        np.diff(borders.starts),
    )
    fused = fused._replace(heights=_squash(fused.heights))
    strengths.append(border_heights(fused, borders.pairs))
    contours = draw_contours(borders, np.max(strengths, 0), image.shape[:2])
    return [fused, *aligned[::-1]], contours


def _group_scale(image, scale, edges, spectral) -> Hierarchy:
    """Scale an image and merge the regions of its oriented watershed."""
    height, width = image.shape[:2]
    if scale != 1:
        size = max(1, round(scale * width)), max(1, round(scale * height))
        way = cv2.INTER_LANCZOS4 if scale > 1 else cv2.INTER_AREA
        image = cv2.resize(image, size, interpolation=way)
    contours = oriented_watershed(*checked_edges(edges, image))
    if spectral:
        added = spectral_contours(contours)
        contours = np.where(contours > 0, contours + added, 0)
    return group_contours(contours)


def _squash(heights):
    """Map strengths above 0 to 0..1."""
    squashed = 1 / (1 + np.exp(-_SLOPE * (heights - _MIDDLE)))
    return np.where(heights > 0, squashed, 0)


def _score(candidates: Candidates, contours, sizes):
    """Rate candidates with strong contours around and weak ones inside."""
    outer, inner = contrast(candidates, contours)
    pixels = candidates.labels.size
    return (outer - inner) * np.log(sizes) / np.log(max(pixels, 2))


def _checked_scores(rank, features):
    scores = np.asarray(rank(features), np.float64)
    if scores.shape != (len(features),) or not np.isfinite(scores).all():
        raise ValueError(
            "`rank` must return a finite score for each row of the features. "
            f"Received: scores.shape={scores.shape} for features.shape="
            f"{features.shape}"
        )
    return scores
