r"""Fast R-CNN (Girshick 2015).

    python -m recipes.fast_rcnn

proposes regions on digit scenes by Selective Search, which need no download,
trains a small detector from random weights, and measures it on 500 held-out
scenes: voc07_map 0.66 after 7 minutes on two CPU cores.

    python -m recipes.fast_rcnn --data voc/2007 --preset paper \
        --weights imagenet

is the paper's experiment: VGG-16, 2000 regions of each image, 40 000 updates
of two images with a shorter side of 600 pixels, learning rate 0.001, and
0.0001 after 30 000 updates. Objects that are marked difficult do not take
part, for which the paper has 68.1 mAP (table 1). With `--keep-difficult` they
do, as in the authors' code, for which it has 66.9.

    python -m recipes.fast_rcnn --data voc/2007 --preset paper \
        --weights imagenet --scales 480 576 688 864 1200

is the experiment with several scales, which the paper has for smaller
networks.

    python -m recipes.fast_rcnn --data coco:train.json:images/

trains on your own images.
"""

import dataclasses
from pathlib import Path

import keras

import kcv
from kcv.detection import BoxNormalization
from kcv.detection import RoISampling
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
from recipes.common.training_images import LONG_SIDE
from recipes.common.training_images import make_batches
from recipes.common.training_images import open_detection
from recipes.common.training_images import stream_batches
from recipes.common.trunks import small_parts

SOURCE = "Girshick 2015, table 1"
WITH, WITHOUT = (
    f"VOC 2007 trainval {word} difficult objects"
    for word in ("with", "without")
)
PAPER = [
    detectors.published_map(0.681, "VGG-16", SOURCE, WITHOUT),
    detectors.published_map(0.669, "VGG-16", SOURCE, WITH),
    detectors.published_map(0.571, "CaffeNet", "Girshick 2015", WITH),
]
PRESETS = {
    "small": Preset(192, 300, Plan(4, 2560, epochs=5, learning_rate=2e-3)),
    "paper": Preset(600, 2000, Plan(2, 40_000, epochs=20, learning_rate=1e-3)),
}
# A tenth of the learning rate after 30 000 of 40 000 updates.
DROPS = [3 / 4]
SOLVER = {"bias_decay_mult": 0.0}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(GivenProposalsOptions):
    """Options of this recipe.

    Attributes:
        scales: Shorter sides of the resized images, in pixels, for several
            scales instead of one. Each training image has one of them, drawn
            at random. Held-out images are seen at all of them. The paper's
            are 480 576 688 864 1200. Defaults to one scale.
        keep_difficult: Whether objects that are marked difficult take part in
            training.
    """

    out: Path = Path("runs/fast_rcnn")
    backbone: detectors.Backbone | None = None
    scales: tuple[int, ...] | None = None
    keep_difficult: bool = False


def main(run: Options) -> dict:
    """Train Fast R-CNN and measure it on held-out images."""
    # === Data, proposals ===
    preset = PRESETS[run.preset]
    scaling = detectors.scale_to(run.image_size or preset.image_size)
    if run.scales:
        scaling = None  # The detector resizes held-out images itself.
    images, test = open_detection(run, run.scenes)
    plan = detectors.choose_plan(run, preset.plan, images)
    names = images.class_names
    strategy = begin(run)
    proposals = propose_regions(run, preset, images, test.dataset)
    batches = stream_batches(
        run, images, plan.batch_size, scaling, proposals.cache, run.scales or ()
    )
    once, test, validation = (
        make_batches(part, plan.batch_size, scaling)
        for part in (proposals.once, proposals.test, proposals.validation)
    )

    # === Model, solver ===
    targets = kcv.detection.box_statistics(
        once.map(kcv.data.detection_inputs),
        len(names),
        flip=images.mirror,
        keep_difficult=run.keep_difficult,
    )
    with strategy.scope():
        model = build_model(names, run, BoxNormalization(*targets))
        run.freeze_layers(model)
        optimizer = detectors.make_optimizer(plan, run.preset, DROPS, **SOLVER)
        model.compile(optimizer, jit_compile=run.jit)

    # === Fit ===
    measures, watched = detectors.watch_epochs(run, test, validation)
    train(run, model, plan, batches, *measures, **watched)

    # === Evaluate, report ===
    return evaluate_and_report(
        run,
        f"Fast R-CNN on {run.data}",
        model,
        lambda model: detectors.evaluate_detector(
            model, test, names, run, proposal_seconds=proposals.seconds
        ),
        detectors.serve_detector(scaling, names),
        [Stage(run.out, plan)],
        PAPER,
    )


def build_model(
    names: tuple, run: Options, normalization: BoxNormalization
) -> keras.Model:
    """Build the detector of the paper, or the small one."""
    options = {
        "weights": run.start_weights(names),
        "box_normalization": normalization,
        "keep_difficult": run.keep_difficult,
        "test_scales": run.scales,
        "test_long_side": LONG_SIDE,
        "seed": run.seed,
    }
    if run.preset == "paper":
        return kcv.detection.FastRCNN(
            len(names), run.backbone or "vgg16", **options
        )
    return kcv.detection.FastRCNN(
        len(names),
        small_parts(),
        # From random weights the classes take longest to learn, and regions
        # that show nothing of an object are not yet known to.
        roi_sampling=RoISampling(64, fg_fraction=0.5, bg_iou=(0.0, 0.5)),
        **options,
    )


if __name__ == "__main__":
    run_command(main, Options())
