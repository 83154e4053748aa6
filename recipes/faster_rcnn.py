r"""Faster R-CNN (Ren, He, Girshick, Sun 2015).

    python -m recipes.faster_rcnn

trains a small detector from random weights on digit scenes, which need no
download, and measures it on 500 held-out scenes: voc07_map 0.78 after 12 to 19
minutes on two CPU cores.

    python -m recipes.faster_rcnn --data voc/2007 --preset paper \
        --weights imagenet

trains VGG-16 as the authors' Python code does: 70 000 updates of two images
with a shorter side of 600 pixels, learning rate 0.001, and 0.0001 after 50 000
updates. The paper has 69.9 mAP (table 3), with the training in four steps.

    python -m recipes.faster_rcnn --training alternating

trains in the four steps of the paper: voc07_map 0.74 after 9 minutes. After
two steps, before the networks share anything, it is 0.68 (68.5 in the paper).

    python -m recipes.faster_rcnn --data coco:train.json:images/

trains on your own images.
"""

import dataclasses
from pathlib import Path
from typing import Literal
from typing import NamedTuple

import keras

import kcv
from kcv.detection import ProposalSelection
from recipes.common.command import run_command
from recipes.common.detection import detectors
from recipes.common.detection.alternating import train_alternating
from recipes.common.evaluate_and_report import Stage
from recipes.common.evaluate_and_report import evaluate_and_report
from recipes.common.plan import Plan
from recipes.common.run import begin
from recipes.common.train import train
from recipes.common.training_images import make_batches
from recipes.common.training_images import open_detection
from recipes.common.training_images import stream_batches
from recipes.common.trunks import WidthOptions
from recipes.common.trunks import small_parts

SOURCE = "Ren et al. 2015, tables 2 and 3"
PAPER = [
    detectors.published_map(0.699, "VGG-16, four steps", SOURCE),
    detectors.published_map(0.599, "ZF, four steps", SOURCE),
    detectors.published_map(0.685, "VGG-16, unshared", SOURCE),
]


class Preset(NamedTuple):
    """What the network sees, and how long it is trained jointly."""

    image_size: int
    test_proposals: int
    plan: Plan


PRESETS = {
    "small": Preset(192, 100, Plan(4, 4096, epochs=8, learning_rate=2e-3)),
    "paper": Preset(600, 300, Plan(2, 70_000, epochs=25, learning_rate=1e-3)),
}
DROPS = [5 / 7]  # A tenth of the learning rate after 50 000 updates.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(detectors.DetectorOptions, WidthOptions):
    """Options of this recipe.

    Attributes:
        training: Joint trains both networks at once. alternating trains them
            in the paper's four steps, unshared in the first two of them.
            Epochs, updates and batch size are then those of each step.
        test_proposals: Number of proposals per image when the detector is
            measured. Defaults to 100 for preset small, 300 for preset paper.
        scenes: Number of digit scenes for alternating training. Joint training
            sees each scene once.
    """

    out: Path = Path("runs/faster_rcnn")
    backbone: detectors.Backbone | None = None
    training: Literal["joint", "alternating", "unshared"] = "joint"
    test_proposals: int | None = None
    scenes: int = 5120


def main(run: Options) -> dict:
    """Train Faster R-CNN and measure it on held-out images."""
    # === Data ===
    preset, jointly = PRESETS[run.preset], run.training == "joint"
    scaling = detectors.scale_to(run.image_size or preset.image_size)
    images, test = open_detection(run, None if jointly else run.scenes)
    plan = detectors.choose_plan(run, preset.plan, images)
    names = images.class_names
    test = make_batches(test.dataset, plan.batch_size, scaling)
    validation = make_batches(images.validation, plan.batch_size, scaling)

    # === Model, solver ===
    strategy = begin(run)
    with strategy.scope():
        model = build_model(names, run, scaling.short_side)
        run.freeze_layers(model)
        if jointly:
            optimizer = detectors.make_optimizer(plan, run.preset, DROPS)
            model.compile(optimizer, jit_compile=run.jit)

    # === Fit ===
    stages, figures = [Stage(run.out, plan)], {}
    if jointly:
        every = (plan.epochs + 1) // 2
        measures, watched = detectors.watch_epochs(run, test, validation, every)
        batches = stream_batches(run, images, plan.batch_size, scaling)
        train(run, model, plan, batches, *measures, **watched)
    else:
        shared = run.training == "alternating"
        model, stages, figures = train_alternating(
            run, model, images, scaling, test, strategy, shared
        )

    # === Evaluate, report ===
    return evaluate_and_report(
        run,
        f"Faster R-CNN on {run.data}",
        model,
        lambda x: detectors.evaluate_detector(x, test, names, run, **figures),
        detectors.serve_detector(scaling, names),
        stages,
        PAPER,
    )


def build_model(names: tuple, run: Options, image_size: int) -> keras.Model:
    """Build the detector of the paper, or the small one."""
    count = run.test_proposals or PRESETS[run.preset].test_proposals
    if run.preset == "paper":
        smallest = 16 * image_size / 375  # 16 pixels of VOC's images.
        return kcv.detection.FasterRCNN(
            len(names),
            run.backbone or "vgg16",
            run.start_weights(names),
            train_proposals=ProposalSelection(12000, 2000, min_side=smallest),
            test_proposals=ProposalSelection(6000, count, min_side=smallest),
            seed=run.seed,
        )
    # Objects have 1/8 to 1/2 of the shorter side. The stride is 8.
    scales = tuple(image_size / part / 8 for part in (8, 4, 2))
    return kcv.detection.FasterRCNN(
        len(names),
        small_parts(width=run.width),
        run.start_weights(names),
        anchors=kcv.detection.Anchors(scales=scales),
        rpn_filters=round(128 * run.width),
        # A map of 24 x 32 cells has a tenth of the paper's anchors.
        train_proposals=ProposalSelection(1000, 300, min_side=8),
        test_proposals=ProposalSelection(1000, count, min_side=8),
        # From random weights the classes take longest to learn.
        roi_sampling=kcv.detection.RoISampling(64, fg_fraction=0.5),
        seed=run.seed,
    )


if __name__ == "__main__":
    run_command(main, Options())
