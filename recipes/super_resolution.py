r"""Super-resolution by what a VGG sees (Johnson, Alahi and Li 2016).

    python -m recipes.super_resolution --factor 4

trains one network twice on squares of photographs that come with kcv, once to
have the features of the true image and once to have its pixels, and measures
both, and cubic interpolation, on held-out photographs: 26.43, 27.00 and 27.35
dB after 5 minutes on one CPU core. PSNR and SSIM count pixels, so that the
second is expected to win. Look at the edges in the report.

    python -m recipes.super_resolution --preset paper --data folder:COCO:Set5

is the paper's training: 200 000 updates of four squares of 288 pixels, cut from
the images as they are. The paper takes 10 000 images of COCO; the folder says
which. Weights of the VGG that judges are downloaded by Keras, unless `--weights
FILE` names them. The figures of the paper are of the five images of Set5.
"""

import dataclasses
from pathlib import Path
from typing import Literal

import kcv
from kcv.serving import ServingConfig
from kcv.visualize.report import Published
from recipes.common.command import run_command
from recipes.common.evaluate_and_report import Stage
from recipes.common.evaluate_and_report import evaluate_and_report
from recipes.common.evaluate_and_report import save_model
from recipes.common.plan import Plan
from recipes.common.run import begin
from recipes.common.style.enlarging import evaluate_enlargers
from recipes.common.style.painters import PainterOptions
from recipes.common.style.painters import make_optimizer
from recipes.common.style.painters import open_squares
from recipes.common.train import train

_DATA = "Set5, x4, Y of YCbCr, {}; trained on 10 000 images of COCO"
_SOURCE = "Johnson et al. 2016, table 2"
PAPER = [
    Published("psnr", 27.09, _DATA.format("feature loss"), _SOURCE),
    Published("ssim", 0.7680, _DATA.format("feature loss"), _SOURCE),
    Published("psnr_of_pixel", 28.40, _DATA.format("pixel loss"), _SOURCE),
    Published("psnr_of_bicubic", 28.43, _DATA.format("bicubic"), _SOURCE),
]
# Plans and sides of the squares.
PRESETS = {
    "small": (Plan(4, 1024, 8, learning_rate=2e-3), 96),
    "paper": (Plan(4, 200_000, 100, learning_rate=1e-3), 288),
}
# What a network learns to have of the true image.
LOSSES = {
    "feature": {"content": 1.0, "style": 0.0, "total_variation": 0.0},
    "pixel": {"pixel": 1.0, "content": 0.0, "style": 0.0, "total_variation": 0},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(PainterOptions):
    """Options of this recipe.

    Attributes:
        data: Photographs, which come with kcv, or folder:TRAIN[:TEST] with a
            second folder of images to measure on, such as Set5. Without it a
            fifth of the first is held out.
        preset: Small learns by Muon in minutes, paper is the paper's training.
        image_size: Side in pixels of the large squares to train on. Defaults
            to 96, and to 288 for the paper's.
        factor: Factor by which the sides grow.
        network: VGG that judges. vgg16 is the paper's.
    """

    out: Path = Path("runs/super_resolution")
    preset: Literal["small", "paper"] = "small"
    image_size: int | None = None
    factor: Literal[2, 4, 8] = 4
    network: Literal["vgg16", "vgg19"] = "vgg16"


def main(run: Options) -> dict:
    """Train networks that enlarge images, and measure them on held-out ones.

    The network that learned features is the one that is saved and exported.
    """
    # === Data ===
    plan, size = PRESETS[run.preset]
    plan, size = plan.with_options(run), run.image_size or size
    test = kcv.data.load_images(run.data, "test", on_error=run.on_error)
    begin(run)

    def shrink(large):
        return kcv.style.low_resolution(large, run.factor), large

    squares, validation = open_squares(
        run, size, plan.batch_size, scaled=run.preset == "small"
    )
    if validation is not None:
        validation = validation.map(shrink)

    # === Fit, once for each loss ===
    nets, stages = {}, []
    for loss, weights in LOSSES.items():
        stage = run.stage(loss)
        strategy = begin(stage)
        print(f"\n{loss} loss")
        with strategy.scope():
            model = build_model(run, weights)
            model.compile(make_optimizer(run.preset, plan), jit_compile=run.jit)
        train(
            stage,
            model,
            plan,
            lambda start: squares(start).map(shrink),
            validation_data=validation,
        )
        save_model(model.net, stage.out)
        nets[loss] = model.net
        stages.append(Stage(stage.out, plan))

    # === Evaluate, report ===
    return evaluate_and_report(
        run,
        f"Super-resolution x{run.factor}",
        nets["feature"],
        lambda _: evaluate_enlargers(nets, test, run.factor, run.data),
        ServingConfig("style"),
        stages,
        PAPER if run.factor == 4 else (),
    )


def build_model(run: Options, weights: dict) -> kcv.style.PerceptualModel:
    """Put the VGG that judges behind a network that enlarges."""
    layer = kcv.style.DETAIL_LAYER
    return kcv.style.PerceptualModel(
        kcv.style.SuperResolutionNet(run.factor),
        kcv.style.loss_network([layer], run.network, run.weights),
        content_layer=layer,
        style_layers=(),
        loss_weights=weights,
    )


if __name__ == "__main__":
    run_command(main, Options())
