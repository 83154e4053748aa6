"""What the recipes of segmenters share: data, training and evaluation."""

import dataclasses
import functools
from collections.abc import Callable
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

import kcv
from kcv.commands.classes import Classes
from kcv.commands.measures import SegmentationMeasure
from recipes.common.evaluate_and_report import Evaluation
from recipes.common.evaluate_and_report import Stage
from recipes.common.evaluate_and_report import count_training
from recipes.common.plan import Plan
from recipes.common.run import Run
from recipes.common.segmentation.images import Images
from recipes.common.train import train

# Nine tenths of the pixels of digit scenes are background.
SCENE_BACKGROUND = 0.7
# Shorter side, in pixels, to which digit scenes are resized for networks that
# would see too few scenes in minutes at their full size of 192 x 256.
SCENE_SIZE = 96

Answer = Callable[[np.ndarray], np.ndarray]


def weigh_background(
    images: Images, weight: float | None = None
) -> list[float] | None:
    """List the weights of the classes in the loss.

    Args:
        images: Dataset.
        weight: Weight of background. Defaults to 0.7 for digit scenes, and to
            no weights for other data.

    Returns:
        The weight of background followed by 1 for each other class, or None.
    """
    if weight is None and images.source == "digit_scenes":
        weight = SCENE_BACKGROUND
    if weight is None:
        return None
    return [weight] + (len(images.class_names) - 1) * [1.0]


def balance_classes(
    images: Images, balance: str | None, seed: int
) -> list[float] | None:
    """List the weights of the classes in the loss, by the name of a rule.

    Args:
        images: Dataset.
        balance: "median" for the median frequency balancing of SegNet,
            "camvid" for the weights of its authors, "scenes" for 0.7 of
            background, or "none". Defaults to "scenes" for digit scenes, and to
            "none" for other data.
        seed: Seed of the digit scenes whose pixels are counted.

    Returns:
        One weight per class, or None.
    """
    if balance == "none":
        return None
    if balance == "camvid":
        return kcv.segmentation.CAMVID_WEIGHTS
    if balance != "median":
        scenes = SCENE_BACKGROUND if balance == "scenes" else None
        return weigh_background(images, scenes)
    # One epoch, or as many digit scenes as are held out.
    examples = images.load("train", seed).take(images.num_images or 500)
    return kcv.segmentation.median_frequency_weights(
        (example["segmentation_masks"] for example in examples),
        len(images.class_names),
    ).tolist()


def make_batches(dataset: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
    """Pad and batch single examples for `fit`.

    Args:
        dataset: Single examples of `kcv.data.load_segmentation`.
        batch_size: Images per batch.

    Returns:
        Dataset of images (B, H, W, 3) float32 in 0..255, and masks (B, H, W).
    """
    padded = kcv.data.batch(dataset, batch_size)
    return padded.map(kcv.data.segmentation_inputs).prefetch(2)


def train_segmenter(
    run: Run,
    model: keras.Model,
    plan: Plan,
    images: Images,
    examples: Callable[[int], tf.data.Dataset] | None = None,
    answer: Answer | None = None,
) -> Stage:
    """Train a compiled segmenter, or continue where it was stopped.

    If `run.validation_part` is positive, each epoch is measured on the
    validation images. With `run.patience`, the weights of the best one are
    kept.

    Args:
        run: Options of the recipe, with the folder of this stage.
        model: Compiled model.
        plan: Plan of the stage, with the options of the run.
        images: Dataset.
        examples: Function from a position to the stream of single examples
            that begins there. Defaults to the training images.
        answer: Function from an image (H, W, 3) uint8 to its class scores
            (H, W, C), by which epochs are measured. Defaults to a call of the
            model for a stage on the training images, and to not measuring the
            epochs of other stages, all of which are then trained.

    Returns:
        The stage that is done.
    """
    on_images = examples is None
    if examples is None:
        examples = functools.partial(images.examples, run.seed)
        answer = answer or make_answer(take_whole_images(model, images))

    def batches(start):
        return make_batches(examples(start), plan.batch_size)

    def measure(epoch, logs):
        scores = measure_segmenter(answer, watched).scores()
        logs["val_mean_iu"] = scores["mean_iu"]

    measures, validation = [], None
    if answer is None:
        run = dataclasses.replace(run, patience=None, validation=0.0)
    elif run.validation_part:
        held_back = images.load("validation")
        watched = images._replace(test=held_back)
        measures.append(keras.callbacks.LambdaCallback(on_epoch_end=measure))
        if on_images:
            validation = make_batches(images.resize(held_back), plan.batch_size)
    train(
        run,
        model,
        plan,
        batches,
        *measures,
        monitor=("val_mean_iu", "max"),
        validation_data=validation,
    )
    return Stage(run.out, plan)


def take_whole_images(model: keras.Model, images: Images) -> keras.Model:
    """Build the segmenter that takes images in their original size.

    Args:
        model: Trained on images of `images.size`.
        images: Dataset.

    Returns:
        Model that resizes its images, and its scores to the size of the
        images; `model` itself if it was trained on images of any size.
    """
    if images.size is None:
        return model
    return kcv.segmentation.resize_inputs(model, images.size)


def recompute_statistics(
    model: keras.Model, examples: tf.data.Dataset, batch_size: int, batches: int
) -> None:
    """Compute the batch normalization statistics of the final weights.

    Args:
        model: Trained segmenter.
        examples: Single training examples.
        batch_size: Images of a batch.
        batches: Number of batches to average over.
    """
    seen = make_batches(examples, batch_size).take(batches)
    kcv.training.recompute_batch_norm(model, seen.map(lambda x, y: x))


def evaluate_segmenter(
    model: keras.Model, images: Images, run: Run, answer: Answer | None = None
) -> Evaluation:
    """Measure a segmenter on held-out images in their original size.

    Args:
        model: Model from images (B, H, W, 3) to class scores (B, H, W, C).
        images: Dataset with the held-out images.
        run: Options of the recipe.
        answer: Function from an image (H, W, 3) uint8 to its class scores
            (H, W, C). Defaults to a call of the model.

    Returns:
        The four scores of Long et al. 2015, the figures of each class, images
        of both parts, the worst images, and the confusion matrix.
    """
    names, count = images.class_names, int(images.test.cardinality())
    trained = count_training("segmentation", images.source, run, names)
    measure = measure_segmenter(answer or make_answer(model), images, trained)
    metrics, tables, figures = measure.result()
    iu = {row["class"]: row["iu"] for row in tables["Classes"]}
    split = f"{images.source}, {count} held-out images"
    return Evaluation(
        {**metrics, "iu": iu, "split": split},
        figures,
        headline=f"mean_iu {metrics['mean_iu']:.3f}",
        tables=tables,
    )


def measure_segmenter(
    answer: Answer,
    images: Images,
    other_parts: Mapping[str, ArrayLike] | None = None,
) -> SegmentationMeasure:
    """Label the held-out images of a dataset, and compare with their masks.

    Args:
        answer: Function from an image (H, W, 3) uint8 to its class scores
            (H, W, C).
        images: Dataset.
        other_parts: Numbers of images per class in other parts of the data, by
            the heading of their column. Defaults to none.

    Returns:
        The measure of all images.
    """
    names = images.class_names
    classes = Classes(names, np.arange(len(names)))
    measure = SegmentationMeasure(classes, other_parts)
    count = int(images.test.cardinality())
    bar = keras.utils.Progbar(count if count > 0 else None, unit_name="image")
    for example in images.test.as_numpy_iterator():
        labels = answer(example["images"]).argmax(-1)
        measure.add(example, {"label_map": labels})
        bar.add(1)
    return measure


def make_answer(model: keras.Model) -> Answer:
    """Make a function from an image (H, W, 3) to the model's scores of it."""

    def answer(image):
        return model.predict_on_batch(image[None].astype("float32"))[0]

    return answer
