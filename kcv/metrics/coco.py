"""Average precision of COCO, computed by its own evaluator.

Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014. The
evaluator is `pycocotools`, or `faster_coco_eval` if only that one is installed.
This file converts the boxes so that every image takes part, with or without
detections, ids of categories and annotations start at 1 (0 means "unmatched" to
the evaluator), and crowds are marked.
"""

import contextlib
import io

from kcv.extras import describe_installation
from kcv.metrics.forms import Boxes
from kcv.metrics.forms import read_detections
from kcv.metrics.forms import read_ground_truth

# The evaluator's twelve figures in its order.
STATISTICS = (
    "coco_ap",
    "coco_ap50",
    "coco_ap75",
    "coco_ap_small",
    "coco_ap_medium",
    "coco_ap_large",
    "coco_ar1",
    "coco_ar10",
    "coco_ar100",
    "coco_ar_small",
    "coco_ar_medium",
    "coco_ar_large",
)


def coco_average_precision(
    ground_truth: Boxes, detections: Boxes, classes: int | None = None
) -> dict[str, float]:
    """Measure detections by the rule of COCO, mean over IoU 0.5:0.05:0.95.

    COCO has no difficult objects, so objects with `difficult` are ordinary
    objects here. Objects are small, medium or large by the area of their boxes
    (with bounds of 32**2 and 96**2 pixels), not of their masks.

    Args:
        ground_truth: `{image_id: {"boxes": (n, 4), "labels": (n,), "is_crowd":
            (n,) bool}}`, `is_crowd` optional. Boxes are half-open xyxy in the
            original pixels of the image, and labels count from 0.
        detections: `{image_id: {"boxes": (m, 4), "scores": (m,), "labels":
            (m,)}}` without padding. The best 100 of an image and class are
            used.
        classes: Number of classes, by which labels are checked. If None, the
            classes are those that occur. Defaults to None.

    Returns:
        Dict of `coco_ap`, `coco_ap50`, `coco_ap75`, `coco_ap_small`, `_medium`,
        `_large`, and of the mean recall at the same thresholds with 1, 10 and
        100 detections, `coco_ar1`, `coco_ar10`, `coco_ar100`, and
        `coco_ar_small`, `_medium`, `_large`. All are in [0, 1], or NaN if there
        is no object.

    Raises:
        ImportError: If no evaluator is installed.
        ValueError: If detections belong to unknown images, boxes are malformed,
            or labels are below 0 or not below `classes`.

    Example:

    >>> truth = {"a": {"boxes": [[0, 0, 10, 10]], "labels": [0]}}
    >>> found = {"a": {"boxes": [[0, 0, 10, 10]], "scores": [0.9],
    ...                "labels": [0]}}
    >>> round(coco_average_precision(truth, found)["coco_ap"], 3)
    1.0
    """
    return coco_precision_by_class(ground_truth, detections, classes)[0]


def coco_precision_by_class(
    ground_truth: Boxes, detections: Boxes, classes: int | None = None
) -> tuple[dict[str, float], dict[int, float]]:
    """Measure detections by the rule of COCO, all classes at once.

    Args:
        ground_truth: Objects, see `coco_average_precision`.
        detections: Detections, see `coco_average_precision`.
        classes: Number of classes, by which labels are checked. If None, the
            classes are those that occur. Defaults to None.

    Returns:
        Tuple (figures of all classes as `coco_average_precision` returns them,
        `coco_ap` of each class by its label, NaN for a class without objects).
    """
    make_dataset, make_evaluator = _evaluator()
    truth = read_ground_truth(ground_truth, classes)
    found = read_detections(detections, truth, classes)
    labels = {int(label) for own in truth.values() for label in own.labels}
    labels |= {int(label) for own in found.values() for label in own.labels}
    per_class = dict.fromkeys(range(classes or 0), float("nan"))
    if not labels:  # the evaluator cannot do without categories
        return dict.fromkeys(STATISTICS, float("nan")), per_class
    images = [{"id": number} for number in range(1, len(truth) + 1)]
    categories = [{"id": label + 1} for label in sorted(labels)]
    objects = []
    for number, image in enumerate(truth.values(), start=1):
        for box, label, crowd in zip(
            image.boxes, image.labels, image.is_crowd, strict=True
        ):
            objects.append(_annotation(len(objects), number, box, label))
            objects[-1]["iscrowd"] = int(crowd)
    results = []
    for number, own in enumerate(found.values(), start=1):
        for box, score, label in zip(
            own.boxes, own.scores, own.labels, strict=True
        ):
            results.append(_annotation(len(results), number, box, label))
            results[-1] |= {"iscrowd": 0, "score": float(score)}

    with contextlib.redirect_stdout(io.StringIO()):  # it prints its results
        sides = []
        for annotations in (objects, results):
            side = make_dataset()
            side.dataset = {
                "images": images,
                "categories": categories,
                "annotations": annotations,
            }
            side.createIndex()
            sides.append(side)
        evaluator = make_evaluator(*sides, iouType="bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    # Axes: IoU threshold, recall, class, size of the objects, number of
    # detections. The first size is that of all objects, the last number is 100.
    precision = evaluator.eval["precision"][:, :, :, 0, -1].mean((0, 1))
    values = [*evaluator.stats, *precision]
    # The evaluator returns -1 if there is no object to find.
    values = [float(v) if v >= 0 else float("nan") for v in values]
    count = len(precision)
    summary = dict(zip(STATISTICS, values[:-count], strict=False))
    per_class |= zip(sorted(labels), values[-count:], strict=True)
    return summary, per_class


def _annotation(index: int, image: int, box, label: int) -> dict:
    x1, y1, x2, y2 = box.tolist()
    return {
        "id": index + 1,
        "image_id": image,
        "category_id": int(label) + 1,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": (x2 - x1) * (y2 - y1),
    }


def _evaluator():
    """Return the classes (dataset, evaluation) of the installed package."""
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError:
        try:
            from faster_coco_eval import COCO
            from faster_coco_eval import COCOeval_faster as COCOeval
        except ImportError as error:
            raise ImportError(
                "COCO average precision needs pycocotools or faster-coco-eval. "
                + describe_installation("eval")
            ) from error
    return COCO, COCOeval
