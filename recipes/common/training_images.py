"""The images that a network is trained on, and their batches."""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import tensorflow as tf

import kcv
from kcv.proposals import ProposalCache
from kcv.serving import ShortSide
from recipes.common.run import Run

# Digit scenes are kept in memory if there are no more of them: 1.1 GB.
KEPT_SCENES = 8192
# Longer side of images at several scales (Girshick 2015, section 5.2).
LONG_SIDE = 2000


class TrainingImages(NamedTuple):
    """The training images of a dataset, as often as they are needed.

    Attributes:
        once: Single examples in a fixed order, one pass.
        stream: Function from a position to the endless stream of shuffled
            examples that begins there.
        class_names: Names of the classes 0, 1, ...
        mirror: Whether an image may be mirrored, which a digit may not.
        size: Number of images. None for digit scenes, which can be drawn
            forever. Defaults to None.
        validation: Single examples of the validation part, in a fixed order,
            one pass. None if there is no validation part. Defaults to None.
    """

    once: tf.data.Dataset
    stream: Callable[[int], tf.data.Dataset]
    class_names: tuple[str, ...]
    mirror: bool
    size: int | None = None
    validation: tf.data.Dataset | None = None


def open_training_images(
    data: str,
    scenes: int | None,
    seed: int,
    on_error: str = "raise",
    load: Callable[..., kcv.data.DataSet] = kcv.data.load_detection,
    validation: float = 0.0,
    augment: bool = True,
    **options: Any,
) -> TrainingImages:
    """Open the training images of a dataset.

    Args:
        data: Name of the dataset, see `kcv.data.load_detection`.
        scenes: Number of digit scenes. If None, a new scene is drawn at each
            position, forever.
        seed: Seed of the order, and of digit scenes.
        on_error: "raise" or "skip", for an image that cannot be decoded.
            Defaults to "raise".
        load: Function that opens the dataset, `kcv.data.load_detection` or
            `kcv.data.load_segmentation`. Defaults to `kcv.data.load_detection`.
        validation: Part of the images that is not trained on. Defaults to 0.
        augment: Whether images may be mirrored. Defaults to True.
        **options: Further arguments of `load`, such as `boxes`.

    Returns:
        The images.
    """
    options |= {"on_error": on_error, "validation": validation}
    kept = scenes if data == "digit_scenes" else None
    opened = load(data, seed=None if kept is None else seed, **options)
    once = opened.dataset
    if kept is not None:
        once = once.take(kept)
        if kept <= KEPT_SCENES:
            once = once.cache()

    def stream(start):
        if kept is not None:
            return once.skip(start % kept).concatenate(once.repeat())
        return load(data, seed=seed, start=start, **options).dataset

    own = data != "digit_scenes"
    return TrainingImages(
        once,
        stream,
        opened.class_names,
        mirror=own and augment,
        size=opened.size if own else None,
        validation=(
            load(data, "validation", **options).dataset if validation else None
        ),
    )


def open_detection(
    run: Any, scenes: int | None
) -> tuple[TrainingImages, kcv.data.DataSet]:
    """Open the training and the held-out images of a detector's recipe.

    Args:
        run: Options of the recipe.
        scenes: Number of digit scenes. If None, a new scene is drawn at each
            position, forever.

    Returns:
        Tuple (training images, held-out dataset).
    """
    options = {"on_error": run.on_error, "boxes": run.boxes}
    images = open_training_images(
        run.data,
        scenes,
        run.seed,
        validation=run.validation_part,
        augment=run.augment,
        **options,
    )
    return images, kcv.data.load_detection(run.data, "test", **options)


def make_batches(
    dataset: tf.data.Dataset | None, batch_size: int, scaling: ShortSide | None
) -> tf.data.Dataset | None:
    """Resize, pad and batch single examples.

    Args:
        dataset: Dataset of single examples, with or without `proposals`, or
            None, for example if no validation part is requested.
        batch_size: Images per batch.
        scaling: Sides of the resized images. None keeps their size.

    Returns:
        Batches as `kcv.data.batch` makes them. None without examples.
    """
    if dataset is None:
        return None
    if scaling is not None:
        dataset = kcv.data.resize(
            dataset, scaling.short_side, scaling.long_side
        )
    return kcv.data.batch(dataset, batch_size)


def stream_batches(
    run: Run,
    images: TrainingImages,
    batch_size: int,
    scaling: ShortSide | None,
    proposals: ProposalCache | None = None,
    scales: Sequence[int] = (),
    mirror: bool = True,
) -> Callable[[int], tf.data.Dataset]:
    """Make the stream of batches that a detector is trained on.

    Args:
        run: Options of the recipe.
        images: Training images.
        batch_size: Images per batch.
        scaling: Sides of the resized images. None keeps their size.
        proposals: Proposals that join the images. Defaults to none.
        scales: Shorter sides in pixels, from which one is drawn for each
            image. Defaults to the side of `scaling`.
        mirror: Whether images are mirrored at random, if they may be. Defaults
            to True.

    Returns:
        Function from the position of the first image to the endless stream of
        batches (x, y) that begins there.
    """

    def batches(start):
        stream = images.stream(start)
        if proposals is not None:
            stream = proposals.attach(stream)
        if scales:
            stream = kcv.data.random_resize(
                stream, scales, LONG_SIDE, run.seed, start
            )
        if mirror and images.mirror:
            stream = kcv.data.random_flip(stream, run.seed, start)
        stream = make_batches(stream, batch_size, scaling)
        return stream.map(kcv.data.detection_inputs).prefetch(2)

    return batches
