"""One function for all methods that propose regions.

Hosang, Benenson, Dollar and Schiele, "What makes for effective detection
proposals?", PAMI 2016, compare them. `METHODS` has the columns of their table.
"""

import importlib
from collections.abc import Callable
from typing import Any
from typing import Literal
from typing import NamedTuple
from typing import overload

import numpy as np
from numpy.typing import ArrayLike

from kcv.extras import describe_installation
from kcv.pixels import to_rgb
from kcv.proposals.masks import DenseMasks
from kcv.proposals.record import Proposals
from kcv.proposals.record import to_proposals


class Method(NamedTuple):
    """Properties of a method.

    The method itself is the function of the same name in the module
    `kcv.proposals.methods.NAME`. Its arguments are `image` (H, W, 3) uint8,
    `max_proposals`, a `numpy.random.Generator` and options of its own. It
    returns `Proposals`, best first. `propose` clips them to the image, removes
    duplicates and truncates, so a method may return more than `max_proposals`.

    Attributes:
        approach: "grouping", "window scoring" or "baseline".
        segments: Whether proposals have masks.
        scores: Whether proposals have scores.
        control: Whether the number of proposals can be chosen.
        paper: Authors and year.
        reruns: Whether another maximum number of proposals is another run, so
            that fewer proposals are not the first of more. Defaults to False.
    """

    approach: str
    segments: bool
    scores: bool
    control: bool
    paper: str
    reruns: bool = False


METHODS = {
    "cpmc": Method(
        "grouping", True, True, True, "Carreira and Sminchisescu 2012"
    ),
    "endres": Method("grouping", True, True, True, "Endres and Hoiem 2014"),
    "geodesic": Method(
        "grouping", True, True, True, "Krahenbuhl and Koltun 2014"
    ),
    "mcg": Method("grouping", True, True, True, "Arbelaez et al. 2014"),
    "randomized_prims": Method(
        "grouping", True, False, True, "Manen et al. 2013"
    ),
    "rantalankila": Method(
        "grouping", True, False, True, "Rantalankila et al. 2014"
    ),
    "rigor": Method(
        "grouping", True, False, True, "Humayun et al. 2014", reruns=True
    ),
    "selective_search": Method(
        "grouping", True, True, True, "Uijlings et al. 2013"
    ),
    "bing": Method("window scoring", False, True, True, "Cheng et al. 2014"),
    "edge_boxes": Method(
        "window scoring", False, True, True, "Zitnick and Dollar 2014"
    ),
    "objectness": Method(
        "window scoring", False, True, True, "Alexe et al. 2012"
    ),
    "rahtu": Method("window scoring", False, True, True, "Rahtu et al. 2011"),
    "superpixels": Method("baseline", True, False, False, "Hosang et al. 2016"),
    "uniform": Method("baseline", False, False, True, "Hosang et al. 2016"),
    "gaussian": Method("baseline", False, False, True, "Hosang et al. 2016"),
    "sliding_window": Method(
        "baseline", False, False, True, "Hosang et al. 2016", reruns=True
    ),
}


@overload
def propose(
    image: ArrayLike,
    method: str | Callable[..., Any] = ...,
    max_proposals: int = ...,
    *,
    seed: int = ...,
    return_proposals: Literal[False] = ...,
    **options: Any,
) -> np.ndarray: ...


@overload
def propose(
    image: ArrayLike,
    method: str | Callable[..., Any] = ...,
    max_proposals: int = ...,
    *,
    seed: int = ...,
    return_proposals: Literal[True],
    **options: Any,
) -> Proposals: ...


def propose(
    image: ArrayLike,
    method: str | Callable[..., Any] = "selective_search",
    max_proposals: int = 2000,
    *,
    seed: int = 0,
    return_proposals: bool = False,
    **options: Any,
) -> np.ndarray | Proposals:
    """Propose regions of an image.

    Args:
        image: RGB image (H, W, 3) with values in 0..255, uint8 or float. A
            gray image (H, W) or (H, W, 1) and an image with an alpha channel,
            which is dropped, are converted.
        method: Name of a method, a key of `METHODS`, or a function of an image
            (H, W, 3) uint8 that returns boxes (n, 4) xyxy, best first, or a
            tuple (boxes, scores), or `Proposals`. For example, an instance of
            `kcv.detection.ImageProposals`. Defaults to "selective_search".
        max_proposals: Maximum number of proposals. Proposals with a smaller
            maximum are the first of those with a larger one, except for
            methods with `METHODS[name].reruns`, such as "sliding_window", which
            has another grid for every number. Defaults to 2000.
        seed: Seed of the random numbers of a named method. The same seed gives
            the same proposals. Defaults to 0.
        return_proposals: Whether to return scores and masks, too. Defaults to
            False.
        **options: Further arguments of the method: see the function
            `kcv.proposals.methods.NAME.NAME`.

    Returns:
        Boxes (n, 4) float32, xyxy in pixels, half-open, within the image,
        without duplicates, best first, at least one. With `return_proposals`,
        `Proposals` of these boxes, whose `scores` are (n,) float32 or None,
        and whose `masks` are not None for the methods with
        `METHODS[name].segments`.

    Raises:
        ImportError: If the method needs `kcv[proposals]`.
        ValueError: If `image` is not an image, `method` is not known,
            `max_proposals` is not a positive integer, or the method does not
            return finite boxes.

    Example:

    >>> image = np.zeros((60, 80, 3), np.uint8)
    >>> image[20:40, 30:60] = 255
    >>> boxes = propose(image, max_proposals=10, min_side=0)
    >>> [30, 20, 60, 40] in boxes.tolist()
    True
    >>> found = propose(image, "superpixels", return_proposals=True)
    >>> found.masks[0].shape
    (60, 80)
    """
    if not callable(method) and method not in METHODS:
        raise ValueError(
            f"`method` must be one of {[*METHODS]} or a function. Received: "
            f"method={method!r}"
        )
    if int(max_proposals) != max_proposals or max_proposals < 1:
        raise ValueError(
            "`max_proposals` must be a positive integer. Received: "
            f"max_proposals={max_proposals}"
        )
    image = to_rgb(image)
    if callable(method):
        found = to_proposals(method(image, **options))
    else:
        random = np.random.default_rng(seed)
        found = _function(method)(image, max_proposals, random, **options)
    found = _unique_inside(found, *image.shape[:2])[:max_proposals]
    boxes = found.boxes.astype(np.float32)
    if not return_proposals:
        return boxes
    scores = found.scores
    if scores is not None:
        scores = scores.astype(np.float32)
    return Proposals(boxes, scores, found.masks)


def _function(method):
    try:
        module = importlib.import_module(f"kcv.proposals.methods.{method}")
    except ImportError as error:
        raise ImportError(
            f'{method} needs the extra "proposals" ({error}). '
            + describe_installation("proposals")
        ) from error
    return getattr(module, method)


def _unique_inside(found: Proposals, height: int, width: int) -> Proposals:
    """Clip boxes, and drop empty ones and repetitions of earlier ones."""
    boxes = np.clip(found.boxes, 0, [width, height, width, height])
    kept = np.flatnonzero((boxes[:, 2:] > boxes[:, :2]).all(1))
    if not len(kept):  # as in an image of one color: the whole image
        return Proposals(
            np.array([[0, 0, width, height]]),
            None if found.scores is None else np.zeros(1),
            None
            if found.masks is None
            else DenseMasks(np.ones((1, height, width), bool)),
        )
    # The first of each, in the order in which they came.
    _, first = np.unique(boxes[kept], axis=0, return_index=True)
    kept = kept[np.sort(first)]
    return Proposals(boxes, found.scores, found.masks)[kept]
