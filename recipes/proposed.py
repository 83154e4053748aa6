"""What recipes of detectors with given proposals share: data with them."""

import time
from typing import NamedTuple

import tensorflow as tf

import kcv
from kcv.serving.preparation import Prepare
from kcv.serving.preparation import as_it_is
from recipes import experiment


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

    Returns:
        The set.
    """
    if data == "digit_scenes":  # without end: a part of them is the set
        made, class_names, _ = kcv.data.load_detection(data, seed=run.seed)
        once = made.take(scenes)
        stream = once.skip(start % scenes).concatenate(once.repeat())
    else:
        once, class_names, _ = kcv.data.load_detection(data, on_error=on_error)
        stream, _, _ = kcv.data.load_detection(
            data, seed=run.seed, start=start, on_error=on_error
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

    sides = (image_size, image_size * 5 // 3) if image_size else None

    def batches(dataset, split, flip=False):
        dataset = caches[split].attach(dataset)
        if flip:
            dataset = kcv.data.random_flip(dataset, run.seed, start)
        if sides:
            dataset = kcv.data.resize(dataset, *sides)
        return kcv.data.batch(dataset, batch_size)

    flip = mirror and data != "digit_scenes"
    stream = batches(stream, "train", flip).map(kcv.data.detection_inputs)
    return Proposed(
        stream.prefetch(2),
        batches(once, "train").prefetch(2),
        batches(test, "test").prefetch(2),
        class_names,
        seconds,
        kcv.serving.ShortSide(*sides) if sides else as_it_is,
    )
