"""Recall of region proposals, and the averages that share its name.

Hosang et al., "What makes for effective detection proposals?", PAMI 2016.
Every object is matched with at most one proposal and every proposal with at
most one object, the pair of largest IoU in the image first. The IoUs of all
objects of all images are pooled. Then

- `average_recall` is the average recall (AR) of Hosang et al.: twice the area
  under recall over IoU from 0.5 to 1;
- `mean_recall_50_95` is that of py-faster-rcnn's evaluation: the mean of the
  recalls at IoU 0.5, 0.55, ..., 0.95, usually a few points more. Its
  thresholds are sums of 0.05, some of which are slightly above the exact ones
  here: 0.36754 instead of 0.36766 on random boxes;
- `average_best_overlap` is the ABO of Selective Search (Uijlings et al. 2013):
  the mean of the largest IoU of each object with any proposal.

COCO's average recall (`coco_ar100`) is another one: it matches class by class.
In this module, n counts objects and m counts proposals.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from kcv.metrics.box_iou import box_iou
from kcv.metrics.forms import Boxes
from kcv.metrics.forms import read_boxes
from kcv.metrics.forms import read_column
from kcv.metrics.forms import read_ground_truth

Matching = Literal["greedy", "max"]
_MATCHINGS = ("greedy", "max")
# The numbers of proposals in the figures of Hosang et al.
COUNTS = (1, 3, 10, 32, 100, 316, 1_000, 3_162, 10_000)


def proposal_recall(
    ground_truth: Boxes,
    proposals: Boxes,
    max_proposals: int | None = None,
    ious: Sequence[float] = (0.5, 0.7),
    include_difficult: bool = False,
    matching: Matching = "greedy",
) -> dict[str, float]:
    """Measure how many objects a list of boxes without classes covers.

    Args:
        ground_truth: Objects `{image_id: {"boxes": (n, 4), "labels": (n,),
            "difficult": (n,) bool}}`, `difficult` optional; xyxy in pixels,
            half-open. Labels do not matter.
        proposals: Boxes `{image_id: {"boxes": (m, 4), "scores": (m,)}}`, xyxy
            in pixels, half-open. With `scores` the boxes are taken in
            decreasing order of their scores. Without, they must stand in
            order, the best first. Detections may be passed unchanged.
        max_proposals: Number of proposals of an image that count. Defaults to
            None, for all.
        ious: IoUs at which recall is given, too. Defaults to 0.5 and 0.7.
        include_difficult: Whether difficult objects must be covered, as in
            Hosang et al., or are left out, as in py-faster-rcnn. Defaults to
            False.
        matching: "greedy" matches objects and proposals one to one. "max"
            takes the largest IoU of each object, so that one proposal may
            cover several. Defaults to "greedy".

    Returns:
        Dict of `average_recall`, `mean_recall_50_95`, `average_best_overlap`,
        and `recall_at_50` and so on for `ious`, each in [0, 1], and NaN if
        there is no object; and `proposals_per_image`, the mean number of
        proposals that were used.

    Raises:
        ValueError: If proposals belong to unknown images, boxes are malformed,
            or an option has another value.

    Example:

    >>> truth = {"a": {"boxes": [[0, 0, 10, 10]], "labels": [3]}}
    >>> found = {"a": {"boxes": [[0, 0, 10, 6]]}}
    >>> proposal_recall(truth, found)["mean_recall_50_95"]
    0.3
    """
    pairs = _pairs(ground_truth, proposals, max_proposals, include_difficult)
    covered = _pool(pairs, matching)
    best = covered if matching == "max" else _pool(pairs, "max")
    # Twentieths as quotients: an IoU of exactly 3/4 must reach its threshold,
    # which 0.5 + 5 * 0.05 need not equal.
    coarse = recall_over_iou(covered, np.arange(10, 20) / 20)
    recalls = recall_over_iou(covered, ious)
    return {
        "average_recall": average_recall(covered),
        "mean_recall_50_95": float(coarse.mean()),
        "average_best_overlap": _mean(best),
        **{
            f"recall_at_{iou * 100:g}": float(recall)
            for iou, recall in zip(ious, recalls, strict=True)
        },
        "proposals_per_image": _mean([len(boxes) for _, boxes in pairs]),
    }


def object_overlaps(
    ground_truth: Boxes,
    proposals: Boxes,
    max_proposals: int | None = None,
    include_difficult: bool = False,
    matching: Matching = "greedy",
) -> np.ndarray:
    """Find the IoU with which each object of all images is covered.

    All measures of recall are functions of these numbers, see
    `recall_over_iou` and `average_recall`.

    Args:
        ground_truth: Objects `{image_id: {"boxes": (n, 4), "labels": (n,),
            "difficult": (n,) bool}}`, see `proposal_recall`.
        proposals: Boxes `{image_id: {"boxes": (m, 4), "scores": (m,)}}`, see
            `proposal_recall`.
        max_proposals: Number of proposals of an image that count. Defaults to
            None, for all.
        include_difficult: Whether difficult objects are included. Defaults to
            False.
        matching: "greedy", one to one, or "max". Defaults to "greedy".

    Returns:
        IoU of each object with its proposal, in the order of the image ids and
        0 for an object without a proposal. Float64 array (n,) in [0, 1].

    Raises:
        ValueError: If proposals belong to unknown images, boxes are malformed,
            or an option has another value.

    Example:

    >>> truth = {"a": {"boxes": [[0, 0, 10, 10]], "labels": [3]}}
    >>> object_overlaps(truth, {"a": {"boxes": [[0, 0, 10, 6]]}})
    array([0.6])
    """
    pairs = _pairs(ground_truth, proposals, max_proposals, include_difficult)
    return _pool(pairs, matching)


def recall_over_iou(
    overlaps: np.ndarray, ious: Sequence[float] | np.ndarray
) -> np.ndarray:
    """Compute the share of objects that are covered by at least each IoU.

    Args:
        overlaps: IoUs of the objects (n,), see `object_overlaps`.
        ious: Thresholds (k,) in [0, 1].

    Returns:
        Recall at each threshold. Float64 array (k,), NaN without objects.

    Example:

    >>> recall_over_iou(np.array([0.4, 0.6, 0.8, 1.0]), [0.5, 0.75])
    array([0.75, 0.5 ])
    """
    if not len(overlaps):
        return np.full(len(ious), np.nan)
    below = np.searchsorted(np.sort(overlaps), ious, side="left")
    return (len(overlaps) - below) / len(overlaps)


def average_recall(overlaps: np.ndarray) -> float:
    """Compute the average recall (AR) of Hosang et al.

    AR is twice the area under recall over IoU from 0.5 to 1. An object of IoU
    o adds max(o - 0.5, 0) to the area, so AR is twice the mean of that.

    Args:
        overlaps: IoUs of the objects (n,), see `object_overlaps`.

    Returns:
        Average recall in [0, 1], NaN without objects.

    Example:

    >>> average_recall(np.array([0.4, 0.5, 0.75, 1.0]))
    0.375
    """
    return 2 * _mean(np.clip(np.asarray(overlaps) - 0.5, 0, 0.5))


def average_recall_over_number(
    ground_truth: Boxes,
    proposals: Boxes,
    counts: Sequence[int] = COUNTS,
    include_difficult: bool = False,
    matching: Matching = "greedy",
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the average recall of the first proposals of each image.

    Args:
        ground_truth: Objects `{image_id: {"boxes": (n, 4), "labels": (n,),
            "difficult": (n,) bool}}`, see `proposal_recall`.
        proposals: Boxes `{image_id: {"boxes": (m, 4), "scores": (m,)}}`, see
            `proposal_recall`.
        counts: Maximum numbers (k,) of proposals of an image. Defaults to 1,
            3, 10, 32, ..., 10,000, as in Hosang et al.
        include_difficult: Whether difficult objects are included. Defaults to
            False.
        matching: "greedy", one to one, or "max". Defaults to "greedy".

    Returns:
        Mean numbers of proposals per image, which fall short of `counts` where
        there are fewer, and average recalls. Two float64 arrays (k,).

    Raises:
        ValueError: If proposals belong to unknown images, boxes are malformed,
            or an option has another value.

    Example:

    >>> truth = {"a": {"boxes": [[0, 0, 10, 10]], "labels": [3]}}
    >>> found = {"a": {"boxes": [[0, 0, 10, 6], [0, 0, 10, 10]]}}
    >>> numbers, recalls = average_recall_over_number(truth, found, (1, 10))
    >>> numbers.tolist(), recalls.round(3).tolist()
    ([1.0, 2.0], [0.2, 1.0])
    """
    numbers, recalls = [], []
    for count in counts:
        pairs = _pairs(ground_truth, proposals, count, include_difficult)
        numbers.append(_mean([len(boxes) for _, boxes in pairs]))
        recalls.append(average_recall(_pool(pairs, matching)))
    return np.array(numbers, float), np.array(recalls, float)


def matched_overlaps(
    objects: np.ndarray, proposals: np.ndarray, matching: Matching = "greedy"
) -> np.ndarray:
    """Match the objects of one image with its proposals.

    Args:
        objects: Boxes (n, 4) float64, xyxy, half-open.
        proposals: Boxes (m, 4) float64, xyxy, half-open.
        matching: "greedy" matches one to one, the pair of largest IoU first.
            "max" takes the largest IoU of each object. Defaults to "greedy".

    Returns:
        IoU of each object with its proposal, 0 without one. Float64 array
        (n,).

    Raises:
        ValueError: If `matching` is not one of these.

    Example:

    >>> objects = np.array([[0.0, 0, 10, 10], [0, 0, 10, 8]])
    >>> matched_overlaps(objects, np.array([[0.0, 0, 10, 9]]))
    array([0.9, 0. ])
    """
    if matching not in _MATCHINGS:
        raise ValueError(
            f"`matching` must be one of {_MATCHINGS}. Received: "
            f"matching={matching!r}"
        )
    iou = box_iou(objects, proposals)
    if not iou.size:
        return np.zeros(len(objects))
    if matching == "max":
        return iou.max(axis=1)
    return _match_one_to_one(iou)


def _match_one_to_one(iou: np.ndarray) -> np.ndarray:
    """Take the largest IoU, strike its row and column, and so on."""
    covered = np.zeros(len(iou))
    # The best column of each row is kept. Only rows that lose it are searched
    # again, so that lists of a thousand boxes take milliseconds.
    column = iou.argmax(axis=1)
    value = iou[np.arange(len(iou)), column]
    for _ in range(min(iou.shape)):
        row = value.argmax()
        if value[row] <= 0:
            break
        covered[row] = value[row]
        value[row] = -1
        iou[:, column[row]] = -1
        lost = np.flatnonzero((column == column[row]) & (value > 0))
        if len(lost):
            column[lost] = iou[lost].argmax(axis=1)
            value[lost] = iou[lost, column[lost]]
    return covered


def _pairs(
    ground_truth: Boxes,
    proposals: Boxes,
    max_proposals: int | None,
    include_difficult: bool,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Read the objects and the first proposals of each image."""
    if max_proposals is not None and max_proposals < 1:
        raise ValueError(
            "`max_proposals` must be positive. Received: "
            f"max_proposals={max_proposals}"
        )
    truth = read_ground_truth(ground_truth)
    unknown = [image_id for image_id in proposals if image_id not in truth]
    if unknown:
        raise ValueError(
            f"`proposals` has {len(unknown)} images that are not in the ground "
            f"truth. The first is {unknown[0]!r}"
        )
    pairs = []
    for image_id, image in truth.items():
        entry = proposals.get(image_id, {"boxes": ()})
        boxes = _best_first(entry, image_id)[:max_proposals]
        objects = image.boxes[include_difficult | ~image.difficult]
        pairs.append((objects, boxes))
    return pairs


def _pool(pairs, matching: Matching) -> np.ndarray:
    """Concatenate the matched overlaps of all images."""
    overlaps = [
        matched_overlaps(objects, boxes, matching) for objects, boxes in pairs
    ]
    return np.concatenate([np.zeros(0), *overlaps])


def _best_first(entry, image_id) -> np.ndarray:
    where = f"proposals[{image_id!r}]"
    boxes = read_boxes(entry["boxes"], where)
    if "scores" not in entry:
        return boxes
    scores = read_column(
        entry["scores"], "scores", np.float64, len(boxes), where
    )
    return boxes[np.argsort(-scores, kind="stable")]


def _mean(values) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
