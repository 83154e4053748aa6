r"""R-CNN, stage by stage (Girshick, Donahue, Darrell, Malik 2014).

    python -m recipes.rcnn

proposes regions on digit scenes, which need no download, fine-tunes a small
network from random weights, fits a support vector machine and a box regressor
per class, and measures them on 500 held-out scenes: voc07_map 0.66 after 6
minutes on two CPU cores.

    python -m recipes.rcnn --data voc/2007 --preset paper \
        --weights bvlc_alexnet.caffemodel

is the paper's experiment: images at their own size, 2000 regions of Selective
Search each, 70 000 updates of 128 windows at a learning rate of 0.001, which
falls to a tenth every 20 000 updates. The authors' code has 58.5 mAP, and 54.2
without the box regressors. `--backbone vgg16 --weights imagenet` has 66.0 in
Girshick 2015. Features of all regions of VOC's 5011 images take 160 GB.

    python -m recipes.rcnn --data coco:train.json:images/

trains on your own images.
"""

import dataclasses
import shutil
import time
from pathlib import Path
from typing import Literal

import keras

import kcv
from kcv.training import completed_epochs
from recipes.common.command import run_command
from recipes.common.detection import detectors
from recipes.common.detection.given_proposals import GivenProposalsOptions
from recipes.common.detection.given_proposals import Preset
from recipes.common.detection.given_proposals import propose_regions
from recipes.common.evaluate_and_report import Stage
from recipes.common.evaluate_and_report import evaluate_and_report
from recipes.common.plan import Plan
from recipes.common.run import begin
from recipes.common.train import train
from recipes.common.training_images import make_batches
from recipes.common.training_images import open_detection
from recipes.common.training_images import stream_batches
from recipes.common.trunks import small_parts
from recipes.common.trunks import small_trunk

PAPER = [
    detectors.published_map(0.585, "AlexNet", "Girshick et al. 2014, code"),
    detectors.published_map(0.660, "VGG-16", "Girshick 2015, table 4"),
]
PRESETS = {
    "small": Preset(192, 300, Plan(8, 1536, 4, learning_rate=2e-3)),
    "paper": Preset(None, 2000, Plan(16, 70_000, 35, learning_rate=1e-3)),
}
# A tenth of the learning rate every 20 000 of 70 000 updates.
DROPS = [2 / 7, 4 / 7, 6 / 7]
SOLVER = {
    "bias_decay_mult": 0.0,
    "layer_lr_mults": {"fc8": 10.0},  # Its weights are random.
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(GivenProposalsOptions):
    """Options of this recipe.

    Attributes:
        backbone: Network of preset paper. Defaults to alexnet.
        image_size: Shorter side of the resized images, in pixels. The longer
            side is at most 5/3 of it. Defaults to 192 for preset small, and to
            the size of each image for preset paper.
    """

    out: Path = Path("runs/rcnn")
    backbone: Literal["alexnet", "caffenet", "vgg16"] | None = None
    image_size: int | None = None
    scenes: int = 1500


def main(run: Options) -> dict:
    """Train R-CNN in its stages and measure it on held-out images."""
    # === Data, proposals ===
    preset, small = PRESETS[run.preset], run.preset == "small"
    scaling = detectors.scale_to(run.image_size or preset.image_size)
    images, test = open_detection(run, run.scenes)
    plan = make_plan(run, images.size if small else None)
    names, strategy = images.class_names, begin(run)
    proposals = propose_regions(run, preset, images, test.dataset)
    batches = stream_batches(
        run, images, plan.batch_size, scaling, proposals.cache, mirror=False
    )
    once = make_batches(proposals.once, plan.batch_size, scaling)
    test = make_batches(proposals.test, plan.batch_size, scaling)
    watched = make_batches(proposals.validation, plan.batch_size, scaling)

    # === Model, solver ===
    with strategy.scope():
        model = build_model(names, run, images.mirror)
        run.freeze_layers(model)
        optimizer = detectors.make_optimizer(plan, run.preset, DROPS, **SOLVER)
        model.compile(optimizer, jit_compile=run.jit)

    # === Fine-tune ===
    features = run.out / "features"
    if completed_epochs(run.backup) < plan.epochs:  # Those are out of date.
        shutil.rmtree(features, ignore_errors=True)
    train(run, model, plan, batches, **detectors.watch_loss(watched))

    # === Support vector machines, box regressors ===
    clock = time.perf_counter()
    kcv.detection.train_rcnn(model, once, features, names, run.seed)
    seconds = time.perf_counter() - clock

    # === Evaluate, report ===
    metrics = evaluate_and_report(
        run,
        f"R-CNN on {run.data}",
        model,
        lambda model: detectors.evaluate_detector(
            model,
            test,
            names,
            run,
            min_score=0.0,  # The middle of the margin: not a probability.
            proposal_seconds=proposals.seconds,
            svm_seconds=seconds,
        ),
        detectors.serve_detector(scaling, names),
        [Stage(run.out, plan)],
        PAPER,
    )
    shutil.rmtree(features)
    return metrics


def make_plan(run: Options, images: int | None = None) -> Plan:
    """Plan updates of 128 windows, from however many images."""
    plan = PRESETS[run.preset].plan
    plan = plan._replace(batch_size=run.batch_size or plan.batch_size)
    return plan.with_options(run, images=images)


def build_model(names: tuple, run: Options, mirror: bool) -> keras.Model:
    """Build the detector of the paper, or the small one."""
    if run.preset == "paper":
        return kcv.detection.RCNN(
            len(names),
            run.backbone or "alexnet",
            run.start_weights(names),
            mirror=mirror,
            seed=run.seed,
        )
    # Windows of 48 pixels with 4 of context. The paper's have 227 and 16.
    filters, strides = (32, 64, 64, 128, 128), (2, 2, 1, 2, 1)
    return kcv.detection.RCNN(
        len(names),
        small_parts(small_trunk(filters, strides, size=48), roi_size=6),
        run.start_weights(names),
        context=4,
        mirror=mirror,
        chunk=256,
        seed=run.seed,
    )


if __name__ == "__main__":
    run_command(main, Options())
