"""What recipes of detectors with given proposals share: data with them."""

import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

import kcv
from kcv.examples import DataSet
from kcv.serving.preparation import Prepare
from kcv.serving.preparation import as_it_is
from recipes.common import run as experiment

# Scenes are made once, and kept in memory, if they are no more: 1.1 GB.
KEPT_SCENES = 8192
# Of images at several scales, pixels (Girshick 2015, section 5.2).
LONG_SIDE = 2000


class Proposed(NamedTuple):
    """A detection set whose examples have proposals, in batches.

    Attributes:
        stream: to train on, shuffled, without end: (x, y) of `fit`.
        once: the images to train on, one pass.
        test: held-out images, one pass.
        class_names: of the labels 0, 1, ...
        seconds: that proposing took.
        prepare: what a server does with an image before the model sees it.
    """

    stream: tf.data.Dataset
    once: tf.data.Dataset
    test: tf.data.Dataset
    class_names: tuple[str, ...]
    seconds: float
    prepare: Prepare


def open_proposed(
    run: experiment.Run,
    data: str,
    method: str,
    max_proposals: int,
    image_size: int | None,
    batch_size: int,
    start: int,
    scenes: int,
    on_error: str,
    mirror: bool = False,
    scales: Sequence[int] = (),
) -> Proposed:
    """Open a set, and propose regions of its images where that is not done.

    Args:
        run: the common options; proposals are kept in its folder.
        data: as of `kcv.data.load_detection`.
        method: of `kcv.proposals.propose`.
        max_proposals: of an image.
        image_size: short side, pixels; None leaves images as they are.
        batch_size: images in a batch.
        start: position in the stream, of a run that is resumed.
        scenes: digit scenes to train on.
        on_error: what to do about an image that cannot be decoded.
        mirror: whether images of the stream are mirrored by chance; digits
            never are.
        scales: short sides, one of which is chosen for each image of the
            stream by chance, for a detector that scales the other images by
            itself; empty for `image_size`.

    Returns:
        The set.
    """
    once, stream, class_names = training_images(
        data, run.seed, scenes, on_error
    )
    test, _, _ = kcv.data.load_detection(data, "test", on_error=on_error)

    clock = time.perf_counter()
    caches = {}
    for split, dataset in (("train", once), ("test", test)):
        caches[split] = kcv.proposals.ProposalCache(
            run.out / "proposals" / split,
            method=method,
            max_proposals=max_proposals,
            seed=run.seed,
        )
        caches[split].compute(dataset)
    seconds = time.perf_counter() - clock

    flip = (run.seed, start) if mirror and data != "digit_scenes" else None
    sides = None
    if image_size and not scales:
        sides = (image_size, image_size * 5 // 3)

    def proposed(dataset, split):
        return caches[split].attach(dataset)

    def batches(dataset, flip=None):
        return resized_batches(dataset, batch_size, sides, flip)

    training = proposed(stream(start), "train")
    if scales:
        training = kcv.data.random_resize(
            training, scales, LONG_SIDE, run.seed, start
        )
    return Proposed(
        batches(training, flip).map(kcv.data.detection_inputs).prefetch(2),
        batches(proposed(once, "train")).prefetch(2),
        batches(proposed(test, "test")).prefetch(2),
        class_names,
        seconds,
        kcv.serving.ShortSide(*sides) if sides else as_it_is,
    )


def training_images(
    data: str,
    seed: int,
    scenes: int,
    on_error: str,
    load: Callable[..., DataSet] = kcv.data.load_detection,
) -> tuple[tf.data.Dataset, Callable[[int], tf.data.Dataset], tuple[str, ...]]:
    """Open the images to train on, as often as they are wanted.

    Args:
        data: as of `kcv.data.load_detection`.
        seed: of the order.
        scenes: digit scenes, which are without end, to take.
        on_error: what to do about an image that cannot be decoded.
        load: opens the set, as `kcv.data.load_detection` does.

    Returns:
        One pass; a function from a position to the stream without end that
        begins there; and the names of the classes.
    """
    if data == "digit_scenes":
        made, class_names, _ = load(data, seed=seed)
        once = made.take(scenes)
        if scenes <= KEPT_SCENES:
            once = once.cache()

        def stream(start):
            return once.skip(start % scenes).concatenate(once.repeat())

    else:
        once, class_names, _ = load(data, on_error=on_error)

        def stream(start):
            return load(data, seed=seed, start=start, on_error=on_error).dataset

    return once, stream, class_names


def resized_batches(
    dataset: tf.data.Dataset,
    batch_size: int,
    sides: tuple[int, int] | None,
    flip: tuple[int, int] | None = None,
) -> tf.data.Dataset:
    """Mirror, scale and batch examples.

    Args:
        dataset: of single examples, with or without `proposals`.
        batch_size: images in a batch.
        sides: short and long side, pixels; None leaves images as they are.
        flip: seed and position of the first example, to mirror by chance; None
            does not.
    """
    if flip is not None:
        dataset = kcv.data.random_flip(dataset, *flip)
    if sides is not None:
        dataset = kcv.data.resize(dataset, *sides)
    return kcv.data.batch(dataset, batch_size)
