"""What recipes of detectors share: from the trained model to the report."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

import kcv
from kcv.serving.preparation import Prepare
from recipes.common import run as experiment
from recipes.common.metrics import write_metrics
from recipes.common.report import Published
from recipes.common.report import write_report


class HeldOut(NamedTuple):
    """What a detector is measured on.

    Attributes:
        dataset: batches as `kcv.data.batch` makes them.
        class_names: of the labels 0, 1, ...
        split: what the report calls it.
    """

    dataset: tf.data.Dataset
    class_names: Sequence[str]
    split: str


def finish(
    run: experiment.Run,
    title: str,
    model: keras.Model,
    held_out: HeldOut,
    images: int,
    paper: Sequence[Published],
    configuration: dict,
    prepare: Prepare,
    more: dict | None = None,
    min_score: float = 0.5,
    steps: Sequence[Path] = (),
) -> dict:
    """Save a trained detector, measure it, write its report, publish it.

    Args:
        run: the common options.
        title: of the report.
        model: a trained detector.
        held_out: what to measure on.
        images: that an epoch has shown, on average.
        paper: figures to print beside.
        configuration: all options.
        prepare: what a server does with an image before the model sees it.
        more: further metrics.
        min_score: detections that score more are drawn in the report.
        steps: folders of the steps of training, where it has some; else all is
            in the folder of the run.

    Returns:
        What `metrics.json` has.
    """
    experiment.save_model(model, run.out)
    names = held_out.class_names
    experiment.write_labels(names, run.out)

    # === Evaluate ===
    truth, found = kcv.metrics.collect_detections(model, held_out.dataset)
    average_precision = kcv.metrics.voc_average_precision(truth, found)
    history = experiment.read_history(*(steps or [run.out]))
    seconds = sum(history["seconds"])
    epochs = len(history["seconds"])
    metrics = {
        "voc07_map": average_precision["voc07_map"],
        "average_precision": {
            names[label]: value
            for label, value in average_precision["average_precision"].items()
        },
        "total_loss": history["loss"][-1],
        "seconds": seconds,
        "epochs": epochs,
        "examples_per_second": epochs * images / seconds,
        "split": f"{held_out.split}, {len(truth)} held-out images",
        **(more or {}),
    }
    write_metrics(run.out, metrics)

    # === Report ===
    report = write_report(
        run.out,
        title,
        metrics,
        paper,
        history,
        {
            f"Ground truth and detections that score above {min_score:g}, on "
            "held-out images": _gallery(
                held_out.dataset, truth, found, names, min_score
            ),
            "Precision over recall": kcv.visualize.precision_recall_figure(
                kcv.metrics.precision_recall(truth, found),
                names,
                average_precision["average_precision"],
            ),
        },
        configuration,
        experiment.command_line(),
    )
    print(f"voc07_map {metrics['voc07_map']:.3f} on {metrics['split']}")
    print(f"Report: {report}")

    # === Export ===
    if run.export:
        version = kcv.serving.publish(
            model, run.export, prepare=prepare, class_names=names
        )
        print(f"Published: {version}")
    return metrics


def _gallery(test, truth, found, class_names, min_score, count=8):
    """Show the first held-out images with truth and detections."""
    examples = []
    for example in test.unbatch().take(count):
        name = example["image_id"].numpy().decode()
        height, width = example["image_sizes"].numpy()
        image = example["images"].numpy()[:height, :width]
        scale = float(example["scale"])
        examples.append(
            (
                image,
                _scaled(truth[name], scale),
                _scaled(found[name], scale),
            )
        )
    return kcv.visualize.detection_gallery(examples, class_names, min_score)


def _scaled(entry, scale):
    return {**entry, "boxes": entry["boxes"] * scale}
