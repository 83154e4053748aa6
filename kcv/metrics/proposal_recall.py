"""Recall of region proposals, and the two averages that share a name.

Hosang et al., "What makes for effective detection proposals?", PAMI 2016.
Every object is matched with at most one proposal and every proposal with at
most one object, the pair of largest IoU in the image first. Then

- `average_recall` is theirs: twice the area below recall over IoU, .5 to 1;
- `mean_recall_50_95` is that of py-faster-rcnn's evaluation: the mean of the
  recalls at IoU .5, .55 ... .95, usually a few points more.

COCO's average recall (`coco_ar100`) is a third: it matches class by class.
"""

from collections.abc import Sequence

import numpy as np

from kcv.metrics.box_iou import box_iou
from kcv.metrics.forms import Boxes
from kcv.metrics.forms import read_boxes
from kcv.metrics.forms import read_column
from kcv.metrics.forms import read_ground_truth


def proposal_recall(
    ground_truth: Boxes,
    proposals: Boxes,
    max_proposals: int | None = None,
    ious: Sequence[float] = (0.5, 0.7),
    include_difficult: bool = False,
) -> dict[str, float]:
    """Measure how many objects a list of class-less boxes covers.

    Args:
        ground_truth: as for `voc_average_precision`; labels do not matter.
        proposals: `{image_id: {"boxes": (m, 4), "scores": (m,)}}`, xyxy
            pixels, half-open. With `scores` the boxes are taken by falling
            score, without as they stand: the best first. Detections may be
            passed as they are.
        max_proposals: how many of an image count; `None` for all.
        ious: overlaps at which recall is also given by itself.
        include_difficult: whether difficult objects are to be covered too, as
            in Hosang et al., or left out, as in py-faster-rcnn.

    Returns:
        `average_recall`, `mean_recall_50_95`, and `recall_at_50` and so on
        for `ious`: 0..1, NaN where there is no object;
        `proposals_per_image`: how many were used, on average.

    Raises:
        ValueError: for proposals of unknown images or malformed boxes.

    Example:

    >>> truth = {"a": {"boxes": [[0, 0, 10, 10]], "labels": [3]}}
    >>> found = {"a": {"boxes": [[0, 0, 10, 6]]}}
    >>> proposal_recall(truth, found)["mean_recall_50_95"]
    0.3
    """
    if max_proposals is not None and max_proposals < 1:
        raise ValueError(f"max_proposals must be positive, got {max_proposals}")
    truth = read_ground_truth(ground_truth)
    unknown = [image_id for image_id in proposals if image_id not in truth]
    if unknown:
        raise ValueError(
            f"proposals of {len(unknown)} images that are not in the ground "
            f"truth, the first is {unknown[0]!r}"
        )
    overlaps = [np.zeros(0)]
    used = 0
    for image_id, image in truth.items():
        entry = proposals.get(image_id, {"boxes": ()})
        boxes = _best_first(entry, image_id)[:max_proposals]
        used += len(boxes)
        objects = image.boxes[include_difficult | ~image.difficult]
        overlaps.append(matched_overlaps(objects, boxes))
    covered = np.concatenate(overlaps)
    # Twentieths and thousandths as quotients: an IoU of exactly 3/4 must
    # meet its threshold, which 0.5 + 5 * 0.05 need not equal.
    fine = _recall(covered, np.arange(500, 1001) / 1000)
    coarse = _recall(covered, np.arange(10, 20) / 20)
    recalls = _recall(covered, np.asarray(ious, np.float64))
    return {
        "average_recall": 2 * float(np.trapezoid(fine, dx=0.001)),
        "mean_recall_50_95": float(coarse.mean()),
        **{
            f"recall_at_{iou * 100:g}": float(recall)
            for iou, recall in zip(ious, recalls, strict=True)
        },
        "proposals_per_image": used / len(truth) if truth else float("nan"),
    }


def matched_overlaps(objects: np.ndarray, proposals: np.ndarray) -> np.ndarray:
    """Match two lists of boxes one to one, the largest IoU first.

    Args:
        objects: (n, 4) float64 xyxy, half-open.
        proposals: (m, 4) float64 xyxy, half-open.

    Returns:
        (n,) float64: the IoU of each object with its proposal, 0 without one.

    Example:

    >>> objects = np.array([[0.0, 0, 10, 10], [0, 0, 10, 8]])
    >>> matched_overlaps(objects, np.array([[0.0, 0, 10, 9]]))
    array([0.9, 0. ])
    """
    iou = box_iou(objects, proposals)
    covered = np.zeros(len(objects))
    for _ in range(min(iou.shape)):
        row, column = np.unravel_index(iou.argmax(), iou.shape)
        if iou[row, column] <= 0:
            break
        covered[row] = iou[row, column]
        iou[row, :] = -1
        iou[:, column] = -1
    return covered


def _best_first(entry, image_id) -> np.ndarray:
    where = f"proposals[{image_id!r}]"
    boxes = read_boxes(entry["boxes"], where)
    if "scores" not in entry:
        return boxes
    scores = read_column(
        entry["scores"], "scores", np.float64, len(boxes), where
    )
    return boxes[np.argsort(-scores, kind="stable")]


def _recall(covered: np.ndarray, ious: np.ndarray) -> np.ndarray:
    """Share of objects that are covered by at least each IoU."""
    if not len(covered):
        return np.full(len(ious), np.nan)
    below = np.searchsorted(np.sort(covered), ious, side="left")
    return (len(covered) - below) / len(covered)
