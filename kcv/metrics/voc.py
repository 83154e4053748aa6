"""Average precision of the PASCAL VOC detection challenge.

Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge", IJCV
2010, and the challenge's development kits of 2007 and 2010. The rules that
move the figure:

- A detection looks at the one object of its class with the largest overlap,
  whether or not an earlier detection took it. Taken already: false positive,
  even where a second, free object overlaps enough too.
- A detection of a difficult object counts neither for nor against, and
  difficult objects are not among the positives.
- Until 2009 precision is averaged at the recalls 0, .1 ... 1; from 2010 on it
  is integrated below the monotone envelope.
"""

from typing import NamedTuple

import numpy as np

from kcv.metrics.box_iou import box_iou
from kcv.metrics.forms import Boxes
from kcv.metrics.forms import read_detections
from kcv.metrics.forms import read_ground_truth


class PrecisionRecall(NamedTuple):
    """Precision over recall of one class, by falling score.

    Detections of difficult objects are left out: they would repeat a point.
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

    With `strict=True` and `float_recalls=True` this is py-faster-rcnn's
    evaluation, except that detections of equal scores have no order there.

    `is_crowd` is not a notion of VOC: such objects are ordinary ones here.

    Args:
        ground_truth: `{image_id: {"boxes": (n, 4), "labels": (n,),
            "difficult": (n,) bool}}`, `difficult` optional; xyxy pixels,
            half-open, labels from 0.
        detections: `{image_id: {"boxes": (m, 4), "scores": (m,),
            "labels": (m,)}}`, no padding.
        iou: overlap that makes a detection right, above 0, at most 1.
        year: of the challenge; before 2010 the mean of precision at eleven
            recalls, from 2010 on the area below the curve.
        classes: number of classes; `None` for those that occur.
        strict: whether the overlap must be greater than `iou`, as in
            py-faster-rcnn's evaluation, rather than at least `iou`, as in the
            development kit.
        float_recalls: Whether the eleven recalls are computed as `i * 0.1`, as
            in py-faster-rcnn. In floating point three of them are slightly
            above 0.3, 0.6 and 0.7, so that a recall of exactly 3 / 10 misses
            its point: finding 3 of 10 objects is 3 / 11 instead of 4 / 11.
            Without effect from 2010 on. Defaults to False.

    Returns:
        `"voc07_map"` (or `"voc_map"` from 2010 on): mean over the classes
        that have positives, 0..1, NaN if none has; `"average_precision"`:
        `{label: float}`, NaN for a class without positives.

    Raises:
        ValueError: for detections of unknown images, malformed boxes, labels
            below 0 or not below `classes`.

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

    Detections of equal score keep the order of their image ids and, within
    an image, the order in which they are given. (py-faster-rcnn's evaluation
    sorts them in no particular order. Average precision may change by 0.078 if
    scores are rounded to 0.1.)

    Args:
        ground_truth: as for `voc_average_precision`.
        detections: as for `voc_average_precision`.
        iou: overlap that makes a detection right, above 0, at most 1.
        classes: number of classes; `None` for those that occur.
        strict: whether the overlap must be greater than `iou`.

    Returns:
        `{label: PrecisionRecall}` for every class, in the order of labels.

    Raises:
        ValueError: as for `voc_average_precision`.

    Example:

    >>> truth = {"a": {"boxes": [[0, 0, 10, 10]], "labels": [3]}}
    >>> found = {"a": {"boxes": [[0, 0, 10, 10], [0, 0, 10, 9]],
    ...                "scores": [0.9, 0.8], "labels": [3, 3]}}
    >>> precision_recall(truth, found)[3].precision.tolist()
    [1.0, 0.5]
    """
    if not 0 < iou <= 1:
        raise ValueError(f"iou must be above 0 and at most 1, got {iou}")
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
    """For every detection, the largest IoU and the number of its object.

    Objects are numbered through all images. The largest overlap with an
    object of another class is 0, which no threshold accepts.
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
    """Walk down the detections of one class, given by falling score."""
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
