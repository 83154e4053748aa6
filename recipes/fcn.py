"""Fully convolutional networks (Long, Shelhamer and Darrell 2015).

    python -m recipes.fcn

trains a small FCN-8s from random weights on digit scenes, which need no
download, and measures it on 500 held-out scenes: mean_iu 0.65 in 13 minutes on
two CPU cores with AMX, by `--precision mixed_bfloat16`. Its backbone learns to
classify first, as the paper's have: windows around single digits. It learns by
Muon (Jordan et al. 2024), not by the paper's SGD. `--stride 16` and
`--stride 32` are its coarser sisters.

    python -m recipes.fcn --data sbd:benchmark_RELEASE/dataset:VOC2011 \
        --backbone vgg16 --weights imagenet --training stages

is the experiment of the authors' code: VGG-16, single images at their own
size, 100 000 updates of FCN-32s, then of 16s and of 8s, each from the weights
of the one before. `--training at_once` trains all strides together, 300 000
updates. The paper has 62.7 mean IU (its table 2), the code 65.5.

    python -m recipes.fcn --data folder:photos:labels --image-size 320

trains on your own images and PNGs of labels.
"""

import dataclasses
import functools
from pathlib import Path
from typing import Annotated
from typing import Literal

import tyro

import kcv
from recipes.common import finish_segmentation as segmentation
from recipes.common import run as experiment
from recipes.common.plan import Plan
from recipes.common.plan import begin_part
from recipes.common.plan import muon_optimizer
from recipes.common.plan import quick_optimizer
from recipes.common.report import Published
from recipes.common.trunks import small_strided
from recipes.common.windows import Windows
from recipes.common.windows import learn_classes

_DATA = "VOC 2011, measured on the 736 images of val that SBD's train has not"
PAPER = [
    Published("mean_iu", value, f"{_DATA}; {network}", source)
    for value, network, source in (
        (0.627, "FCN-8s, VGG-16", "Long et al. 2015, table 2"),
        (0.624, "FCN-16s, VGG-16", "Long et al. 2015, table 2"),
        (0.594, "FCN-32s, VGG-16", "Long et al. 2015, table 2"),
        (0.398, "FCN-32s, AlexNet", "Long et al. 2015, table 1"),
        (0.425, "FCN-32s, GoogLeNet", "Long et al. 2015, table 1"),
    )
]

# The small backbone: what it classifies, and the scenes.
SMALL_CLASSES = Plan(batch_size=64, steps=320, epochs=2, learning_rate=4e-3)
SMALL_WINDOWS = Windows(side=64, cut=72, count=4)
SMALL = Plan(batch_size=8, steps=3072, epochs=6, learning_rate=8e-3)
# A classifier without batch normalisation learns at a lower rate.
QUICK = Plan(batch_size=16, steps=256, epochs=4, learning_rate=1e-4)

# Pixels of their short side for the papers' classifiers, which at the scenes'
# own size would see a quarter as many in the same minutes.
SCENE_SIZE = 96


@dataclasses.dataclass(frozen=True)
class Solver:
    """What the authors train a backbone with.

    Attributes:
        normalize: whether the loss is the mean over pixels, not their sum.
        momentum: of SGD.
        plans: of FCN-32s, 16s, 8s; and of all at once.
        bias_decay: what multiplies the decay of biases.
    """

    normalize: bool
    momentum: float
    plans: dict[int | str, Plan]


_STRIDES = (32, 16, 8)
SOLVERS = {
    # The authors' code: one image, the sum over its pixels, high momentum.
    "vgg16": Solver(
        normalize=False,
        momentum=0.99,
        plans={
            32: Plan(1, 100_000, 25, 1e-10),
            16: Plan(1, 100_000, 25, 1e-12),
            8: Plan(1, 100_000, 25, 1e-14),
            "at_once": Plan(1, 300_000, 75, 1e-10),
        },
    ),
    # The authors' code has FCN-32s alone.
    "alexnet": Solver(
        normalize=True,
        momentum=0.9,
        plans={
            32: Plan(1, 2_000_000, 100, 1e-4, accumulate=20),
            16: Plan(1, 2_000_000, 100, 1e-6, accumulate=20),
            8: Plan(1, 2_000_000, 100, 1e-8, accumulate=20),
            "at_once": Plan(1, 2_000_000, 100, 1e-4, accumulate=20),
        },
    ),
    # The paper: 175 epochs of VOC 2011's 1112 images, 20 in a batch.
    "googlenet": Solver(
        normalize=True,
        momentum=0.9,
        plans={
            32: Plan(1, 194_560, 175, 5e-5, accumulate=20),
            16: Plan(1, 194_560, 175, 5e-7, accumulate=20),
            8: Plan(1, 194_560, 175, 5e-9, accumulate=20),
            "at_once": Plan(1, 194_560, 175, 5e-5, accumulate=20),
        },
    ),
}

DEFAULT_RUN = experiment.Run(Path("runs/fcn"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    data: str = "digit_scenes",
    backbone: Literal["small", "vgg16", "alexnet", "googlenet"] = "small",
    weights: str | None = None,
    stride: Literal[32, 16, 8] = 8,
    training: Literal["at_once", "stages"] = "at_once",
    padding: Literal["same", "pad100"] = "same",
    upsampling: Literal["fixed", "learned"] = "fixed",
    solver: Literal["quick", "paper"] | None = None,
    image_size: int | None = None,
    background_weight: float | None = None,
    steps_per_epoch: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> dict:
    """Train a fully convolutional network and measure it on held-out images.

    Args:
        run: Options of every recipe.
        data: digit_scenes, voc:FOLDER, sbd:SBD:VOC or folder:IMAGES:MASKS.
        backbone: small learns from random weights in minutes; vgg16 is the
            paper's best.
        weights: imagenet (downloaded), or a file of kcv's, keras.applications'
            or torchvision's weights for the backbone.
        stride: Of the finest map that is scored.
        training: at_once, or stages, the paper's: 32s, 16s, 8s, each from the
            one before. Epochs and updates are then those of each stage.
        padding: same, or pad100, the authors' 100 pixels around the image.
        upsampling: fixed at bilinear, or learned from there.
        solver: quick, Muon or, for a backbone that is not small, AdamW for
            minutes; or the paper's, for days. By default quick for digit
            scenes.
        image_size: Short side to which images are scaled, pixels; by default
            96 for digit scenes with a backbone that is not small, and else
            not at all. They are measured at their own size in any case.
        background_weight: Of background in the loss, where other classes have
            1; by default .7 for digit scenes, and else 1, the paper's.
        steps_per_epoch: Updates per epoch, a multiple of 8; by default as many
            as show the plan's number of images in its number of epochs.
        on_error: What to do about an image that cannot be decoded.

    Returns:
        What `metrics.json` has.
    """
    quick = (solver or _default_solver(data, backbone)) == "quick"
    _check(backbone, weights, quick)
    if data == "digit_scenes":
        background_weight = background_weight or segmentation.SCENE_BACKGROUND
        if backbone != "small":
            image_size = image_size or SCENE_SIZE
    stages = [s for s in _STRIDES if s >= stride]
    if training == "at_once":
        stages = stages[-1:]
    configuration = {
        **dataclasses.asdict(run),
        "task": "segmentation",
        "data": data,
        "backbone": backbone,
        "weights": weights,
        "stride": stride,
        "training": training,
        "padding": padding,
        "upsampling": upsampling,
        "solver": "quick" if quick else "paper",
        "image_size": image_size,
        "background_weight": background_weight,
        "steps_per_epoch": steps_per_epoch,
        "on_error": on_error,
    }
    strategy = experiment.prepare(run, configuration)
    images = segmentation.open_images(data, image_size, on_error)

    # === Fit ===
    class_weights = None
    if background_weight is not None:
        class_weights = segmentation.scene_weights(
            len(images.class_names), background_weight
        )
    begin = functools.partial(
        begin_part,
        run,
        steps_per_epoch=steps_per_epoch,
        configuration=configuration,
    )
    model, parts = None, []
    for number, fineness in enumerate(stages):
        plan = SMALL if backbone == "small" else QUICK
        if not quick:
            plans = SOLVERS[backbone].plans
            plan = plans["at_once" if training == "at_once" else fineness]
        part = begin(f"fcn{fineness}s", plan)
        before = model
        with strategy.scope():
            model = kcv.segmentation.FCN(
                len(images.class_names),
                small_strided() if backbone == "small" else backbone,
                fineness,
                weights=weights if number == 0 else None,
                padding=padding,
                upsampling=upsampling,
                # The scales belong to the paper's solver.
                at_once=training == "at_once" and not quick,
            )
            if before is not None:
                kcv.segmentation.go_on_from(model, before)
            elif backbone == "small":
                parts.append(begin("classes", SMALL_CLASSES))
                learn_classes(
                    parts[-1],
                    model,
                    model.get_layer("score_fr").input,
                    SMALL_WINDOWS,
                    images,
                )
            model.compile(
                *optimizer_and_loss(
                    backbone, part.schedule, plan, quick, class_weights
                ),
                jit_compile=run.jit,
            )
        segmentation.fit(
            part, model, lambda start: images.examples(run.seed, start)
        )
        parts.append(part)

    return segmentation.finish(
        run,
        f"FCN-{stride}s on {data}",
        model,
        images,
        parts,
        PAPER,
        configuration,
    )


def optimizer_and_loss(backbone, schedule, plan, quick, class_weights=None):
    """Choose the authors' solver with its loss, or the quick one."""
    if quick:
        # Muon's matrices are small in the small backbone alone.
        quickest = muon_optimizer if backbone == "small" else quick_optimizer
        return (
            quickest(schedule.all_steps, schedule.learning_rate),
            kcv.losses.PixelwiseCrossEntropy(class_weights=class_weights),
        )
    authors = SOLVERS[backbone]
    optimizer = kcv.optimizers.CaffeSGD(
        plan.learning_rate,
        authors.momentum,
        l2=5e-4,
        bias_decay_mult=0.0,
        gradient_accumulation_steps=(
            plan.accumulate if plan.accumulate > 1 else None
        ),
    )
    return optimizer, kcv.losses.PixelwiseCrossEntropy(
        authors.normalize, class_weights=class_weights
    )


def _default_solver(data, backbone):
    return "quick" if data == "digit_scenes" or backbone == "small" else "paper"


def _check(backbone, weights, quick):
    if backbone != "small":
        return
    if weights is not None:
        raise ValueError(
            "the small backbone has no published weights. Received: "
            f"weights={weights!r}"
        )
    if not quick:
        raise ValueError(
            "the paper's solver is for the paper's backbones. Received: "
            "backbone='small', solver='paper'"
        )


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
