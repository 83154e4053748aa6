"""A category-independent object detection cascade (Rahtu et al., ICCV 2011).

Windows around superpixels and windows as they occur in VOC are scored by a
linear function of four cues. Its weights are those of the authors (MIT
license, see kcv/proposals/learned/README.md). Their prior of windows,
histograms of VOC, is replaced by a normal distribution with the statistics of
VOC 2007 trainval. The boxes are about the authors' all the same: of the
authors' first 200 boxes, the best of kcv's first 1,000 has a mean IoU of 0.83
on scikit-image's chelsea and 0.85 on astronaut.
"""

from collections.abc import Callable

import cv2
import numpy as np

from kcv.proposals.machines.images.edge_maps import canny_edges
from kcv.proposals.machines.images.edge_maps import checked_edges
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.segment_overlap import segment_boxes
from kcv.proposals.machines.windows.selection import grid_maxima
from kcv.proposals.machines.windows.selection import suppress
from kcv.proposals.machines.windows.window_cues import cue_superpixels
from kcv.proposals.machines.windows.window_cues import straddling
from kcv.proposals.machines.windows.window_edges import border_edges
from kcv.proposals.machines.windows.window_edges import oriented_edges
from kcv.proposals.machines.windows.window_edges import symmetry
from kcv.proposals.machines.windows.window_priors import draw_boxes
from kcv.proposals.record import Proposals

# Weights of straddling, symmetry, edges along the border, and the integral of
# the borders of superpixels.
WEIGHTS = (1.685305, 0.07799898, 0.3020189, -0.0007056292)
_NUM_MAXIMA = 10_001  # windows that the grids select
_DILATION = 5  # pixels, the borders of superpixels become as wide
_SIGMA = 3.0  # pixels, of the blur of these borders


def weak_edges(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find edges with half of the automatic thresholds of Canny's method.

    Args:
        image: Image (H, W, 3) uint8 RGB.

    Returns:
        Strength and orientation of the edges, two arrays (H, W), as
        `canny_edges` returns them.
    """
    return canny_edges(image, factor=0.5)


def rahtu(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator,
    *,
    edges: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]] = weak_edges,
    num_windows: int = 100_000,
    iou: float = 0.75,
    neighbors: str = "code",
) -> Proposals:
    """Score windows by superpixels and by the directions of edges.

    This is the method of Rahtu, Kannala and Blaschko, ICCV 2011, with the
    weights that the authors learned.

    The windows that grids over the space of windows select are ordered by
    score, and those that overlap a better one go to the end of the list.

    Args:
        image: RGB image (H, W, 3) uint8.
        max_proposals: Maximum number of boxes. There are never more than
            10,001.
        rng: Generator of the random windows.
        edges: Function of an image that returns the strength of edges (H, W)
            float32 in 0..1, and the orientation of their normals (H, W)
            float32. A pixel with a positive strength is an edge. Defaults to
            `weak_edges`: the detector of Canny with half of its automatic
            thresholds.
        num_windows: Number of windows that are scored. Defaults to 100,000.
        iou: IoU above which the weaker one of two windows goes to the end of
            the list. Defaults to 0.75.
        neighbors: Windows that the best window of a cell of the grids is
            compared with, "paper" or "code": see
            `kcv.proposals.machines.windows.selection.grid_maxima`. Defaults to
            "code".

    Returns:
        `Proposals` with boxes (n, 4) int32 and scores (n,) float64. The scores
        of the windows at the end of the list are reduced, so that they do not
        exceed those before them.

    Raises:
        ValueError: If `edges` returns arrays of another size or with values
            that are not finite, or if `neighbors` is not known.

    Example:

    >>> image = np.zeros((60, 80, 3), np.uint8)
    >>> image[20:45, 30:60] = 200
    >>> rng = np.random.default_rng(0)
    >>> found = rahtu(image, 5, rng, num_windows=1000)
    >>> found.boxes.shape, found.scores.shape
    ((5, 4), (5,))
    """
    shape = image.shape[:2]
    strength, _ = checked_edges(edges, image)
    labels = cue_superpixels(image)
    windows = superpixel_windows(labels)
    random = draw_boxes(shape, num_windows - len(windows), rng)
    random = np.clip(random, 0, np.tile(shape[::-1], 2)).astype(np.int32)
    random = random[(random[:, 2:] > random[:, :2]).all(1)]
    windows = np.concatenate([windows, random])

    oriented = oriented_edges(image, strength > 0)
    cues = np.stack(
        [
            straddling(labels, windows),
            _relative(symmetry(oriented, windows)),
            _relative(border_edges(oriented, windows)),
            border_integral(labels, windows),
        ]
    )
    scores = np.array(WEIGHTS) @ cues

    best = grid_maxima(windows, scores, shape, _NUM_MAXIMA, neighbors)
    best = best[np.argsort(-scores[best], kind="stable")]
    windows, scores = windows[best], scores[best]
    # The authors' overlap is that of the centers of the first and the last
    # pixel.
    kept = suppress(windows - [0, 0, 1, 1], scores, iou, max_proposals)
    rest = np.setdiff1d(np.arange(len(best)), kept)
    rest = rest[: max_proposals - len(kept)]
    if len(rest):
        scores[rest] -= max(0, scores[rest[0]] - scores[kept[-1]])
    order = np.concatenate([kept, rest])
    return Proposals(windows[order], scores[order])


def superpixel_windows(labels: np.ndarray) -> np.ndarray:
    """Compute the windows around one, two and three connected superpixels.

    Args:
        labels: Array (H, W) of int, the superpixel of each pixel, from 0.

    Returns:
        Windows (n, 4) int32, xyxy, half-open, sorted, each once.
    """
    count = int(labels.max()) + 1
    single = segment_boxes(np.eye(count, dtype=bool), labels)
    pairs = find_borders(labels, connectivity=4).pairs
    double = _around(single[pairs[:, 0]], single[pairs[:, 1]])
    touching = np.zeros((count, count), bool)
    touching[pairs[:, 0], pairs[:, 1]] = touching[pairs[:, 1], pairs[:, 0]] = (
        True
    )
    pair, third = np.nonzero(touching[pairs].any(1))
    triple = _around(double[pair], single[third])
    return np.unique(np.concatenate([single, double, triple]), axis=0)


def border_integral(labels: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Integrate how near the bounding boxes of superpixels are to windows.

    Superpixel boundary integral (BI): the borders of the bounding boxes of all
    superpixels are drawn, dilated and blurred. The cue is the sum along the
    border of the window.

    Args:
        labels: Array (H, W) of int, the superpixel of each pixel, from 0.
        windows: Windows (n, 4) of integers, xyxy, half-open, inside the image
            and not empty.

    Returns:
        Array (n,) float64 of at least 0.
    """
    boxes = segment_boxes(np.eye(int(labels.max()) + 1, dtype=bool), labels)
    drawn = np.zeros(labels.shape)
    for x1, y1, x2, y2 in boxes:
        drawn[y1:y2, [x1, x2 - 1]] = 1
        drawn[[y1, y2 - 1], x1:x2] = 1
    drawn = cv2.dilate(drawn, np.ones((_DILATION, _DILATION)))
    kernel = cv2.getGaussianKernel(4 * int(_SIGMA) + 1, _SIGMA)
    near = cv2.sepFilter2D(
        drawn, -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT
    )
    along_rows = np.pad(near.cumsum(1), ((0, 0), (1, 0)))
    along_columns = np.pad(near.cumsum(0), ((1, 0), (0, 0)))
    # The authors leave out the first pixel of each side.
    x1, y1, x2, y2 = windows.T
    rows = along_rows[[y1, y2 - 1], x2] - along_rows[[y1, y2 - 1], x1 + 1]
    columns = along_columns[y2, [x1, x2 - 1]]
    columns = columns - along_columns[y1 + 1, [x1, x2 - 1]]
    return rows.sum(0) + columns.sum(0)


def _around(first, second):
    """Smallest windows around two windows each."""
    low = np.minimum(first[:, :2], second[:, :2])
    return np.concatenate([low, np.maximum(first[:, 2:], second[:, 2:])], 1)


def _relative(values):
    """Divide by the largest value in the image."""
    return values / max(values.max(), np.finfo(float).tiny)
