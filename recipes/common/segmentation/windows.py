"""Windows of images, from which DeconvNet and small encoders learn.

The encoders of the papers have learned to classify ImageNet before they learn
to label pixels. A small encoder-decoder with random weights that sees whole
scenes from the start learns where objects are, but does not learn their
classes in tens of thousands of scenes: all that it learns of classes passes
through a decoder that has learned nothing. Windows around single objects, which
are first classified and then labeled, lead there in minutes.
"""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

import kcv
from kcv.examples import VOID
from recipes.common.classification import classifiers
from recipes.common.evaluate_and_report import Stage
from recipes.common.plan import Plan
from recipes.common.plan import make_muon
from recipes.common.run import Run
from recipes.common.segmentation.images import Images
from recipes.common.train import train
from recipes.common.training_images import open_training_images


@dataclasses.dataclass(frozen=True)
class Windows:
    """How windows are cut out of images.

    Attributes:
        side: Side of the windows, in pixels.
        cut: Side to which they are scaled before they are cropped, in pixels.
        count: Number of windows of an image, one after another in the stream.
    """

    side: int
    cut: int
    count: int

    def around_objects(
        self, images: Images, seed: int
    ) -> Callable[[int], tf.data.Dataset]:
        """Stream windows with an object in the middle.

        Args:
            images: Dataset.
            seed: Seed of the order and of all sampling.

        Returns:
            Function from the position of the first window to the endless
            dataset that begins there. The mask of a window has one object.
        """

        def stream(start):
            first = start // self.count
            examples = images.load("train", seed, first)
            windows = kcv.data.object_windows(
                examples, self.cut, seed, first, count=self.count
            )
            return self.crop(windows, images, seed, start)

        return stream

    def around_proposals(
        self,
        images: Images,
        cache: kcv.proposals.ProposalCache,
        seed: int,
        scenes: int,
        everywhere: bool = False,
    ) -> Callable[[int], tf.data.Dataset]:
        """Compute proposals where that is not done, and stream their windows.

        Args:
            images: Dataset.
            cache: Where the proposals are kept.
            seed: Seed of the order and of all sampling.
            scenes: Number of digit scenes to take the windows from.
            everywhere: Whether every other window is of any proposal, and not
                of one that overlaps an object. Defaults to False.

        Returns:
            Function from the position of the first window, a multiple of twice
            `count`, to the endless dataset that begins there.
        """
        training = open_training_images(
            images.source,
            scenes,
            seed,
            images.on_error,
            kcv.data.load_segmentation,
            images.validation_part,
        )
        cache.compute(training.once)

        def windows(first, min_iou):
            return kcv.data.proposal_windows(
                cache.attach(training.stream(first)),
                self.cut,
                seed,
                first,
                count=self.count,
                min_iou=min_iou,
            )

        def stream(start):
            first = start // self.count
            if not everywhere:
                return self.crop(windows(first, 0.5), images, seed, start)
            first //= 2  # Each of the two gives every other window.
            mixed = tf.data.Dataset.choose_from_datasets(
                [windows(first, 0.5), windows(first + scenes // 2, 0.0)],
                tf.data.Dataset.range(2).repeat(),
            )
            return self.crop(mixed, images, seed, start)

        return stream

    def plan(self, plan: Plan, run: Run, images: Images) -> Plan:
        """Change the plan of a stage on windows as the options ask for.

        Args:
            plan: Plan of the stage.
            run: Options of the recipe.
            images: Dataset.

        Returns:
            The plan, with the options of the run.
        """
        count = images.limit and images.limit * self.count
        return plan.with_options(run, images=count)

    def crop(
        self,
        windows: tf.data.Dataset,
        images: Images,
        seed: int,
        start: int,
    ) -> tf.data.Dataset:
        """Crop windows at random places, and flip them as images are."""
        windows = kcv.data.random_crop(windows, self.side, seed, start)
        if images.flip:
            windows = kcv.data.random_flip(windows, seed, start)
        return windows


def learn_classes(
    run: Run,
    plan: Plan,
    model: keras.Model,
    features: keras.KerasTensor,
    windows: Windows,
    images: Images,
) -> Stage:
    """Train the encoder of a segmenter to classify windows.

    All epochs of the plan are trained, whatever `run.patience` is.

    Args:
        run: Options of the recipe, with the folder of this stage.
        plan: Plan of the stage, with the options of the run.
        model: Segmenter.
        features: Output of the encoder (B, h, w, C), whose average is scored.
        windows: Windows around single objects.
        images: Dataset.

    Returns:
        The stage that is done.
    """
    pooled = keras.layers.GlobalAveragePooling2D(name="average")(features)
    scores = keras.layers.Dense(
        len(images.class_names), dtype="float32", name="scores"
    )(pooled)
    classifier = keras.Model(model.input, scores, name="classifier")
    classifier.compile(
        make_muon(plan),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=run.jit,
    )

    stream = windows.around_objects(images, run.seed)

    def batches(start):
        labeled = stream(start).map(_add_label)
        return classifiers.make_batches(labeled, plan.batch_size)

    run = dataclasses.replace(run, patience=None, validation=0.0)
    train(run, classifier, plan, batches)
    return Stage(run.out, plan)


def _add_label(window):
    mask = window["segmentation_masks"]
    classes = tf.where(mask == VOID, tf.zeros_like(mask), mask)
    return {**window, "labels": tf.reduce_max(classes)}
