"""Windows of images: DeconvNet learns from them, small networks begin so.

The papers' encoders have learnt to classify ImageNet before they learn to
label pixels. A small encoder-decoder with random weights that sees whole
scenes from the start learns where objects are, and for tens of thousands of
scenes not which: what it knows of classes has to pass a decoder that knows
nothing. Windows around single objects, first classified and then labelled,
take it there in minutes.
"""

import dataclasses

import keras
import tensorflow as tf

import kcv
from kcv.examples import VOID
from recipes.common import finish_classification as classification
from recipes.common import finish_segmentation as segmentation
from recipes.common.plan import Part
from recipes.common.plan import muon_optimizer


@dataclasses.dataclass(frozen=True)
class Windows:
    """How windows are cut out of images.

    Attributes:
        side: of the windows, pixels.
        cut: side to which they are scaled before they are cropped.
        count: windows of an image, one after another in the stream.
    """

    side: int
    cut: int
    count: int

    def around_objects(
        self, images: segmentation.Images, seed: int, start: int
    ) -> tf.data.Dataset:
        """Stream windows with an object in their middle.

        Args:
            images: the set.
            seed: of order and chance.
            start: position of the first window.

        Returns:
            Single windows without end, the object alone in their masks.
        """
        first = start // self.count
        found = kcv.data.load_segmentation(
            images.source, seed=seed, start=first, on_error=images.on_error
        ).dataset
        found = kcv.data.object_windows(
            found, self.cut, seed, first, count=self.count
        )
        return self.crop(found, images, seed, start)

    def crop(
        self,
        windows: tf.data.Dataset,
        images: segmentation.Images,
        seed: int,
        start: int,
    ) -> tf.data.Dataset:
        """Crop windows at random places, and mirror them by chance."""
        windows = kcv.data.random_crop(windows, self.side, seed, start)
        if images.source != "digit_scenes":  # digits must not be mirrored
            windows = kcv.data.random_flip(windows, seed, start)
        return windows


def learn_classes(
    part: Part,
    model: keras.Model,
    features: keras.KerasTensor,
    windows: Windows,
    images: segmentation.Images,
) -> None:
    """Train the encoder of a segmenter to classify windows.

    Args:
        part: of training: its folder, and how long.
        model: the segmenter.
        features: (B, h, w, C), what its encoder ends with; their averages are
            scored.
        windows: around single objects.
        images: the set.
    """
    run, schedule = part
    pooled = keras.layers.GlobalAveragePooling2D(name="average")(features)
    scores = keras.layers.Dense(
        len(images.class_names), dtype="float32", name="scores"
    )(pooled)
    classifier = keras.Model(model.input, scores, name="classifier")
    classifier.compile(
        muon_optimizer(schedule.all_steps, schedule.learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=run.jit,
    )

    def examples(start):
        found = windows.around_objects(images, run.seed, start)
        return found.map(_labelled)

    segmentation.fit(part, classifier, examples, classification.batches)


def _labelled(window):
    mask = window["segmentation_masks"]
    classes = tf.where(mask == VOID, tf.zeros_like(mask), mask)
    return {**window, "labels": tf.reduce_max(classes)}
