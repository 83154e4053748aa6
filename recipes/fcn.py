r"""Fully convolutional networks (Long, Shelhamer and Darrell 2015).

    python -m recipes.fcn

trains a small FCN-8s from random weights on digit scenes, which need no
download, and measures it on 500 held-out scenes: mean_iu 0.65 in 13 minutes on
two CPU cores with AMX and `--precision mixed_bfloat16`. Its backbone first
learns to classify, as the paper's did: windows around single digits. It learns
by Muon (Jordan et al. 2024), not by the paper's SGD. The coarser networks are
those of `--stride 16` and `--stride 32`.

    python -m recipes.fcn --data sbd:benchmark_RELEASE/dataset:VOC2011 \
        --preset paper --weights imagenet --training stages

is the experiment of the authors' code: VGG-16, single images in their original
size, 100,000 updates of FCN-32s, then of 16s and of 8s, each from the weights
of the one before. `--training at_once` trains all strides together in 300,000
updates. The paper reports 62.7% mean IU (its table 2), the code 65.5%. The code
draws every image from all of them, where epochs here show each once. It has
FCN-AlexNet at stride 32 alone and no GoogLeNet: their other strides are kcv's.
`--settings paper` has the paper's solver: 175 epochs of 1,112 images, 20 in a
batch.

    python -m recipes.fcn --data folder:photos:labels --image-size 320

trains on your own images and PNGs of labels.
"""

import dataclasses
from pathlib import Path
from typing import Literal

import kcv
from kcv.classification import Preprocessing
from kcv.segmentation.fcn import FCN_MEAN
from kcv.serving import ServingConfig
from recipes.common.command import run_command
from recipes.common.evaluate_and_report import evaluate_and_report
from recipes.common.plan import Plan
from recipes.common.run import begin
from recipes.common.segmentation.fcn_plans import PAPER
from recipes.common.segmentation.fcn_plans import choose_solver
from recipes.common.segmentation.images import open_images
from recipes.common.segmentation.segmenters import SCENE_SIZE
from recipes.common.segmentation.segmenters import evaluate_segmenter
from recipes.common.segmentation.segmenters import take_whole_images
from recipes.common.segmentation.segmenters import train_segmenter
from recipes.common.segmentation.segmenters import weigh_background
from recipes.common.segmentation.windows import Windows
from recipes.common.segmentation.windows import learn_classes
from recipes.common.trunks import WidthOptions
from recipes.common.trunks import small_strided

# What the small backbone classifies. All other plans are in SOLVERS.
CLASSES = Plan(batch_size=64, steps=320, epochs=2, learning_rate=4e-3)
WINDOWS = Windows(side=64, cut=72, count=4)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(WidthOptions):
    """Options of this recipe.

    Attributes:
        data: digit_scenes, voc:FOLDER, sbd:SBD:VOC or folder:IMAGES:MASKS.
        preset: Small learns in minutes, paper has the authors' solver.
        backbone: Classifier of the paper. Defaults to a small network, and to
            vgg16, the paper's best, in preset paper.
        image_size: Shorter side of the training images, in pixels. Defaults
            to 96 for digit scenes and a backbone of the paper, and to the
            original size otherwise.
        stride: Stride of the finest feature map that is scored.
        training: at_once, or stages, the paper's: 32s, 16s and 8s, each from
            the one before, and each for the given number of epochs.
        padding: Same, or pad100, the authors' 100 pixels around the image.
        upsampling: Fixed at bilinear interpolation, or learned from there.
        settings: Solver of preset paper. code has single images, the sum of
            their pixels' losses and a momentum of 0.99 for vgg16. paper has
            batches of 20, their mean and 0.9. googlenet has the paper's only.
        flip: Whether training images are flipped horizontally at random, which
            digit scenes never are. Defaults to True, and to False in preset
            paper, as in the authors' code.
        background_weight: Weight of background in the loss, where other
            classes have 1. Defaults to 0.7 for digit scenes, to 1 else.
    """

    out: Path = Path("runs/fcn")
    data: str = "digit_scenes"
    preset: Literal["small", "paper"] = "small"
    backbone: Literal["vgg16", "alexnet", "googlenet"] | None = None
    image_size: int | None = None
    stride: Literal[32, 16, 8] = 8
    training: Literal["at_once", "stages"] = "at_once"
    padding: Literal["same", "pad100"] = "same"
    upsampling: Literal["fixed", "learned"] = "fixed"
    settings: Literal["code", "paper"] = "code"
    flip: bool | None = None
    background_weight: float | None = None


def main(run: Options) -> dict:
    """Train a fully convolutional network, and measure it on whole images."""
    backbone = run.backbone or ("vgg16" if run.preset == "paper" else "small")
    solver = choose_solver(run.preset, backbone, run.settings)

    # === Data ===
    shrink = run.data == "digit_scenes" and backbone != "small"
    size = run.image_size or (SCENE_SIZE if shrink else None)
    flip = run.preset == "small" if run.flip is None else run.flip
    images = open_images(run, size, flip)
    names = images.class_names
    plans = solver.choose_plans(run, run.stride, run.training, images.limit)
    class_weights = weigh_background(images, run.background_weight)

    # === Model, solver, fit: one stage after another ===
    strategy = begin(run)
    model, stages = None, []
    for stride, plan in plans.items():
        stage = run.stage(f"fcn{stride}s")
        begin(stage)
        with strategy.scope():
            before, scaling = model, Preprocessing(FCN_MEAN)
            model = kcv.segmentation.FCN(
                len(names),
                small_strided(width=run.width)
                if backbone == "small"
                else backbone,
                stride,
                weights=run.start_weights(names) if before is None else None,
                preprocessing=scaling if backbone == "small" else None,
                padding=run.padding,
                upsampling=run.upsampling,
                # The scales of the skips belong to the paper's solver.
                at_once=run.training == "at_once" and run.preset == "paper",
            )
            if before is not None:
                kcv.segmentation.continue_from(model, before)
            elif backbone == "small" and run.weights is None:
                begin(first := run.stage("classes"))
                early = WINDOWS.plan(CLASSES, run, images)
                maps = model.get_layer("score_fr").input
                stages.append(
                    learn_classes(first, early, model, maps, WINDOWS, images)
                )
            run.freeze_layers(model, r"(?!score_|upscore)")
            model.compile(
                solver.make_optimizer(plan),
                kcv.losses.PixelwiseCrossEntropy(
                    solver.normalize, class_weights=class_weights
                ),
                jit_compile=run.jit,
            )
        stages.append(train_segmenter(stage, model, plan, images))

    # === Evaluate, report ===
    return evaluate_and_report(
        run,
        f"FCN-{run.stride}s on {run.data}",
        take_whole_images(model, images),
        lambda model: evaluate_segmenter(model, images, run),
        ServingConfig("segmentation", class_names=names),
        stages,
        PAPER,
    )


if __name__ == "__main__":
    run_command(main, Options())
