"""Alternating training of Faster R-CNN (Ren et al. 2015, section 3.2).

One network proposes regions and another detects objects in them. They are
trained in four steps, after which they share their convolutions.
"""

import dataclasses
import shutil
from typing import NamedTuple

import keras
import tensorflow as tf

import kcv
from kcv.detection import BoxNormalization
from kcv.detection import FasterRCNN
from kcv.detection import FastRCNN
from kcv.detection import Parts
from kcv.detection import RegionProposals
from kcv.detection import copy_parts
from kcv.proposals import ProposalCache
from kcv.serving import ShortSide
from kcv.training import completed_epochs
from recipes.common.detection.detectors import DetectorOptions
from recipes.common.detection.detectors import choose_plan
from recipes.common.detection.detectors import make_optimizer
from recipes.common.detection.detectors import watch_loss
from recipes.common.evaluate_and_report import Stage
from recipes.common.plan import Plan
from recipes.common.run import begin
from recipes.common.train import is_finished
from recipes.common.train import train
from recipes.common.training_images import TrainingImages
from recipes.common.training_images import make_batches
from recipes.common.training_images import stream_batches

# The four steps. An image teaches one network at a time. The small detector
# sees as many images in steps 2 and 4 as in joint training, most of them in
# step 2, which alone trains the convolutions that are shared in the end. The
# proposals need fewer.
PLANS = {
    "small": (
        Plan(4, 768, 1, 2e-3),
        Plan(4, 2816, 4, 2e-3),
        Plan(4, 1024, 1, 2e-3),
        Plan(4, 1280, 2, 2e-3),
    ),
    # One image per update for the proposals, two for the detector.
    "paper": 2 * (Plan(1, 80_000, 16, 1e-3), Plan(2, 40_000, 20, 1e-3)),
}
# A tenth of the paper's learning rate after 60 000 of 80 000 updates of the
# proposals, and 30 000 of 40 000 of the detector.
DROPS = [3 / 4]
# Regions that enter non-maximum suppression, None for all anchors.
PRE_NMS = {"small": 1000, "paper": None}


class Trained(NamedTuple):
    """The result of alternating training.

    Attributes:
        model: Trained detector.
        stages: Steps that are done.
        figures: Metrics of the networks before they share anything.
    """

    model: keras.Model
    stages: list[Stage]
    figures: dict[str, float]


def train_alternating(
    run: DetectorOptions,
    model: FasterRCNN,
    images: TrainingImages,
    scaling: ShortSide,
    test: tf.data.Dataset,
    strategy: tf.distribute.Strategy,
    shared: bool = True,
) -> Trained:
    """Train a Faster R-CNN in the four steps of the paper.

    Each step has a folder of its own. A step that is done is read from its
    backup, so that a run that was killed goes on within the step that it was
    in. If `run` has a validation part, its loss is measured after each epoch of
    a step, and `run.patience` counts the epochs of each step.

    Args:
        run: Options of the recipe.
        model: Untrained `FasterRCNN`. The two networks have its settings, and
            begin with its weights. It is given theirs in the end.
        images: Training images.
        scaling: Sides of the resized images.
        test: Held-out batches, see `evaluate_detector`.
        strategy: Strategy under whose scope the networks are built.
        shared: Whether to train steps 3 and 4, too, in which the networks come
            to share their convolutions. Defaults to True.

    Returns:
        `model`, the four steps and the metrics of the unshared networks. If
        not `shared`, a model made of the two networks, and the first two
        steps.

    Raises:
        FileExistsError: If a step is to be prolonged from which a later one
            has learned.
    """
    steps = _plan_steps(run, images)
    stages = [Stage(step.run.out, step.plan) for step in steps]

    def fit(step, network, proposals=None):
        size, held_back = step.plan.batch_size, images.validation
        batches = stream_batches(run, images, size, scaling, proposals)
        if proposals is not None and held_back is not None:
            held_back = proposals.attach(held_back)
        watched = watch_loss(make_batches(held_back, size, scaling))
        with strategy.scope():
            optimizer = make_optimizer(step.plan, run.preset, drops=DROPS)
            network.compile(optimizer, jit_compile=run.jit)
        train(step.run, network, step.plan, batches, **watched)

    def propose(step, proposer):
        folder = step.run.out / "proposals"
        if not run.resume:  # They are of another network.
            shutil.rmtree(folder, ignore_errors=True)
        method = kcv.detection.ImageProposals(
            proposer, scaling.short_side, scaling.long_side
        )
        cache = ProposalCache(folder, method, model.train_proposals.post_nms)
        cache.compute(images.once)
        if images.validation is not None:
            cache.compute(images.validation)
        return cache

    def measure_targets(step, proposals):
        once = make_batches(
            proposals.attach(images.once), step.plan.batch_size, scaling
        )
        return kcv.detection.box_statistics(
            once.map(kcv.data.detection_inputs),
            model.classes,
            flip=images.mirror,
        )

    # === Step 1: A network that proposes, from the classifier's weights ===
    step = steps[0]
    begin(step.run)
    with strategy.scope():
        proposer = _new_proposer(run, model, copy_parts(model.parts))
    fit(step, proposer)
    proposals = propose(step, proposer)

    # === Step 2: A network that detects, from the classifier's weights ===
    step = steps[1]
    targets = measure_targets(step, proposals)
    begin(step.run)
    with strategy.scope():
        detector = _new_detector(run, model, copy_parts(model.parts), targets)
    fit(step, detector, proposals)
    unshared = kcv.detection.combine_unshared(
        proposer, detector, model.test_proposals
    )
    if not shared:
        return Trained(unshared, stages[:2], {})

    # === Step 3: Proposals again, on the fixed convolutions of step 2 ===
    step = steps[2]
    with strategy.scope():
        parts = kcv.detection.with_fixed_trunk(detector.parts)
    begin(step.run)
    with strategy.scope():
        proposer = _new_proposer(run, model, parts)
    fit(step, proposer)
    proposals = propose(step, proposer)

    # === Step 4: Detection again, on the same fixed convolutions ===
    step = steps[3]
    targets = measure_targets(step, proposals)
    begin(step.run)
    with strategy.scope():
        parts = kcv.detection.with_fixed_trunk(detector.parts)
        last_detector = _new_detector(run, model, parts, targets)
        kcv.detection.copy_head(last_detector, detector)
    fit(step, last_detector, proposals)

    # === What sharing is worth (table 2 of the paper) ===
    kcv.detection.share_features(model, proposer, last_detector)
    truth, found = kcv.metrics.collect_detections(unshared, test)
    precision = kcv.metrics.voc_average_precision(truth, found)
    return Trained(
        model, stages, {"unshared_voc07_map": precision["voc07_map"]}
    )


class _Step(NamedTuple):
    run: DetectorOptions  # With a folder of the step's own.
    plan: Plan


def _plan_steps(run: DetectorOptions, images: TrainingImages) -> list[_Step]:
    """Plan the steps, of which none may change what a later one knows."""
    steps = [
        _Step(
            run.stage(f"step-{number}"),
            choose_plan(run, plan, images),
        )
        for number, plan in enumerate(PLANS[run.preset], start=1)
    ]
    for (own, plan), (later, _) in zip(steps, steps[1:], strict=False):
        goes_on = run.resume and not is_finished(own, plan)
        if goes_on and completed_epochs(later.backup):
            raise FileExistsError(
                f"{own.out} cannot be trained for more epochs, since "
                f"{later.out} has learned from it. Give another folder by "
                "--out, or start over with --no-resume."
            )
    return steps


def _new_proposer(
    run: DetectorOptions, model: FasterRCNN, parts: Parts
) -> RegionProposals:
    """Build the network that steps 1 and 3 train."""
    return RegionProposals(
        parts,
        anchors=model.anchors,
        rpn_filters=model.rpn_filters,
        anchor_sampling=model.anchor_sampling,
        proposals=dataclasses.replace(
            model.train_proposals, pre_nms=PRE_NMS[run.preset]
        ),
        seed=run.seed,
    )


def _new_detector(
    run: DetectorOptions, model: FasterRCNN, parts: Parts, targets: tuple
) -> FastRCNN:
    """Build the network that steps 2 and 4 train."""
    return FastRCNN(
        model.classes,
        parts,
        # 64 regions of an image, as in Fast R-CNN.
        roi_sampling=dataclasses.replace(model.roi_sampling, size=64),
        box_normalization=BoxNormalization(*targets),
        detections=model.detections,
        roi_end_offset=model.roi_end_offset,
        seed=run.seed,
    )
