"""The four steps of alternating training (Ren et al. 2015, section 3.2)."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import tensorflow as tf

import kcv
from recipes import experiment
from recipes.proposed import resized_batches


class Schedule(NamedTuple):
    """How long a network is trained.

    Attributes:
        batch_size: images per update.
        epochs: number of epochs.
        steps: updates per epoch.
    """

    batch_size: int
    epochs: int
    steps: int


class Networks(NamedTuple):
    """The two networks, and how each is trained.

    Attributes:
        proposer: function from parts, None to begin anew, to a
            `RegionProposals`.
        detector: function from parts, None to begin anew, and the mean and
            deviation of the box targets to a `FastRCNN`.
        proposer_schedule: of steps 1 and 3.
        detector_schedule: of steps 2 and 4.
        optimizer: function from a schedule to an optimiser.
    """

    proposer: Callable[..., keras.Model]
    detector: Callable[..., keras.Model]
    proposer_schedule: Schedule
    detector_schedule: Schedule
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


class Trained(NamedTuple):
    """What the steps end with.

    Attributes:
        proposer: the last `RegionProposals`.
        detector: the last `FastRCNN`.
        folders: of the steps.
    """

    proposer: keras.Model
    detector: keras.Model
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

    def fit(name, build, schedule, cache=None):
        own = dataclasses.replace(run, out=run.out / name)
        folders.append(own.out)
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

    def propose(name, build):
        proposer = fit(name, build, networks.proposer_schedule)
        folder = run.out / name / "proposals"
        if not run.resume:  # they are of another network
            shutil.rmtree(folder, ignore_errors=True)
        cache = kcv.proposals.ProposalCache(
            folder,
            kcv.detection.ImageProposals(proposer, *images.sides),
            images.max_proposals,
        )
        cache.compute(images.once)
        return proposer, cache

    def detect(name, parts, cache):
        schedule = networks.detector_schedule
        once = resized_batches(
            cache.attach(images.once), schedule.batch_size, images.sides
        )
        statistics = kcv.detection.box_statistics(
            once.map(kcv.data.detection_inputs), images.classes
        )
        return fit(
            name,
            lambda: networks.detector(parts, *statistics),
            schedule,
            cache,
        )

    proposer, cache = propose("step-1", lambda: networks.proposer(None))
    # From the same weights as step 1, not from what that has learned.
    detector = detect("step-2", None, cache)
    if shared:
        parts = kcv.detection.with_fixed_trunk(detector.parts)
        proposer, cache = propose("step-3", lambda: networks.proposer(parts))
        detector = detect("step-4", parts, cache)
    return Trained(proposer, detector, folders)
