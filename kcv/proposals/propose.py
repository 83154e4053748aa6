"""One door to all methods that propose regions.

Hosang, Benenson, Dollar and Schiele, "What makes for effective detection
proposals?", PAMI 2016, compare them; `METHODS` has the columns of their table.
"""

import importlib
from collections.abc import Callable
from typing import Any
from typing import NamedTuple

import numpy as np

from kcv.pixels import to_rgb


class Method(NamedTuple):
    """What is known of a method.

    Its code is the function of the method's name in the module of that name:
    from `image` (H, W, 3) uint8, `max_proposals`, a `numpy.random.Generator`
    and its own options to (boxes (n, 4) xyxy, best first; scores (n,) or
    None).
    """

    approach: str  # "grouping", "window scoring" or "baseline"
    segments: bool  # whether a proposal has a shape, not a box alone
    scores: bool  # whether proposals are scored
    control: bool  # whether their number can be set
    paper: str


METHODS = {
    "selective_search": Method(
        "grouping", True, True, True, "Uijlings et al. 2013"
    ),
    "edge_boxes": Method(
        "window scoring", False, True, True, "Zitnick and Dollar 2014"
    ),
    "superpixels": Method("baseline", True, False, False, "Hosang et al. 2016"),
    "uniform": Method("baseline", False, False, True, "Hosang et al. 2016"),
    "gaussian": Method("baseline", False, False, True, "Hosang et al. 2016"),
    "sliding_window": Method(
        "baseline", False, False, True, "Hosang et al. 2016"
    ),
}


def propose(
    image: np.ndarray,
    method: str | Callable[..., np.ndarray] = "selective_search",
    max_proposals: int = 2000,
    *,
    seed: int = 0,
    return_scores: bool = False,
    **options: Any,
) -> np.ndarray | tuple[np.ndarray, np.ndarray | None]:
    """Propose regions of an image.

    Args:
        image: (H, W, 3) RGB in 0..255, uint8 or float; also (H, W), (H, W, 1)
            grey and (H, W, 4), whose alpha is left out.
        method: A key of `METHODS`, or a function from an image (H, W, 3) uint8
            to boxes (n, 4) xyxy, best first: a region proposal network as
            `kcv.detection.ImageProposals`, for example.
        max_proposals: How many at most; fewer are a prefix of more, but for
            "sliding_window", whose grid is another one for every number.
        seed: Of what the method draws; the same seed gives the same boxes.
        return_scores: Whether to return the scores too.
        **options: Of the method, see the function of its name in the module
            `kcv.proposals.methods.<method>`, or arguments of the function.

    Returns:
        Boxes (n, 4) float32 xyxy in pixels, half-open, inside the image, no
        two alike, best first; at least one. With `return_scores` also the
        scores (n,) float32, higher is better, or None where the method has
        none.

    Raises:
        ImportError: If the method needs `kcv[proposals]`.
        ValueError: If `image`, `method` or `max_proposals` is none of these,
            or a function gives no boxes.

    Example:

    >>> image = np.zeros((60, 80, 3), np.uint8)
    >>> image[20:40, 30:60] = 255
    >>> boxes = propose(image, max_proposals=10, min_side=0)
    >>> [30, 20, 60, 40] in boxes.tolist()
    True
    """
    if not callable(method) and method not in METHODS:
        raise ValueError(
            f"method must be one of {[*METHODS]} or a function, not {method!r}"
        )
    if int(max_proposals) != max_proposals or max_proposals < 1:
        raise ValueError(
            f"max_proposals must be a positive integer, not {max_proposals}"
        )
    image = to_rgb(image)
    if callable(method):
        boxes, scores = _checked(method(image, **options)), None
    else:
        boxes, scores = _function(method)(
            image, max_proposals, np.random.default_rng(seed), **options
        )
    boxes, scores = _inside(boxes, scores, image.shape[:2])
    boxes = boxes[:max_proposals].astype(np.float32)
    if not return_scores:
        return boxes
    if scores is None:
        return boxes, None
    return boxes, scores[:max_proposals].astype(np.float32)


def _function(method):
    try:
        module = importlib.import_module(f"kcv.proposals.methods.{method}")
    except ImportError as error:
        raise ImportError(
            f'{method} needs the extra "proposals": pip install '
            f'"kcv[proposals]" ({error})'
        ) from error
    return getattr(module, method)


def _checked(boxes):
    boxes = np.asarray(boxes)
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.isfinite(boxes).all():
        raise ValueError(
            "method must give finite boxes (n, 4), but gave "
            f"{boxes.dtype} {boxes.shape}"
        )
    return boxes


def _inside(boxes, scores, size):
    """Clip boxes, drop the empty and the later of equal ones."""
    height, width = size
    boxes = np.clip(boxes, 0, [width, height, width, height])
    real = (boxes[:, 2:] > boxes[:, :2]).all(1)
    kept = np.flatnonzero(real)
    if not len(kept):  # of a plain image, all of it
        return np.array([[0, 0, width, height]]), (
            None if scores is None else np.zeros(1)
        )
    # The first of each, in the order in which they came.
    _, first = np.unique(boxes[kept], axis=0, return_index=True)
    kept = kept[np.sort(first)]
    return boxes[kept], None if scores is None else scores[kept]
