"""Repeatability of region proposals on changed images.

Hosang et al., "What makes for effective detection proposals?", PAMI 2016,
section 3: a detector learns from the proposals of one image what it needs on
another, so a method should propose the same regions after a small change. In
this module, n counts boxes of the reference image and m those of the changed
one.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kcv.metrics.forms import read_boxes
from kcv.metrics.proposal_recall import matched_overlaps

_BINS = 10  # of the square root of the relative area


class Repeated(NamedTuple):
    """How well the proposals of one image are found again.

    Attributes:
        overlaps: IoU of each box of the reference with a box of the changed
            image, 0 without one. Float64 array (n,).
        sides: Square root of the area of each of these boxes, as a share of the
            reference image. Float64 array (n,) in [0, 1].
    """

    overlaps: np.ndarray
    sides: np.ndarray


def repeated_overlaps(
    boxes: ArrayLike,
    perturbed_boxes: ArrayLike,
    homography: np.ndarray,
    size: tuple[int, int],
    perturbed_size: tuple[int, int],
) -> Repeated:
    """Match the proposals of an image with those of a changed one.

    The boxes of the changed image are projected back. Boxes whose center is
    outside the other image do not count. Then boxes are matched one to one, the
    pair of largest IoU first.

    Args:
        boxes: Proposals (n, 4) of the reference image, xyxy in pixels,
            half-open.
        perturbed_boxes: Proposals (m, 4) of the changed image, xyxy in its
            pixels, half-open.
        homography: Matrix (3, 3) from the reference to the changed image, see
            `perturb`.
        size: Height and width of the reference image, in pixels.
        perturbed_size: Height and width of the changed image, in pixels.

    Returns:
        `Repeated` of the boxes of the reference that count.

    Raises:
        ValueError: If boxes are malformed.

    Example:

    >>> half = np.diag([0.5, 0.5, 1])
    >>> found = repeated_overlaps(
    ...     [[0, 0, 20, 20]], [[0, 0, 10, 10]], half, (40, 40), (20, 20)
    ... )
    >>> found.overlaps.tolist(), found.sides.tolist()
    ([1.0], [0.5])
    """
    own = read_boxes(boxes, "boxes")
    others = read_boxes(perturbed_boxes, "perturbed_boxes")
    back = project_boxes(others, np.linalg.inv(homography))
    back = back[_have_center_in(back, size)]
    there = project_boxes(own, homography)
    own = own[_have_center_in(there, perturbed_size)]
    areas = (own[:, 2:] - own[:, :2]).prod(axis=1)
    sides = np.sqrt(areas / np.prod(size))
    return Repeated(matched_overlaps(own, back), sides)


def repeatability(repeated: Iterable[Repeated]) -> dict[str, float]:
    """Compute the repeatability of a method under one change.

    Boxes are divided by their size into ten groups, because large boxes are
    easier to find again. The score of a group is the area under its recall over
    IoU from 0 to 1, which is its mean IoU.

    Args:
        repeated: `Repeated` of each image, see `repeated_overlaps`.

    Returns:
        Dict of `repeatability`, the mean of the scores of the groups, and of
        the scores `size_00_10`, `size_10_20` and so on by the square root of
        the relative area, in percent. Each is in [0, 1]. A group without boxes
        is NaN and does not count in the mean.

    Example:

    >>> small = Repeated(np.array([0.5, 0.7]), np.array([0.12, 0.18]))
    >>> large = Repeated(np.array([1.0]), np.array([0.95]))
    >>> result = repeatability([small, large])
    >>> result["repeatability"], result["size_10_20"], result["size_90_100"]
    (0.8, 0.6, 1.0)
    """
    every = [*repeated]
    overlaps = np.concatenate([np.zeros(0), *(one.overlaps for one in every)])
    sides = np.concatenate([np.zeros(0), *(one.sides for one in every)])
    groups = np.minimum((_BINS * sides).astype(int), _BINS - 1)
    counts = np.bincount(groups, minlength=_BINS)
    sums = np.bincount(groups, overlaps, minlength=_BINS)
    scores = np.full(_BINS, np.nan)
    np.divide(sums, counts, out=scores, where=counts > 0)
    known = scores[counts > 0]
    step = 100 // _BINS
    return {
        "repeatability": float(known.mean()) if len(known) else float("nan"),
        **{
            f"size_{step * k:02}_{step * (k + 1)}": float(score)
            for k, score in enumerate(scores)
        },
    }


def project_boxes(boxes: np.ndarray, homography: np.ndarray) -> np.ndarray:
    """Project boxes, and take the upright box of each result.

    Its sides are at the means of the two smaller and of the two larger
    coordinates of the four projected corners.

    Args:
        boxes: Boxes (n, 4) float64, xyxy.
        homography: Matrix (3, 3).

    Returns:
        Boxes (n, 4) float64, xyxy.

    Example:

    >>> quarter_turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    >>> project_boxes(np.array([[1.0, 2, 3, 8]]), quarter_turn)
    array([[-8.,  1., -2.,  3.]])
    """
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]  # (n, 4, 2)
    ones = np.ones((*corners.shape[:-1], 1))
    projected = np.concatenate([corners, ones], axis=-1) @ homography.T
    points = np.sort(projected[..., :2] / projected[..., 2:], axis=1)
    return np.concatenate(
        [points[:, :2].mean(axis=1), points[:, 2:].mean(axis=1)], axis=1
    )


def _have_center_in(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    return ((centers >= 0) & (centers <= size[::-1])).all(axis=1)
