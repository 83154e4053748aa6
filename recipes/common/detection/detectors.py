"""What the recipes of detectors share: options, scaling and evaluation."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

import kcv
from kcv.commands.classes import Classes
from kcv.commands.detection_measure import DetectionMeasure
from kcv.metrics.collect import each_detection
from kcv.serving import ServingConfig
from kcv.serving import ShortSide
from kcv.serving.preparation import as_it_is
from kcv.visualize.report import Published
from recipes.common.evaluate_and_report import Evaluation
from recipes.common.evaluate_and_report import count_training
from recipes.common.plan import Plan
from recipes.common.plan import make_adamw
from recipes.common.starting import StartOptions
from recipes.common.training_images import TrainingImages

#: Backbones of Faster and Fast R-CNN in preset paper.
Backbone = Literal["vgg16", "resnet18", "resnet50"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectorOptions(StartOptions):
    """Options that the recipes of all detectors have.

    Attributes:
        data: digit_scenes, voc/2007, voc/2012, coco/2017, voc:FOLDER,
            coco:ANNOTATIONS.json:IMAGES or
            coco:TRAIN.json:IMAGES:HELD_OUT.json.
        preset: Small is a network that learns from random weights in minutes.
            paper has the network, the solver and the schedule of the paper.
        backbone: Network of preset paper. Defaults to that of the paper.
        image_size: Shorter side of the resized images, in pixels. The longer
            side is at most 5/3 of it. Defaults to 192 for preset small, to 600
            for preset paper.
    """

    data: str = "digit_scenes"
    preset: Literal["small", "paper"] = "small"
    backbone: str | None = None
    image_size: int | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.preset == "small" and self.backbone is not None:
            raise ValueError(
                "`backbone` must be left out for preset small, which has a "
                "network of its own: give --preset paper. Received: "
                f"backbone={self.backbone!r}"
            )


def published_map(
    value: float,
    network: str,
    source: str,
    training_set: str = "VOC 2007 trainval",
) -> Published:
    """Return a published mean average precision on the test set of VOC 2007.

    Args:
        value: Mean average precision, in [0, 1].
        network: Name of the backbone, with what else sets the figure apart.
        source: Paper and table.
        training_set: Name of the training set. Defaults to "VOC 2007 trainval".
    """
    data = f"{training_set}, measured on VOC 2007 test; {network}"
    return Published("voc07_map", value, data, source)


def make_optimizer(
    plan: Plan, preset: str, drops: Sequence[float], **options: Any
) -> keras.optimizers.Optimizer:
    """Make the solver of a preset.

    Args:
        plan: Plan of the training.
        preset: "small" for AdamW, which learns from random weights in
            minutes, "paper" for SGD with momentum, as the papers have it.
        drops: Parts of the training after which the paper's learning rate
            falls to a tenth. Floats in (0, 1).
        **options: Further arguments of `kcv.optimizers.CaffeSGD` for the
            paper's solver.

    Returns:
        The optimizer.
    """
    if preset == "small":
        return make_adamw(plan)
    rate = kcv.training.step_decay(
        plan.learning_rate, [round(plan.steps * drop) for drop in drops]
    )
    return kcv.optimizers.CaffeSGD(rate, momentum=0.9, l2=5e-4, **options)


def choose_plan(
    run: DetectorOptions, plan: Plan, images: TrainingImages
) -> Plan:
    """Change the plan of a preset as the options of a run ask for.

    The learning rate of preset small grows with the batch size, and its epochs
    are shorter for a dataset of few images.

    Args:
        run: Options of the recipe.
        plan: Plan of the preset.
        images: Training images.

    Returns:
        The plan.
    """
    small = run.preset == "small"
    size = images.size if small else None
    return plan.with_options(run, linear_rate=small, images=size)


def watch_epochs(
    run: DetectorOptions,
    test: tf.data.Dataset,
    validation: tf.data.Dataset | None,
    every: int | None = None,
) -> tuple[list[keras.callbacks.Callback], dict[str, Any]]:
    """Choose how epochs are measured.

    Args:
        run: Options of the recipe.
        test: Held-out batches, one pass.
        validation: Batches of the validation images, one pass. None if there
            are none.
        every: Number of epochs between measurements of the held-out images,
            where there are no validation images. Defaults to None, for not
            measuring them.

    Returns:
        Tuple (measures, options) of arguments for `train`.
    """
    coco = is_coco(run.data)
    metric = measure_precision if coco else kcv.metrics.voc_average_precision
    evaluation = kcv.metrics.DetectionEvaluation
    if validation is None:
        return [evaluation(test, metric, every)] if every else [], {}
    return [evaluation(validation, metric)], {
        "monitor": ("val_coco_ap" if coco else "val_voc07_map", "max"),
        **watch_loss(validation),
    }


def watch_loss(validation: tf.data.Dataset | None) -> dict[str, Any]:
    """Choose that the loss of epochs is measured, if there is data for it.

    Args:
        validation: Batches of the validation images, one pass. None if there
            are none.

    Returns:
        Arguments for `train`.
    """
    if validation is None:
        return {}
    return {"validation_data": validation.map(kcv.data.detection_inputs)}


def is_coco(source: str) -> bool:
    """Return whether a dataset is measured by COCO AP."""
    return source.startswith("coco")


def measure_precision(truth: Mapping, found: Mapping) -> dict[str, Any]:
    """Compute the average precision by the rules of COCO and of VOC 2007.

    Args:
        truth: Objects of each image, see `kcv.metrics.collect_detections`.
        found: Detections of each image.

    Returns:
        `coco_ap`, `coco_ap50`, `coco_ap75` and `voc07_map`.
    """
    scores = kcv.metrics.coco_average_precision(truth, found)
    scores |= kcv.metrics.voc_average_precision(truth, found)
    names = ("coco_ap", "coco_ap50", "coco_ap75", "voc07_map")
    return {name: scores[name] for name in names}


def scale_to(image_size: int | None) -> ShortSide | None:
    """Return the scaling to a shorter side, the longer at most 5/3 of it.

    The papers have 600 and 1000 pixels. None keeps the size of the images.
    """
    if image_size is None:
        return None
    return ShortSide(image_size, image_size * 5 // 3)


def serve_detector(
    scaling: ShortSide | None, class_names: tuple[str, ...]
) -> ServingConfig:
    """Return how a detector is served, whose images are scaled like this."""
    return ServingConfig("detection", scaling or as_it_is, class_names)


def evaluate_detector(
    model: keras.Model,
    test: tf.data.Dataset,
    class_names: Sequence[str],
    run: DetectorOptions,
    min_score: float = 0.5,
    **figures: float,
) -> Evaluation:
    """Measure a detector on held-out images.

    Args:
        model: Trained detector.
        test: Held-out batches as `kcv.data.batch` makes them, one pass.
        class_names: Names of the classes 0, 1, ...
        run: Options of the recipe. If the data are COCO's files, COCO AP is
            measured, too.
        min_score: Score from which on the report shows and counts detections.
            Defaults to 0.5.
        **figures: Further metrics of the run.

    Returns:
        Average precision by the rules of VOC, errors by class, objects of both
        parts, galleries, and the curves of precision over recall.
    """
    measure = DetectionMeasure(
        Classes(tuple(class_names), np.arange(len(class_names))),
        min_score,
        count_training("detection", run.data, run, class_names),
        has_coco=is_coco(run.data),
    )
    images = 0
    for found in each_detection(model, test):
        measure.add_found(found)
        images += 1
    measured = measure.result()
    headline = ", ".join(
        f"{name} {measured.metrics[name]:.3f}"
        for name in ("voc07_map", "coco_ap")
        if name in measured.metrics
    )
    classes = next(iter(measured.tables.values()))
    metrics = {
        **measured.metrics,
        "average_precision": {row["class"]: row["voc07_ap"] for row in classes},
        "split": f"{run.data}, {images} held-out images",
        **figures,
    }
    return Evaluation(metrics, measured.figures, headline, measured.tables)
