"""Average precision of the PASCAL VOC detection challenge.

Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge", IJCV
2010, and the challenge's development kits of 2007 and 2010. These rules affect
the result:

- A detection is compared only with the object of its class that it overlaps
  most. If an earlier detection has taken this object, the detection is a false
  positive, even if a second, free object overlaps enough, too.
- A detection of a difficult object counts neither for nor against, and
  difficult objects are not among the positives.
- Until 2009, precision is averaged at the recalls 0, 0.1 ... 1. From 2010 on,
  it is integrated below the monotone envelope.
"""

from typing import NamedTuple

import numpy as np

from kcv.metrics.box_iou import box_iou
from kcv.metrics.forms import Boxes
from kcv.metrics.forms import read_detections
from kcv.metrics.forms import read_ground_truth


class PrecisionRecall(NamedTuple):
    """Precision over recall of one class, by decreasing score.

    Detections of difficult objects are left out, because they would repeat
    points.

    Attributes:
        recall: Recall (k,) float64, NaN if there are no positives.
        precision: Precision (k,) float64.
        scores: Score threshold of each point, (k,) float64.
        positives: Number of objects, without difficult ones.
    """

    recall: np.ndarray  # (k,) float64, NaN where there are no positives
    precision: np.ndarray  # (k,) float64
    scores: np.ndarray  # (k,) float64, the threshold that gives the point
    positives: int  # objects to find, difficult ones not counted


def voc_average_precision(
    ground_truth: Boxes,
    detections: Boxes,
    iou: float = 0.5,
    year: int = 2007,
    classes: int | None = None,
    strict: bool = False,
    float_recalls: bool = False,
) -> dict:
    """Measure detections by the rule of the PASCAL VOC challenge.

    With `strict=True` and `float_recalls=True`, this is the evaluation of
    py-faster-rcnn, except that there the order of equal scores is undefined.
    VOC has no crowds, so objects with `is_crowd` are ordinary objects here.

    Args:
        ground_truth: `{image_id: {"boxes": (n, 4), "labels": (n,),
            "difficult": (n,) bool}}`, `difficult` optional. Boxes are half-open
            xyxy in pixels, and labels count from 0.
        detections: `{image_id: {"boxes": (m, 4), "scores": (m,),
            "labels": (m,)}}` without padding.
        iou: Minimum IoU of a correct detection. Float in (0, 1]. Defaults to
            0.5.
        year: Year of the challenge. Before 2010, the average precision is the
            mean of the precision at eleven recalls, from 2010 on the area below
            the curve. Defaults to 2007.
        classes: Number of classes. If None, those that occur are measured.
            Defaults to None.
        strict: Whether the IoU must be greater than `iou`, as in
            py-faster-rcnn's evaluation, rather than at least `iou`, as in the
            development kit. Defaults to False.
        float_recalls: Whether the eleven recalls are computed as `i * 0.1`, as
            in py-faster-rcnn. In floating point, three of them are slightly
            above 0.3, 0.6 and 0.7, so a recall of exactly 3 / 10 misses its
            point: finding 3 of 10 objects is 3 / 11 instead of 4 / 11. It has
            no effect from 2010 on. Defaults to False.

    Returns:
        Dict of `voc07_map` (or `voc_map` from 2010 on), the mean over the
        classes that have positives, in [0, 1] or NaN if there are none, and of
        `average_precision`, a dict `{label: float}` with NaN for a class
        without positives.

    Raises:
        ValueError: If detections belong to unknown images, boxes are malformed,
            or labels are below 0 or not below `classes`.

    Example:

    >>> truth = {"a": {"boxes": [[0, 0, 10, 10]], "labels": [3]}}
    >>> found = {"a": {"boxes": [[0, 0, 10, 8]], "scores": [0.9],
    ...                "labels": [3]}}
    >>> voc_average_precision(truth, found)
    {'voc07_map': 1.0, 'average_precision': {3: 1.0}}
    """
    curves = precision_recall(ground_truth, detections, iou, classes, strict)
    # i / 10 and not i * 0.1, which is above 3 / 10 for i = 3: a recall of
    # exactly 3 / 10 (or 6 / 20) rounds to the same number as i / 10.
    recalls = np.arange(11) * 0.1 if float_recalls else np.arange(11) / 10
    values = {
        label: (
            _mean_precision(curve, recalls)
            if year < 2010
            else _below_envelope(curve)
        )
        if curve.positives
        else float("nan")
        for label, curve in curves.items()
    }
    counted = [value for value in values.values() if not np.isnan(value)]
    return {
        "voc07_map" if year < 2010 else "voc_map": (
            float(np.mean(counted)) if counted else float("nan")
        ),
        "average_precision": values,
    }


def precision_recall(
    ground_truth: Boxes,
    detections: Boxes,
    iou: float = 0.5,
    classes: int | None = None,
    strict: bool = False,
) -> dict[int, PrecisionRecall]:
    """Return the curves from which VOC average precision is computed.

    Detections of equal score keep the order of their image ids and, within an
    image, their order. (In py-faster-rcnn's evaluation, the order of equal
    scores is undefined. Average precision may change by 0.078 if scores are
    rounded to 0.1.)

    Args:
        ground_truth: `{image_id: {"boxes": (n, 4), "labels": (n,),
            "difficult": (n,) bool}}`, `difficult` optional. Boxes are half-open
            xyxy in pixels, and labels count from 0.
        detections: `{image_id: {"boxes": (m, 4), "scores": (m,),
            "labels": (m,)}}` without padding.
        iou: Minimum IoU of a correct detection. Float in (0, 1]. Defaults to
            0.5.
        classes: Number of classes. If None, those that occur are measured.
            Defaults to None.
        strict: Whether the IoU must be greater than `iou`. Defaults to False.

    Returns:
        Dict `{label: PrecisionRecall}` with every class, in the order of
        labels.

    Raises:
        ValueError: If detections belong to unknown images, boxes are malformed,
            or labels are below 0 or not below `classes`.

    Example:

    >>> truth = {"a": {"boxes": [[0, 0, 10, 10]], "labels": [3]}}
    >>> found = {"a": {"boxes": [[0, 0, 10, 10], [0, 0, 10, 9]],
    ...                "scores": [0.9, 0.8], "labels": [3, 3]}}
    >>> precision_recall(truth, found)[3].precision.tolist()
    [1.0, 0.5]
    """
    if not 0 < iou <= 1:
        raise ValueError(f"`iou` must be in (0, 1]. Received: iou={iou}")
    truth = read_ground_truth(ground_truth, classes)
    found = read_detections(detections, truth, classes)
    object_labels = _join([t.labels for t in truth.values()], np.int64)
    difficult = _join([t.difficult for t in truth.values()], bool)
    labels = _join([f.labels for f in found.values()], np.int64)
    scores = _join([f.scores for f in found.values()], np.float64)
    overlap, nearest = _nearest_objects(truth, found)
    hit = overlap > iou if strict else overlap >= iou

    if classes is None:
        every_label = np.union1d(object_labels, labels).tolist()
    else:
        every_label = range(classes)
    curves = {}
    for label in every_label:
        of_class = np.flatnonzero(labels == label)
        order = of_class[np.argsort(-scores[of_class], kind="stable")]
        curves[label] = _curve(
            hit[order],
            nearest[order],
            difficult,
            scores[order],
            int(np.sum((object_labels == label) & ~difficult)),
        )
    return curves


def _nearest_objects(truth, found) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest IoU of each detection and the number of its object.

    Objects are numbered through all images. The overlap with an object of
    another class is 0, which no threshold accepts.
    """
    overlaps = []
    numbers = []
    first = 0
    for image_id, objects in truth.items():
        seen = found[image_id]
        if len(objects.boxes) and len(seen.boxes):
            iou = box_iou(seen.boxes, objects.boxes)  # (m, n)
            iou[seen.labels[:, None] != objects.labels[None]] = 0
            nearest = iou.argmax(axis=1)  # the first of equal overlaps
            overlaps.append(iou[np.arange(len(iou)), nearest])
            numbers.append(first + nearest)
        else:
            overlaps.append(np.zeros(len(seen.boxes)))
            numbers.append(np.zeros(len(seen.boxes), np.int64))
        first += len(objects.boxes)
    return _join(overlaps, np.float64), _join(numbers, np.int64)


def _curve(hit, nearest, difficult, scores, positives) -> PrecisionRecall:
    """Compute the curve of the detections of one class, by decreasing score."""
    counted = np.ones(len(hit), bool)
    counted[hit] = ~difficult[nearest[hit]]
    hit, nearest = hit[counted], nearest[counted]
    # The first hit of an object is right; `unique` finds the first.
    right = np.zeros(len(hit), bool)
    hits = np.flatnonzero(hit)
    right[hits[np.unique(nearest[hits], return_index=True)[1]]] = True
    true_positives = np.cumsum(right)
    return PrecisionRecall(
        recall=true_positives / (positives or np.nan),
        precision=true_positives / np.arange(1, len(hit) + 1),
        scores=scores[counted],
        positives=positives,
    )


def _mean_precision(curve: PrecisionRecall, recalls: np.ndarray) -> float:
    best = [
        curve.precision[curve.recall >= recall].max(initial=0)
        for recall in recalls
    ]
    return float(np.mean(best))


def _below_envelope(curve: PrecisionRecall) -> float:
    envelope = np.maximum.accumulate(curve.precision[::-1])[::-1]
    steps = np.diff(curve.recall, prepend=0.0)  # 0 where recall stands still
    return float(np.sum(steps * envelope))


def _join(parts, dtype) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype), *parts])
