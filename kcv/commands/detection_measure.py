"""How well a detector does: average precision, errors, and the worst images."""

from collections.abc import Hashable
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kcv.commands.answers import Answer
from kcv.commands.classes import Classes
from kcv.commands.measured import Measured
from kcv.commands.measured import WorstImages
from kcv.commands.measured import class_rows
from kcv.commands.measured import image_name
from kcv.metrics import most_confused
from kcv.metrics import precision_recall
from kcv.metrics import voc_average_precision
from kcv.metrics.box_errors import box_errors
from kcv.metrics.coco import coco_precision_by_class
from kcv.metrics.collect import Detected
from kcv.pixels import to_rgb
from kcv.visualize import confusion_figure
from kcv.visualize import detection_gallery
from kcv.visualize import precision_recall_figure

# Images that are shown, whatever the model does on them.
_FIRST = 8
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
        min_score: Score from which on a detection counts in the tables of
            errors.
        other_parts: Numbers of objects per class in parts of the data that
            are not measured, by the heading of their column. Defaults to none.
        has_coco: Whether COCO AP is computed, too, which needs pycocotools.
            Defaults to True.
    """

    def __init__(
        self,
        classes: Classes,
        min_score: float,
        other_parts: Mapping[str, ArrayLike] | None = None,
        has_coco: bool = True,
    ):
        self._names, self._labels = classes
        self._min_score = min_score
        self._other_parts = other_parts or {}
        self._has_coco = has_coco
        self._truth: dict[Hashable, Any] = {}
        self._found: dict[Hashable, Any] = {}
        self._first: list[tuple] = []
        self._worst = WorstImages()

    def add(self, example: dict[str, Any], answer: Answer) -> None:
        """Add an example and the detections of the model.

        Args:
            example: Single example with `images` (H, W, 3), `bounding_boxes`,
                `difficult`, `is_crowd` and `image_id`.
            answer: Answer of the model for the image.
        """
        boxes = example["bounding_boxes"]
        truth = {
            "boxes": boxes["boxes"],
            "labels": self._labels[boxes["labels"]],
            "difficult": example["difficult"],
            "is_crowd": example["is_crowd"],
        }
        image = example["images"]
        self.add_found(Detected(image_name(example), truth, answer, image, 1.0))

    def add_found(self, one: Detected) -> None:
        """Add an image whose objects have labels of the model.

        Args:
            one: Image with its objects and detections.
        """
        name, truth, found = one.image_id, one.truth, one.found
        self._truth[name], self._found[name] = truth, found
        errors = box_errors(
            {name: truth}, {name: found}, len(self._names), self._min_score
        )
        missed, false, other = errors.images[name]
        row = {
            "image": name,
            "objects": len(truth["labels"]),
            "missed": missed,
            "false": false,
            "wrong class": other,
        }
        # A copy, as the image is a part of a whole batch.
        image = to_rgb(one.image, clip=True).copy()
        scaled = [
            {**own, "boxes": own["boxes"] * one.scale} for own in (truth, found)
        ]
        shown = (name, (image, *scaled))
        if len(self._first) < _FIRST:
            self._first.append(shown)
        self._worst.add(missed + false + other, row, shown)

    def result(self) -> Measured:
        """Compute the figures of all examples."""
        truth, found, names = self._truth, self._found, self._names
        count = len(names)
        voc07 = voc_average_precision(truth, found, classes=count)
        voc10 = voc_average_precision(truth, found, year=2010, classes=count)
        metrics = {
            "voc07_map": voc07["voc07_map"],
            "voc_map": voc10["voc_map"],
        }
        errors = box_errors(truth, found, count, self._min_score).confusion
        objects, hits = errors[:count].sum(1), np.diag(errors)[:count]
        missed = errors[:count, count]
        columns = {
            "objects": objects,
            **self._other_parts,
            "voc07_ap": list(voc07["average_precision"].values()),
            "voc_ap": list(voc10["average_precision"].values()),
        }
        tables = {}
        if self._has_coco:
            coco, per_class = coco_precision_by_class(truth, found, count)
            metrics |= coco
            columns["coco_ap"] = list(per_class.values())
            tables["Sizes"] = self._sizes(coco)
        columns |= {
            "found": hits,
            "wrong class": objects - hits - missed,
            "missed": missed,
            "false": errors[count, :count],
        }
        curves = precision_recall(truth, found, classes=count)
        score = f"{self._min_score:g}"
        exchanged = [
            {"class": names[true], "taken for": names[other], "objects": number}
            for true, other, number in most_confused(errors[:count, :count])
        ]
        tables = {
            f"Classes; errors at a score of {score} and an IoU of 0.5": (
                class_rows(names, columns)
            ),
            "Objects taken for another class": exchanged,
            **tables,
            f"Worst images at a score of {score}": self._worst.rows(),
        }
        figures = {
            f"Images, and detections that score at least {score}": (
                self._gallery(self._first)
            )
        }
        worst = self._worst.shown()
        if worst:
            figures["Worst images"] = self._gallery(worst)
        figures["Objects by true and predicted class"] = confusion_figure(
            errors, (*names, "background")
        )
        figures["Precision over recall"] = precision_recall_figure(
            curves, names, voc07["average_precision"]
        )
        return Measured(metrics, tables, figures)

    def _gallery(self, images):
        names, shown = zip(*images, strict=True)
        return detection_gallery(
            shown, self._names, self._min_score, titles=names
        )

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
