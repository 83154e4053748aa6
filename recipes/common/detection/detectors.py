"""What the recipes of detectors share: options, scaling and evaluation."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Literal

import keras
import tensorflow as tf

import kcv
from kcv.serving import ServingConfig
from kcv.serving import ShortSide
from kcv.serving.preparation import as_it_is
from kcv.visualize.report import Published
from recipes.common.evaluate_and_report import Evaluation
from recipes.common.plan import Plan
from recipes.common.plan import make_adamw
from recipes.common.run import Run


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectorOptions(Run):
    """Options that the recipes of all detectors have.

    Attributes:
        data: digit_scenes, voc/2007, voc/2012, coco/2017, voc:FOLDER,
            coco:ANNOTATIONS.json:IMAGES or
            coco:TRAIN.json:IMAGES:HELD_OUT.json.
        preset: small is a network that learns from random weights in minutes.
            paper has the network, the solver and the schedule of the paper.
        backbone: Network of preset paper. Defaults to vgg16.
        weights: Pretrained weights: imagenet (downloaded, for preset paper),
            a file of kcv, keras.applications, torchvision or Caffe, or the
            model.keras of another run, which may have other classes. Defaults
            to random weights.
        image_size: Shorter side of the resized images, in pixels. The longer
            side is at most 5/3 of it. Defaults to 192 for preset small, to 600
            for preset paper.
    """

    data: str = "digit_scenes"
    preset: Literal["small", "paper"] = "small"
    backbone: Literal["vgg16", "resnet18", "resnet50"] | None = None
    weights: str | None = None
    image_size: int | None = None

    def __post_init__(self):
        super().__post_init__()
        if self.preset != "small":
            return
        if self.backbone is not None:
            raise ValueError(
                "`backbone` must be left out for preset small, which has a "
                "network of its own: give --preset paper. Received: "
                f"backbone={self.backbone!r}"
            )
        if self.weights == "imagenet":
            raise ValueError(
                "`weights` must be a file for preset small, whose network has "
                f"no published weights. Received: weights={self.weights!r}"
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
        training_set: Name of the training set.
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


def scale_to(image_size: int) -> ShortSide:
    """Return the scaling to a shorter side, the longer at most 5/3 of it.

    The papers have 600 and 1000 pixels.
    """
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
    source: str,
    min_score: float = 0.5,
    **figures: float,
) -> Evaluation:
    """Measure a detector on held-out images.

    Args:
        model: Trained detector.
        test: Held-out batches as `kcv.data.batch` makes them, one pass.
        class_names: Names of the classes 0, 1, ...
        source: Name of the data. COCO AP is measured on COCO's files, too.
        min_score: Score above which the report shows detections.
        **figures: Further metrics of the run.

    Returns:
        Average precision by the rule of VOC 2007, a gallery, and the curves
        of precision over recall.
    """
    truth, found = kcv.metrics.collect_detections(model, test)
    precision = kcv.metrics.voc_average_precision(truth, found)
    by_class = precision["average_precision"]
    metrics: dict[str, Any] = {"voc07_map": precision["voc07_map"]}
    headline = f"voc07_map {precision['voc07_map']:.3f}"
    if source.startswith("coco"):
        metrics |= kcv.metrics.coco_average_precision(truth, found)
        headline += f", coco_ap {metrics['coco_ap']:.3f}"
    metrics |= {
        "average_precision": {
            class_names[label]: value for label, value in by_class.items()
        },
        "split": f"{source}, {len(truth)} held-out images",
        **figures,
    }
    gallery = kcv.visualize.detection_gallery(
        _examples(test, truth, found), class_names, min_score
    )
    curves = kcv.visualize.precision_recall_figure(
        kcv.metrics.precision_recall(truth, found), class_names, by_class
    )
    return Evaluation(
        metrics,
        {
            f"Ground truth and detections that score above {min_score:g}, on "
            "held-out images": gallery,
            "Precision over recall": curves,
        },
        headline,
    )


def _examples(
    test: tf.data.Dataset, truth: Mapping, found: Mapping, count: int = 8
) -> list[tuple]:
    """Return the first held-out images with their objects and detections."""
    examples = []
    for example in test.unbatch().take(count):
        name = example["image_id"].numpy().decode()
        height, width = example["image_sizes"].numpy()
        scale = float(example["scale"])
        image = example["images"].numpy()[:height, :width]
        boxes = (_scaled(truth[name], scale), _scaled(found[name], scale))
        examples.append((image, *boxes))
    return examples


def _scaled(entry, scale):
    return {**entry, "boxes": entry["boxes"] * scale}
