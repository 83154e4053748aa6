"""Which objects a detector misses, and what it takes for which.

Shapes: n objects and m detections of an image, C classes.
"""

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from kcv.metrics.box_iou import box_iou
from kcv.metrics.forms import Boxes
from kcv.metrics.forms import read_detections
from kcv.metrics.forms import read_ground_truth


class BoxErrors(NamedTuple):
    """Errors of a detector at one score and one IoU.

    Attributes:
        confusion: Objects by true and predicted class. Int64 array (C + 1, C +
            1). The last column counts objects that are missed, and the last
            row detections of nothing.
        images: Dict from the id of an image to the numbers of its objects that
            are missed, of its detections of nothing, and of its objects that
            are taken for another class.
    """

    confusion: np.ndarray
    images: dict[Hashable, tuple[int, int, int]]


def box_errors(
    ground_truth: Boxes,
    detections: Boxes,
    classes: int,
    min_score: float = 0.5,
    iou: float = 0.5,
) -> BoxErrors:
    """Count missed objects, false detections and exchanged classes.

    Detections are matched one to one with objects, the best first, each with
    the object of its own class that it overlaps most, and without one with an
    object of any class. Objects that are difficult or crowds may be found or
    missed: they count neither for nor against a detector.

    Args:
        ground_truth: Objects, as for `voc_average_precision`.
        detections: Detections, as for `voc_average_precision`.
        classes: Number of classes C.
        min_score: Score from which on detections count. Defaults to 0.5.
        iou: Overlap from which on a detection is one of an object. Float in (0,
            1]. Defaults to 0.5.

    Returns:
        The errors.

    Raises:
        ValueError: As for `voc_average_precision`.

    Example:

    >>> truth = {"a": {"boxes": [[0, 0, 9, 9], [20, 0, 29, 9]],
    ...                "labels": [0, 1]}}
    >>> found = {"a": {"boxes": [[0, 0, 9, 8]], "scores": [0.9],
    ...                "labels": [1]}}
    >>> errors = box_errors(truth, found, classes=2)
    >>> errors.confusion.tolist(), errors.images
    ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], {'a': (1, 0, 1)})
    """
    truth = read_ground_truth(ground_truth, classes)
    found = read_detections(detections, truth, classes)
    confusion = np.zeros((classes + 1, classes + 1), np.int64)
    images = {}
    for image_id, objects in truth.items():
        seen = found[image_id]
        order = np.argsort(-seen.scores, kind="stable")
        order = order[seen.scores[order] >= min_score]
        labels = seen.labels[order]
        overlaps = box_iou(seen.boxes[order], objects.boxes)
        overlaps[overlaps < iou] = 0
        match = _match(overlaps, labels, objects.labels)
        ignored = objects.difficult | objects.is_crowd
        own = np.zeros_like(confusion)
        for label, number in zip(labels, match, strict=True):
            if number < 0:
                own[classes, label] += 1
            elif not ignored[number]:
                own[objects.labels[number], label] += 1
        missed = np.setdiff1d(np.flatnonzero(~ignored), match)
        np.add.at(own, (objects.labels[missed], classes), 1)
        exchanged = own[:classes, :classes]
        images[image_id] = (
            int(own[:classes, classes].sum()),
            int(own[classes, :classes].sum()),
            int(exchanged.sum() - np.trace(exchanged)),
        )
        confusion += own
    return BoxErrors(confusion, images)


def _match(overlaps, labels, truth_labels) -> np.ndarray:
    """Return the number of the object of each detection, -1 for nothing."""
    match = np.full(len(labels), -1)
    if not overlaps.size:
        return match
    overlaps = overlaps.copy()
    same = labels[:, None] == truth_labels
    # Objects of the right class first, so that no other detection takes them.
    for allowed in (same, ~same):
        for k in np.flatnonzero(match < 0):
            own = np.where(allowed[k], overlaps[k], 0)
            number = int(own.argmax())
            if own[number] > 0:
                match[k] = number
                overlaps[:, number] = 0
    return match
