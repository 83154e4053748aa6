"""Faster R-CNN (Ren, He, Girshick, Sun 2015).

    python -m recipes.faster_rcnn

trains a small detector from random weights on digit scenes, which need no
download, and measures it on 500 held-out scenes: 12 to 19 minutes on two CPU
cores, voc07_map 0.79.

    python -m recipes.faster_rcnn --data voc/2007 --backbone vgg16 \
        --weights imagenet

is the paper's experiment: VGG-16, 70 000 updates of two images at a short
side of 600 pixels, learning rate 0.001 and 0.0001 after 50 000. The paper
has 69.9 mAP (its table 3).

`--training alternating` trains as the paper does, in four steps: 80 000 updates
of the proposals and 40 000 of the detector, each twice. After two of them the
networks share nothing yet; what they find is measured, too (68.5 mAP in the
paper), and `--training unshared` ends there.

    python -m recipes.faster_rcnn --data coco:train.json:images/

trains on your own images.
"""

import dataclasses
import functools
import math
from pathlib import Path
from typing import Annotated
from typing import Literal

import keras
import tyro

import kcv
from recipes.common import alternating
from recipes.common import run as experiment
from recipes.common.finish_detection import HeldOut
from recipes.common.finish_detection import finish
from recipes.common.given_proposals import resized_batches
from recipes.common.given_proposals import training_images
from recipes.common.plan import Schedule
from recipes.common.plan import check_steps
from recipes.common.plan import quick_optimizer
from recipes.common.plan import whole_windows
from recipes.common.report import Published
from recipes.common.trunks import small_preprocessing
from recipes.common.trunks import small_trunk

PAPER = [
    Published(
        "voc07_map",
        0.699,
        "VOC 2007 trainval, measured on VOC 2007 test; VGG-16",
        "Ren et al. 2015, table 3",
    ),
    Published(
        "voc07_map",
        0.599,
        "VOC 2007 trainval, measured on VOC 2007 test; ZF",
        "Ren et al. 2015, table 2",
    ),
    Published(
        "voc07_map",
        0.685,
        "VOC 2007 trainval, measured on VOC 2007 test; VGG-16, unshared",
        "Ren et al. 2015, table 3",
    ),
]


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a backbone is trained.

    Attributes:
        image_size: short side, pixels.
        batch_size: images per update.
        steps: updates in all, at that batch size.
        epochs: the parts that they are divided into.
        learning_rate: the highest.
    """

    image_size: int
    batch_size: int
    steps: int
    epochs: int
    learning_rate: float

    def steps_per_epoch(self, batch_size: int) -> int:
        """Divide the images of the plan, in windows of the data's batching."""
        images = self.steps * self.batch_size
        return whole_windows(images / (self.epochs * batch_size))


SMALL = Plan(192, batch_size=4, steps=4096, epochs=8, learning_rate=2e-3)
# 70 000 updates of two images (`iter_size: 2` in the reference).
PAPERS = Plan(600, batch_size=2, steps=70_000, epochs=28, learning_rate=1e-3)

# The four steps of alternating training. An image teaches one network at a
# time: the small detector sees as many in steps 2 and 4 as in joint training,
# most of them in step 2, which alone teaches the convolutions that both
# networks share in the end; the proposals need fewer.
SMALL_STEPS = (
    Plan(192, batch_size=4, steps=768, epochs=1, learning_rate=2e-3),
    Plan(192, batch_size=4, steps=2816, epochs=4, learning_rate=2e-3),
    Plan(192, batch_size=4, steps=1024, epochs=1, learning_rate=2e-3),
    Plan(192, batch_size=4, steps=1280, epochs=2, learning_rate=2e-3),
)
# One image per update for the proposals, two for the detector.
PAPERS_STEPS = 2 * (
    Plan(600, batch_size=1, steps=80_000, epochs=16, learning_rate=1e-3),
    Plan(600, batch_size=2, steps=40_000, epochs=16, learning_rate=1e-3),
)

DEFAULT_RUN = experiment.Run(Path("runs/faster_rcnn"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    data: str = "digit_scenes",
    backbone: Literal["small", "vgg16", "resnet18", "resnet50"] = "small",
    weights: str | None = None,
    image_size: int | None = None,
    training: Literal["joint", "alternating", "unshared"] = "joint",
    test_proposals: int | None = None,
    scenes: int = 5120,
    steps_per_epoch: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> dict:
    """Train Faster R-CNN and measure it on held-out images.

    Args:
        run: Options of every recipe.
        data: digit_scenes, voc/2007, voc/2012, coco/2017, voc:FOLDER,
            coco:ANNOTATIONS.json:IMAGES or
            coco:TRAIN.json:IMAGES:HELD_OUT.json.
        backbone: small learns from random weights in minutes; vgg16 is the
            paper's.
        weights: imagenet (downloaded), or a file of kcv's, keras.applications'
            or torchvision's weights for the backbone.
        image_size: Short side to which images are scaled, pixels; the long
            side is at most 5/3 of it. By default 192 for small, else 600.
        training: joint, both networks at once; alternating, the paper's four
            steps; unshared, the first two of them. Epochs, updates and batch
            size are then those of each step.
        test_proposals: Regions of an image that are looked at when the
            detector is measured; by default 100 for small, else 300.
        scenes: Digit scenes to train on in steps; joint training sees every
            scene once.
        steps_per_epoch: Updates per epoch, a multiple of 8; by default as many
            as show the plan's number of images in its number of epochs.
        on_error: What to do about an image that cannot be decoded.

    Returns:
        What `metrics.json` has.
    """
    small = backbone == "small"
    test_proposals = test_proposals or (100 if small else 300)
    plan = SMALL if small else PAPERS
    image_size = image_size or plan.image_size
    check_steps(steps_per_epoch)
    schedule = _schedule(plan, run, steps_per_epoch)
    configuration = {
        **dataclasses.asdict(run),
        "data": data,
        "backbone": backbone,
        "weights": weights,
        "image_size": image_size,
        "training": training,
        "test_proposals": test_proposals,
        "scenes": scenes,
        "steps_per_epoch": steps_per_epoch,
        "on_error": on_error,
    }
    if training == "joint":
        configuration |= schedule._asdict()
    strategy = experiment.prepare(run, configuration)

    # === Data ===
    sides = (image_size, image_size * 5 // 3)
    mirror = data != "digit_scenes"  # digits must not be mirrored
    test, class_names, _ = kcv.data.load_detection(
        data, "test", on_error=on_error
    )
    test = resized_batches(test, schedule.batch_size, sides).prefetch(2)

    def new_model():
        with strategy.scope():
            return build(
                len(class_names),
                backbone,
                weights,
                image_size,
                run.seed,
                test_proposals,
            )

    # === Fit ===
    more = {}
    if training == "joint":
        model = new_model()
        fit_jointly(
            run,
            model,
            optimizer(backbone, schedule),
            schedule,
            lambda start: (
                kcv.data.load_detection(
                    data, "train", seed=run.seed, start=start, on_error=on_error
                ).dataset
            ),
            sides,
            mirror,
            test,
        )
        schedules, folders = [schedule], [run.out]
    else:
        once, stream, _ = training_images(data, run.seed, scenes, on_error)
        schedules = [
            _schedule(own, run, steps_per_epoch)
            for own in (SMALL_STEPS if small else PAPERS_STEPS)
        ]
        trained = alternating.train(
            run,
            configuration,
            alternating.Images(
                once,
                stream,
                len(class_names),
                sides,
                mirror,
                max_proposals=300 if small else 2000,
            ),
            alternating.Networks(
                functools.partial(
                    build_proposer, backbone, weights, image_size, run.seed
                ),
                functools.partial(build_detector, backbone, weights, run.seed),
                schedules,
                functools.partial(optimizer, backbone, drop=3 / 4),
            ),
            shared=training == "alternating",
        )
        folders = trained.folders
        schedules = schedules[: len(folders)]
        model = kcv.detection.unshared(
            *trained.unshared,
            _selection(small, test_proposals),
        )
        if trained.shared is not None:
            # What sharing is worth, as in the paper's table 2.
            truth, found = kcv.metrics.collect_detections(model, test)
            precision = kcv.metrics.voc_average_precision(truth, found)
            more = {"unshared_voc07_map": precision["voc07_map"]}
            model = new_model()
            kcv.detection.share_features(model, *trained.shared)

    shown = sum(s.epochs * s.steps * s.batch_size for s in schedules)
    return finish(
        run,
        f"Faster R-CNN on {data}",
        model,
        HeldOut(test, class_names, data),
        shown / sum(s.epochs for s in schedules),
        PAPER,
        configuration,
        kcv.serving.ShortSide(*sides),
        more,
        steps=folders,
    )


def fit_jointly(run, model, optimizer, schedule, stream, sides, mirror, test):
    """Train both networks at once."""
    batch_size, epochs, steps, _ = schedule
    done = experiment.EpochBackup(run.out / "backup").epoch
    start = done * steps * batch_size
    train = resized_batches(
        stream(start),
        batch_size,
        sides,
        (run.seed, start) if mirror else None,
    )
    model.compile(optimizer, jit_compile=run.jit)
    model.fit(
        train.map(kcv.data.detection_inputs).prefetch(2),
        epochs=epochs,
        initial_epoch=done,
        steps_per_epoch=steps,
        shuffle=False,  # the stream is shuffled
        callbacks=experiment.callbacks(
            run,
            kcv.metrics.DetectionEvaluation(test, every=math.ceil(epochs / 2)),
        ),
    )


def _schedule(plan, run, steps_per_epoch):
    batch_size = run.batch_size or plan.batch_size
    return Schedule(
        batch_size,
        run.epochs or plan.epochs,
        steps_per_epoch or plan.steps_per_epoch(batch_size),
        plan.learning_rate,
    )


def build(classes, backbone, weights, image_size, seed, test_proposals):
    """Build the detector of the paper, or the small one for scenes."""
    if backbone != "small":
        return kcv.detection.FasterRCNN(
            classes,
            backbone,
            weights,
            test_proposals=_selection(False, test_proposals),
            seed=seed,
        )
    _no_weights(weights)
    return kcv.detection.FasterRCNN(
        classes,
        small_parts(),
        **small_anchors(image_size),
        # A map of 24 x 32 cells has a tenth of the paper's anchors.
        train_proposals=_selection(True, 300),
        test_proposals=_selection(True, test_proposals),
        # From random weights the classes are what takes longest to learn.
        roi_sampling=kcv.detection.RoISampling(64, fg_fraction=0.5),
        seed=seed,
    )


def build_proposer(backbone, weights, image_size, seed, parts):
    """Build what steps 1 and 3 train, upon parts or anew."""
    if backbone != "small":
        return kcv.detection.RegionProposals(
            parts or backbone, weights if parts is None else None, seed=seed
        )
    _no_weights(weights)
    return kcv.detection.RegionProposals(
        parts or small_parts(),
        **small_anchors(image_size),
        # As many as joint training looks at.
        proposals=_selection(True, 300),
        seed=seed,
    )


def build_detector(backbone, weights, seed, parts, classes, statistics):
    """Build what steps 2 and 4 train, upon parts or anew."""
    options = {
        "box_normalization": statistics,
        # Background as Faster R-CNN's, where Fast R-CNN begins at 0.1.
        "roi_sampling": kcv.detection.RoISampling(
            64, fg_fraction=0.5 if backbone == "small" else 0.25
        ),
        "seed": seed,
    }
    if backbone != "small":
        return kcv.detection.FastRCNN(
            classes,
            parts or backbone,
            weights if parts is None else None,
            **options,
        )
    return kcv.detection.FastRCNN(classes, parts or small_parts(), **options)


def small_parts():
    """Build the parts of the small detector for scenes."""
    return kcv.detection.custom_parts(
        small_trunk(),
        small_preprocessing(),
        units=(256, 256),
        batch_norm=True,
    )


def small_anchors(image_size):
    """Choose anchors for scenes: of 24 to 96 pixels at a short side of 192."""
    stride = 8
    return {
        # Objects have 1/8 to 1/2 of the short side.
        "anchors": kcv.detection.Anchors(
            scales=[image_size / part / stride for part in (8, 4, 2)]
        ),
        "rpn_filters": 128,
    }


def _selection(small, count):
    if not small:
        return kcv.detection.ProposalSelection(6000, count)
    return kcv.detection.ProposalSelection(1000, count, min_side=8)


def _no_weights(weights):
    if weights is not None:
        raise ValueError(
            "the small backbone has no published weights. Received: "
            f"weights={weights!r}"
        )


def optimizer(backbone, schedule, drop=5 / 7):
    """Choose the paper's solver, or a quick one for random weights.

    Args:
        backbone: of the network.
        schedule: as of `recipes.common.plan`.
        drop: part of the updates after which the paper's learning rate falls:
            50 000 of 70 000, or 60 000 of 80 000.
    """
    steps = schedule.all_steps
    highest = schedule.learning_rate
    if backbone == "small":
        return quick_optimizer(
            steps, highest * schedule.batch_size / SMALL.batch_size
        )
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(
        [round(steps * drop)], [highest, highest / 10]
    )
    return kcv.optimizers.CaffeSGD(rate, momentum=0.9, l2=5e-4)


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
