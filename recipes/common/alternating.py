"""The four steps of alternating training (Ren et al. 2015, section 3.2)."""

import dataclasses
import shutil
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

import kcv
from recipes.common import run as experiment
from recipes.common.given_proposals import resized_batches
from recipes.common.plan import Schedule


class Networks(NamedTuple):
    """The two networks, and how each is trained.

    Attributes:
        proposer: function from parts, None to begin anew, to a
            `RegionProposals`.
        detector: function from parts, None to begin anew, the number of
            classes and the mean and
            deviation of the box targets to a `FastRCNN`.
        schedules: of the four steps.
        optimizer: function from a schedule to an optimiser.
    """

    proposer: Callable[..., keras.Model]
    detector: Callable[..., keras.Model]
    schedules: Sequence[Schedule]
    optimizer: Callable[[Schedule], keras.optimizers.Optimizer]


class Images(NamedTuple):
    """The images to train on.

    Attributes:
        once: single examples, one pass.
        stream: function from a position to the stream that begins there.
        classes: number of classes.
        sides: short and long side, pixels.
        mirror: whether images are mirrored by chance.
        max_proposals: regions of an image that the detector learns from.
    """

    once: tf.data.Dataset
    stream: Callable[[int], tf.data.Dataset]
    classes: int
    sides: tuple[int, int]
    mirror: bool
    max_proposals: int


class Pair(NamedTuple):
    """The two networks after a step of the detector.

    Attributes:
        proposer: `RegionProposals`.
        detector: the `FastRCNN` that learned from its proposals.
    """

    proposer: keras.Model
    detector: keras.Model


class Trained(NamedTuple):
    """What the steps end with.

    Attributes:
        unshared: the networks of steps 1 and 2.
        shared: those of steps 3 and 4, if there were these.
        folders: of the steps.
    """

    unshared: Pair
    shared: Pair | None
    folders: list[Path]


def train(
    run: experiment.Run,
    configuration: dict,
    images: Images,
    networks: Networks,
    shared: bool,
) -> Trained:
    """Train the two networks in turn, each step in a folder of its own.

    A step that is done is read from its last backup, so that a run that was
    killed goes on in the midst of the step that it was in.

    Args:
        run: the common options.
        configuration: all options.
        images: to train on.
        networks: to train.
        shared: whether the networks come to share their convolutions, in
            steps 3 and 4.

    Returns:
        The networks.
    """
    folders = []

    def fit(step, build, cache=None):
        own = dataclasses.replace(run, out=run.out / f"step-{step}")
        folders.append(own.out)
        schedule = networks.schedules[step - 1]
        strategy = experiment.prepare(own, configuration)
        done = experiment.EpochBackup(own.out / "backup").epoch
        start = done * schedule.steps * schedule.batch_size
        stream = images.stream(start)
        if cache is not None:
            stream = cache.attach(stream)
        stream = resized_batches(
            stream,
            schedule.batch_size,
            images.sides,
            (run.seed, start) if images.mirror else None,
        )
        with strategy.scope():
            model = build()
            model.compile(networks.optimizer(schedule), jit_compile=run.jit)
        model.fit(
            stream.map(kcv.data.detection_inputs).prefetch(2),
            epochs=schedule.epochs,
            initial_epoch=done,
            steps_per_epoch=schedule.steps,
            shuffle=False,  # the stream is shuffled
            callbacks=experiment.callbacks(own),
        )
        return model

    def propose(step, parts):
        proposer = fit(step, lambda: networks.proposer(parts))
        folder = folders[-1] / "proposals"
        if not run.resume:  # they are of another network
            shutil.rmtree(folder, ignore_errors=True)
        cache = kcv.proposals.ProposalCache(
            folder,
            kcv.detection.ImageProposals(proposer, *images.sides),
            images.max_proposals,
        )
        cache.compute(images.once)
        return proposer, cache

    def detect(step, cache, before=None):
        once = resized_batches(
            cache.attach(images.once),
            networks.schedules[step - 1].batch_size,
            images.sides,
        )
        statistics = kcv.detection.BoxNormalization(
            *kcv.detection.box_statistics(
                once.map(kcv.data.detection_inputs), images.classes
            )
        )

        def build():
            if before is None:
                return networks.detector(None, images.classes, statistics)
            parts = kcv.detection.with_fixed_trunk(before.parts)
            detector = networks.detector(parts, images.classes, statistics)
            kcv.detection.copy_head(detector, before)
            return detector

        return fit(step, build, cache)

    proposer, cache = propose(1, None)
    # From the same weights as step 1, not from what that has learned.
    detector = detect(2, cache)
    first = Pair(proposer, detector)
    if not shared:
        return Trained(first, None, folders)
    parts = kcv.detection.with_fixed_trunk(detector.parts)
    proposer, cache = propose(3, parts)
    second = Pair(proposer, detect(4, cache, before=detector))
    return Trained(first, second, folders)
