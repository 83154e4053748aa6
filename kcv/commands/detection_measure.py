"""How well a detector does: average precision, errors, and the worst images."""

from collections.abc import Hashable
from typing import Any

import numpy as np

from kcv.commands.answers import Answer
from kcv.commands.classes import Classes
from kcv.commands.measured import Measured
from kcv.commands.measured import WorstImages
from kcv.commands.measured import image_name
from kcv.metrics import coco_average_precision
from kcv.metrics import precision_recall
from kcv.metrics import voc_average_precision
from kcv.metrics.box_errors import box_errors
from kcv.visualize import confusion_figure
from kcv.visualize import detection_gallery
from kcv.visualize import precision_recall_figure

# Areas of COCO between small, medium and large objects, in pixels.
_AREAS = {
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, np.inf),
}


class DetectionMeasure:
    """Measure of a detector by the rules of VOC and COCO.

    Args:
        classes: Classes of the model.
        min_score: Score from which on a detection counts in the table of
            errors.
    """

    def __init__(self, classes: Classes, min_score: float):
        self._names, self._labels = classes
        self._min_score = min_score
        self._truth: dict[Hashable, Any] = {}
        self._found: dict[Hashable, Any] = {}
        self._worst = WorstImages()

    def add(self, example: dict[str, Any], answer: Answer) -> None:
        """Add an example and what the model has found in it."""
        name = image_name(example)
        boxes = example["bounding_boxes"]
        truth = {
            "boxes": boxes["boxes"],
            "labels": self._labels[boxes["labels"]],
            "difficult": example["difficult"],
            "is_crowd": example["is_crowd"],
        }
        self._truth[name], self._found[name] = truth, answer
        errors = box_errors(
            {name: truth}, {name: answer}, len(self._names), self._min_score
        )
        missed, false, other = errors.images[name]
        row = {
            "image": name,
            "objects": len(truth["labels"]),
            "missed": missed,
            "false": false,
            "wrong class": other,
        }
        shown = (example["images"], truth, answer)
        self._worst.add(missed + false + other, row, shown)

    def result(self) -> Measured:
        """Compute the figures of all examples."""
        truth, found, names = self._truth, self._found, self._names
        count = len(names)
        voc07 = voc_average_precision(truth, found, classes=count)
        voc10 = voc_average_precision(truth, found, year=2010, classes=count)
        coco = coco_average_precision(truth, found, classes=count)
        metrics = {
            "voc07_map": voc07["voc07_map"],
            "voc_map": voc10["voc_map"],
            **coco,
        }
        errors = box_errors(truth, found, count, self._min_score)
        curves = precision_recall(truth, found, classes=count)
        objects = errors.confusion[:count].sum(1)
        per_class = [
            {
                "class": name,
                "objects": int(objects[label]),
                "voc07_ap": voc07["average_precision"][label],
                "voc_ap": voc10["average_precision"][label],
                "coco_ap": self._coco_of(label),
                "found": int(errors.confusion[label, label]),
                "missed": int(errors.confusion[label, count]),
                "false": int(errors.confusion[count, label]),
            }
            for label, name in enumerate(names)
        ]
        worst = self._worst.shown()
        figures = {}
        if worst:
            figures["Worst images"] = detection_gallery(
                worst, names, self._min_score
            )
        figures["Precision over recall"] = precision_recall_figure(
            curves, names, voc07["average_precision"]
        )
        figures["Objects by true and predicted class"] = confusion_figure(
            errors.confusion, (*names, "nothing")
        )
        score = f"{self._min_score:g}"
        tables = {
            f"Classes; errors at a score of {score} and an IoU of 0.5": (
                per_class
            ),
            "Sizes": self._sizes(coco),
            f"Worst images at a score of {score}": self._worst.rows(),
        }
        return Measured(metrics, tables, figures)

    def _coco_of(self, label: int) -> float:
        def of_class(images):
            return {
                name: {
                    key: np.asarray(column)[np.asarray(own["labels"]) == label]
                    for key, column in own.items()
                    if key != "landmarks"
                }
                for name, own in images.items()
            }

        found = coco_average_precision(
            of_class(self._truth), of_class(self._found)
        )
        return found["coco_ap"]

    def _sizes(self, coco) -> list[dict[str, Any]]:
        boxes = np.concatenate([own["boxes"] for own in self._truth.values()])
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        return [
            {
                "size": size,
                "objects": int(((areas >= low) & (areas < high)).sum()),
                "coco_ap": coco[f"coco_ap_{size}"],
                "coco_ar": coco[f"coco_ar_{size}"],
            }
            for size, (low, high) in _AREAS.items()
        ]
