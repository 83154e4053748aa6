"""What the recipes of classifiers share: batches, measures, pictures."""

import dataclasses
from collections.abc import Callable
from collections.abc import Sequence

import keras
import tensorflow as tf

import kcv
from recipes.common import run as experiment
from recipes.common.metrics import write_metrics
from recipes.common.report import Published
from recipes.common.report import write_report


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """What a classifier is measured on.

    Attributes:
        dataset: Single examples, as of `kcv.data.load_classification`.
        class_names: In label order.
        split: What the images are, for the report.
    """

    dataset: tf.data.Dataset
    class_names: Sequence[str]
    split: str


def batches(dataset: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
    """Batch single examples as (images float32 0..255, labels)."""
    return (
        dataset.batch(batch_size)
        .map(
            lambda x: (tf.cast(x["images"], "float32"), x["labels"]),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        .prefetch(tf.data.AUTOTUNE)
    )


def served_by(crop: kcv.serving.CentreCrop) -> dict:
    """Say what `python -m export` reads in `config.json` of a classifier.

    Args:
        crop: of an image, as the evaluation takes it.

    Returns:
        `task`, and `crop` by its fields; a part of the configuration.

    Example:
        >>> served_by(kcv.serving.CentreCrop(256, 224))["task"]
        'classification'
    """
    return {"task": "classification", "crop": dataclasses.asdict(crop)}


def finish(
    run: experiment.Run,
    title: str,
    model: keras.Model,
    kernel: keras.Variable,
    held_out: HeldOut,
    images: int,
    paper: Sequence[Published],
    configuration: dict,
    prepare: kcv.serving.CentreCrop,
    crops: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> dict:
    """Save a trained classifier, measure it, write its report, publish it.

    Args:
        run: the common options.
        title: of the report.
        model: from images 0..255 to probabilities.
        kernel: of its first convolution.
        held_out: what to measure on.
        images: that an epoch has shown.
        paper: figures to print beside.
        configuration: all options.
        prepare: what a server does with an image before the model sees it.
        crops: as for `kcv.metrics.collect_scores`.

    Returns:
        What `metrics.json` has.
    """
    experiment.save_model(model, run.out)
    names = held_out.class_names
    experiment.write_labels(names, run.out)
    labels, scores = kcv.metrics.collect_scores(
        model, held_out.dataset, crops, batch_size=64
    )
    history = experiment.read_history(run.out)
    seconds = sum(history["seconds"])
    epochs = len(history["seconds"])
    metrics = {
        "top1": 1 - kcv.metrics.top_k_error(labels, scores, 1),
        "top5": 1 - kcv.metrics.top_k_error(labels, scores, 5),
        "total_loss": history["loss"][-1],
        "seconds": seconds,
        "epochs": epochs,
        "examples_per_second": epochs * images / seconds,
        "split": f"{held_out.split}, {len(labels)} held-out images",
    }
    confusion = tf.math.confusion_matrix(labels, scores.argmax(-1), len(names))
    confused = {
        f"{names[true]} taken for {names[found]}": count
        for true, found, count in kcv.metrics.most_confused(confusion)
    }
    write_metrics(run.out, metrics)
    report = write_report(
        run.out,
        title,
        {**metrics, "most_confused": confused},
        paper,
        history,
        {
            "Held-out images by true and predicted class": (
                kcv.visualize.confusion_figure(confusion, names)
            ),
            "Filters of the first convolution": kcv.visualize.filters_figure(
                kernel
            ),
        },
        configuration,
        experiment.command_line(),
    )
    print(f"top1 {metrics['top1']:.4f} on {metrics['split']}")
    for figure in paper:
        print(
            f"published {figure.metric}: {figure.value:.4f} "
            f"({figure.data}; {figure.source})"
        )
    print(f"Report: {report}")
    if run.export:
        version = kcv.serving.publish(
            model,
            run.export,
            prepare=prepare,
            outputs=kcv.serving.TopClasses(names),
            class_names=names,
        )
        print(f"Published: {version}")
    return metrics
