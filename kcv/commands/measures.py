"""How well a model does on the examples of a dataset, by its task.

A measure is given examples with the answers of the model, one after another,
and tells in the end what they are worth.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kcv.commands.answers import Answer
from kcv.commands.answers import Kind
from kcv.commands.classes import Classes
from kcv.commands.detection_measure import DetectionMeasure
from kcv.commands.measured import Measured
from kcv.commands.measured import WorstImages
from kcv.commands.measured import class_rows
from kcv.commands.measured import image_name
from kcv.commands.measured import images_figure
from kcv.examples import VOID
from kcv.metrics import mask_average_recall
from kcv.metrics import most_confused
from kcv.metrics import segmentation_scores
from kcv.metrics import top_k_error
from kcv.metrics.mask_codes import encode_masks
from kcv.visualize import confusion_figure
from kcv.visualize import iu_figure
from kcv.visualize import segmentation_gallery

# Images that are shown of a segmenter, whatever it does on them.
_FIRST = 6


class ClassificationMeasure:
    """Measure of a classifier: top 1, top 5, and what is taken for what.

    Args:
        classes: Classes of the model.
        other_parts: Numbers of images per class in parts of the data that are
            not measured, by the heading of their column. Defaults to none.
    """

    def __init__(
        self,
        classes: Classes,
        other_parts: Mapping[str, ArrayLike] | None = None,
    ):
        self._names, self._of_model = classes
        self._other_parts = other_parts or {}
        self._labels: list[int] = []
        self._scores: list[np.ndarray] = []
        self._worst = WorstImages()

    def add(self, example: dict[str, Any], answer: Answer) -> None:
        """Add an example and the probabilities of its classes.

        Args:
            example: Single example with `labels` () and `image_id`.
            answer: Answer of the model, with `probabilities` (C,).
        """
        label = int(self._of_model[example["labels"]])
        probabilities = answer["probabilities"]
        self._labels.append(label)
        self._scores.append(probabilities)
        best = int(probabilities.argmax())
        if best == label:
            return
        name = image_name(example)
        row = {
            "image": name,
            "class": self._names[label],
            "taken for": self._names[best],
            "score": float(probabilities[best]),
            "score of its class": float(probabilities[label]),
        }
        title = f"{self._names[label]}, not {self._names[best]}"
        shown = (title, example["images"])
        self._worst.add(1 - float(probabilities[label]), row, shown)

    def result(self) -> Measured:
        """Compute the figures of all examples."""
        labels, scores = np.array(self._labels), np.stack(self._scores)
        names = self._names
        confusion = np.zeros((len(names), len(names)), np.int64)
        np.add.at(confusion, (labels, scores.argmax(1)), 1)
        recall, precision = _rates(confusion)
        columns = {
            "images": confusion.sum(1),
            **self._other_parts,
            "recall": recall,
            "precision": precision,
        }
        confused = [
            {"class": names[true], "taken for": names[other], "images": count}
            for true, other, count in most_confused(confusion)
        ]
        figures = {
            "Images by true and predicted class": confusion_figure(
                confusion, names
            )
        }
        worst = self._worst.shown()
        if worst:
            figures["Worst images"] = images_figure(worst, columns=3)
        metrics = {
            f"top{k}": 1 - top_k_error(labels, scores, k) for k in (1, 5)
        }
        tables = {
            "Classes": class_rows(names, columns),
            "Most confused": confused,
            "Worst images": self._worst.rows(),
        }
        return Measured(metrics, tables, figures)


class SegmentationMeasure:
    """Measure of a segmenter: the four scores of Long et al. 2015.

    Args:
        classes: Classes of the model.
        other_parts: Numbers of images in which a class occurs, in parts of the
            data that are not measured, by the heading of their column.
            Defaults to none.

    Attributes:
        first: The first images, dicts of `image`, `truth` and `found`.
    """

    def __init__(
        self,
        classes: Classes,
        other_parts: Mapping[str, ArrayLike] | None = None,
    ):
        self._names, labels = classes
        self._other_parts = other_parts or {}
        self._of_model = np.full(256, VOID)
        self._of_model[: len(labels)] = labels
        count = len(self._names)
        self._confusion = np.zeros((count, count), np.int64)
        self._images = np.zeros(count, np.int64)
        self.first: list[dict[str, np.ndarray]] = []
        self._worst = WorstImages()

    def add(self, example: dict[str, Any], answer: Answer) -> None:
        """Add an example and its label map.

        Args:
            example: Single example with `segmentation_masks` (H, W) and
                `image_id`.
            answer: Answer of the model, with `label_map` (H, W).
        """
        truth = self._of_model[example["segmentation_masks"]]
        found = answer["label_map"]
        counts = truth != VOID
        count = len(self._names)
        pairs = count * truth[counts] + found[counts]
        own = np.bincount(pairs, minlength=count**2).reshape(count, count)
        self._confusion += own
        self._images += own.any(1)
        shown = {
            "image": example["images"],
            "truth": truth.astype(np.uint8),
            "found": found,
        }
        if len(self.first) < _FIRST:
            self.first.append(shown)
        if not own.any():
            return
        scores = segmentation_scores(own)
        row = {
            "image": image_name(example),
            "mean_iu": scores["mean_iu"],
            "pixel_accuracy": scores["pixel_accuracy"],
        }
        self._worst.add(1 - scores["mean_iu"], row, shown)

    def scores(self) -> dict[str, Any]:
        """Compute the scores of all images.

        Returns:
            Dict of the four scores, and `iu` (C,), that of each class.
        """
        return segmentation_scores(self._confusion)

    def result(self) -> Measured:
        """Compute the figures of all examples."""
        names = self._names
        scores = self.scores()
        iu = scores.pop("iu")
        shares = self._confusion.sum(1) / self._confusion.sum()
        recall, precision = _rates(self._confusion)
        columns = {
            "images": self._images,
            **self._other_parts,
            "share of pixels": shares,
            "iu": iu,
            "recall": recall,
            "precision": precision,
        }
        figures = {"Images": segmentation_gallery(self.first, names)}
        worst = self._worst.shown()
        if worst:
            figures["Worst images"] = segmentation_gallery(worst, names)
        figures["IU of each class"] = iu_figure(iu, names)
        figures["Pixels by true and predicted class"] = confusion_figure(
            self._confusion, names
        )
        tables = {
            "Classes": class_rows(names, columns),
            "Worst images": self._worst.rows(),
        }
        return Measured(scores, tables, figures)


class MaskMeasure:
    """Measure of a mask model: average recall of masks and boxes."""

    def __init__(self):
        self._truth: dict[str, dict[str, Any]] = {}
        self._found: dict[str, dict[str, Any]] = {}

    def add(self, example: dict[str, Any], answer: Answer) -> None:
        """Add an example and the masks that the model proposes.

        Args:
            example: Single example with `instance_masks` (n, H, W), `is_crowd`,
                `difficult` and `image_id`.
            answer: Answer of the model, with `masks` (m, H, W) and `scores`
                (m,).
        """
        name = image_name(example)
        self._truth[name] = {
            "masks": encode_masks(example["instance_masks"]),
            "is_crowd": example["is_crowd"],
            "difficult": example["difficult"],
        }
        self._found[name] = {
            "masks": encode_masks(answer["masks"]),
            "scores": answer["scores"],
        }

    def result(self) -> Measured:
        """Compute the figures of all examples."""
        return Measured(mask_average_recall(self._truth, self._found), {}, {})


def make_measure(
    kind: Kind,
    classes: Classes,
    min_score: float,
    other_parts: Mapping[str, ArrayLike],
) -> Any:
    """Make the measure for models of a task.

    Args:
        kind: Task of the model.
        classes: Its classes.
        min_score: Score from which on a detection counts in the table of
            errors.
        other_parts: Numbers of objects, or of images if the model is not a
            detector, per class in parts of the data that are not measured, by
            the heading of their column.

    Returns:
        Object with methods `add` and `result`.
    """
    if kind == "detection":
        return DetectionMeasure(classes, min_score, other_parts)
    if kind == "classification":
        return ClassificationMeasure(classes, other_parts)
    if kind == "segmentation":
        return SegmentationMeasure(classes, other_parts)
    return MaskMeasure()


def _rates(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute recall and precision of each class, NaN if there is none."""
    right = np.diag(confusion)
    with np.errstate(invalid="ignore"):
        return right / confusion.sum(1), right / confusion.sum(0)
