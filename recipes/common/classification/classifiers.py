"""What the recipes of classifiers share: batches and evaluation."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import kcv
from kcv.commands.classes import Classes
from kcv.commands.measures import ClassificationMeasure
from recipes.common.evaluate_and_report import Evaluation
from recipes.common.evaluate_and_report import count_training
from recipes.common.run import Run


def make_batches(dataset: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
    """Batch single examples for `fit`.

    Args:
        dataset: Single examples of `kcv.data.load_classification`.
        batch_size: Images per batch.

    Returns:
        Dataset of images (B, H, W, C) float32 in 0..255, and labels (B,).
    """
    return (
        dataset.batch(batch_size)
        .map(
            lambda x: (tf.cast(x["images"], "float32"), x["labels"]),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        .prefetch(tf.data.AUTOTUNE)
    )


def open_images(run: Any, split: str, **options: Any) -> kcv.data.DataSet:
    """Open a part of a classification dataset as the options of a run ask for.

    Args:
        run: Options of the recipe, among them `data`.
        split: "train", "validation" or "test".
        **options: Further arguments of `kcv.data.load_classification`.

    Returns:
        The dataset.
    """
    return kcv.data.load_classification(
        run.data,
        split,
        on_error=run.on_error,
        validation=run.validation_part,
        **options,
    )


def evaluate_classifier(
    model: keras.Model,
    test: kcv.data.DataSet,
    source: str,
    run: Run,
    crops: Callable[[tf.Tensor], tf.Tensor] | None = None,
    predict: Callable[[tf.Tensor], tf.Tensor] | None = None,
) -> Evaluation:
    """Measure a classifier on held-out images.

    Args:
        model: Model from images in 0..255 to probabilities.
        test: Held-out single examples.
        source: Name of the data.
        run: Options of the recipe.
        crops: Function from images (B, H, W, C) to crops of them, see
            `kcv.metrics.collect_scores`. Defaults to whole images.
        predict: Function from one whole image (1, H, W, C) of any size to
            probabilities. Defaults to the model on images of one size.

    Returns:
        Top-1 and top-5 accuracy, images of both parts, recall and precision of
        each class, the worst images, the confusion matrix, and the filters of
        the first convolution.
    """
    names = test.class_names
    labels, scores = kcv.metrics.collect_scores(
        predict or model,
        test.dataset,
        crops,
        batch_size=1 if predict else 64,
    )
    measure = ClassificationMeasure(
        Classes(names, np.arange(len(names))),
        count_training("classification", source, run, names),
    )
    # Read again, because the model was given crops of the images.
    examples = test.dataset.as_numpy_iterator()
    for example, own in zip(examples, scores, strict=True):
        measure.add(example, {"probabilities": own})
    metrics, tables, figures = measure.result()
    kernel = first_kernel(model)
    if kernel is not None:
        filters = kcv.visualize.filters_figure(kernel)
        figures = {**figures, "Filters of the first convolution": filters}
    return Evaluation(
        {**metrics, "split": f"{source}, {len(labels)} held-out images"},
        figures,
        headline=f"top1 {metrics['top1']:.4f}",
        tables=tables,
    )


def recompute_statistics(model: keras.Model, batches: tf.data.Dataset) -> None:
    """Compute the exact statistics of a network's batch normalization.

    Args:
        model: Network whose weights are final. One without batch normalization
            stays as it is.
        batches: Batches of images and labels. If there is none, the moving
            averages are kept.
    """
    kind = keras.layers.BatchNormalization
    if batches.cardinality() == 0 or not any(
        isinstance(layer, kind) for layer in model.layers
    ):
        return
    kcv.training.recompute_batch_norm(model, batches.map(lambda x, y: x))


def first_kernel(model: keras.Model) -> keras.Variable | None:
    """Return the kernel of the first convolution, also of a nested model."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            return layer.kernel
        if isinstance(layer, keras.Model):
            return first_kernel(layer)
    return None
