"""What recipes of segmenters share: data, solver, measures, report."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

import kcv
from recipes.common import run as experiment
from recipes.common.metrics import write_metrics
from recipes.common.plan import Part
from recipes.common.report import Published
from recipes.common.report import write_report

# The weight of background in the loss of digit scenes, nine tenths of whose
# pixels it is; digits have 1.
SCENE_BACKGROUND = 0.7


class Images(NamedTuple):
    """A segmentation set, open for training and measuring.

    Attributes:
        source: as of `kcv.data.load_segmentation`.
        class_names: of the labels 0, 1, ..., background first.
        test: held-out examples, one pass, at their own size.
        size: short side for training, pixels; None for the images' own.
        on_error: what to do about an image that cannot be decoded.
    """

    source: str
    class_names: tuple[str, ...]
    test: tf.data.Dataset
    size: int | None
    on_error: str

    def examples(self, seed: int, start: int) -> tf.data.Dataset:
        """Stream examples to train on, shuffled and mirrored by chance.

        Args:
            seed: of order and chance.
            start: position of the first.

        Returns:
            Single examples without end, scaled.
        """
        found = kcv.data.load_segmentation(
            self.source, seed=seed, start=start, on_error=self.on_error
        ).dataset
        if self.source != "digit_scenes":  # digits must not be mirrored
            found = kcv.data.random_flip(found, seed, start)
        if self.size is not None:
            found = kcv.data.resize(found, self.size, self.size * 5 // 3)
        return found


def open_images(source: str, size: int | None, on_error: str) -> Images:
    """Open a segmentation set.

    Args:
        source: as of `kcv.data.load_segmentation`.
        size: short side for training, pixels; None for the images' own.
        on_error: what to do about an image that cannot be decoded.

    Returns:
        The set.
    """
    test, class_names, _ = kcv.data.load_segmentation(
        source, "test", on_error=on_error
    )
    return Images(source, class_names, test, size, on_error)


def scene_weights(
    classes: int, background: float = SCENE_BACKGROUND
) -> list[float]:
    """List what pixels of each class count in the loss, background first."""
    return [background] + (classes - 1) * [1.0]


def batches(dataset: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
    """Pad and batch examples for `fit`."""
    padded = kcv.data.batch(dataset, batch_size)
    return padded.map(kcv.data.segmentation_inputs).prefetch(2)


def fit(
    part: Part,
    model: keras.Model,
    examples: Callable[[int], tf.data.Dataset],
    batched: Callable[[tf.data.Dataset, int], tf.data.Dataset] = batches,
) -> None:
    """Train a compiled model, or go on where that was stopped.

    Args:
        part: of training: its folder, and how long.
        model: compiled.
        examples: function from a position to the stream that begins there.
        batched: function from a stream and a batch size to batches.
    """
    run, plan = part
    done = experiment.EpochBackup(run.out / "backup").epoch
    model.fit(
        batched(examples(done * plan.images), plan.batch_size),
        epochs=plan.epochs,
        initial_epoch=done,
        steps_per_epoch=plan.steps,
        shuffle=False,  # the stream is shuffled
        callbacks=experiment.callbacks(run),
    )


def finish(
    run: experiment.Run,
    title: str,
    model: keras.Model,
    images: Images,
    parts: Sequence[Part],
    paper: Sequence[Published],
    configuration: dict,
    found: Callable[[np.ndarray], np.ndarray] | None = None,
) -> dict:
    """Save a trained segmenter, measure it, write its report, publish it.

    Args:
        run: the common options.
        title: of the report.
        model: from images (B, H, W, 3) to logits (B, H, W, C).
        images: the set; held-out images are measured at their own size.
        parts: of training, one after another.
        paper: figures to print beside.
        configuration: all options.
        found: function from an image (H, W, 3) uint8 to its scores (H, W, C),
            where that is not the model's answer for the whole image.

    Returns:
        What `metrics.json` has.
    """
    if images.size is not None:
        model = kcv.segmentation.resized(model, images.size)
    experiment.save_model(model, run.out)
    names = images.class_names
    experiment.write_labels(names, run.out)

    # === Evaluate ===
    confusion, gallery = measure(found or answer_of(model), images)
    count = int(images.test.cardinality())
    scores = kcv.metrics.segmentation_scores(confusion)
    iu = scores.pop("iu")
    history = experiment.read_history(*(part.run.out for part in parts))
    seconds = sum(history["seconds"])
    shown = sum(each.epochs * each.images for _, each in parts)
    metrics = {
        **scores,
        "iu": dict(zip(names, iu.tolist(), strict=True)),
        "total_loss": history["loss"][-1],
        "seconds": seconds,
        "epochs": len(history["seconds"]),
        "examples_per_second": shown / seconds,
        "parameters": model.count_params(),
        "split": f"{images.source}, {count} held-out images",
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
            "Held-out images": kcv.visualize.segmentation_gallery(
                gallery, names
            ),
            "Classes": kcv.visualize.iu_figure(iu, names),
            "Which class is taken for which": kcv.visualize.confusion_figure(
                confusion, names
            ),
        },
        configuration,
        experiment.command_line(),
    )
    print(f"\nmean_iu {metrics['mean_iu']:.3f} on {metrics['split']}")
    print(f"Report: {report}")

    # === Export ===
    if run.export:
        version = kcv.serving.publish(
            model,
            run.export,
            outputs=kcv.serving.label_maps,
            class_names=names,
        )
        print(f"Published: {version}")
    return metrics


def measure(
    found: Callable[[np.ndarray], np.ndarray], images: Images, shown: int = 6
) -> tuple[np.ndarray, list[dict[str, np.ndarray]]]:
    """Label the held-out images of a set.

    Args:
        found: function from an image (H, W, 3) uint8 to its scores (H, W, C).
        images: the set.
        shown: how many images to keep.

    Returns:
        (C, C) int64, pixels of class i taken for class j; and of the first
        images `image`, `truth` and `found`.
    """
    counter = kcv.metrics.PixelAccuracy(len(images.class_names))
    count = int(images.test.cardinality())
    bar = keras.utils.Progbar(count if count > 0 else None, unit_name="image")
    gallery = []
    for example in images.test:
        image = example["images"].numpy()
        truth = example["segmentation_masks"].numpy()
        labels = found(image).argmax(-1)
        counter.update_state(truth[None], labels[None])
        if len(gallery) < shown:
            gallery.append({"image": image, "truth": truth, "found": labels})
        bar.add(1)
    return np.asarray(counter.confusion).astype(np.int64), gallery


def answer_of(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Make a function from an image (H, W, 3) to the model's scores of it."""

    def answer(image):
        return model.predict_on_batch(image[None].astype("float32"))[0]

    return answer
