r"""Feed-forward style transfer (Johnson, Alahi and Li 2016).

    python -m recipes.fast_style --precision mixed_bfloat16

trains a network on photographs that come with kcv to paint any picture in one
style, and measures on held-out photographs after how many iterations of L-BFGS
on the pixels the objective is as low: 33.5, and 50 to 100 in the paper. It
takes an hour on one CPU core with AMX, and far more without. The network learns
by Muon (Jordan et al. 2024), not by the paper's Adam, from squares that are
mirrored and changed in color, since there are only nine photographs.

    python -m recipes.fast_style --preset paper --data folder:train2014 \
        --style starry.jpg

is the paper's training: 40 000 updates of four images of 256 pixels from COCO,
Adam with a learning rate of 0.001. Only the squares differ, which are cut out
here and not squeezed. Weights of the VGG that judges are downloaded by Keras,
unless `--weights FILE` names them.
"""

import dataclasses
from collections import namedtuple
from pathlib import Path
from typing import Literal

import keras

import kcv
from kcv.serving import ServingConfig
from kcv.visualize.report import Published
from recipes.common.command import run_command
from recipes.common.evaluate_and_report import Stage
from recipes.common.evaluate_and_report import evaluate_and_report
from recipes.common.plan import Plan
from recipes.common.run import begin
from recipes.common.style.lbfgs import evaluate_painter
from recipes.common.style.painters import PainterOptions
from recipes.common.style.painters import make_optimizer
from recipes.common.style.painters import open_squares
from recipes.common.style.pictures import open_picture
from recipes.common.train import train

PAPER = [
    Published(
        "lbfgs_iterations",
        count,
        f"{bound}, of photographs of 256 pixels; trained on COCO",
        "Johnson et al. 2016, section 4.1",
    )
    for count, bound in ((50, "at least"), (100, "at most"))
]

Preset = namedtuple("Preset", "plan image_size normalization upsampling")
PRESETS = {
    # One square at a time, as in Ulyanov et al.'s code, which instance
    # normalization allows. The rate is warmed up, or tanh soon ends where it
    # is flat, which takes thousands of updates to mend.
    "small": Preset(Plan(1, 16_384, 16, 2e-3), 128, "instance", "resize"),
    "paper": Preset(Plan(4, 40_000, 40, 1e-3), 256, "batch", "transposed"),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(PainterOptions):
    """Options of this recipe.

    Attributes:
        preset: Small learns by Muon in an hour, paper is the paper's training.
        image_size: Side in pixels of the squares to train on. Defaults to 128,
            and to 256 for the paper's.
        style: Image file, or name of a photograph of kcv.
        style_size: Longer side of the style image in pixels.
        network: VGG that judges. vgg16 is the paper's.
        normalization: Normalization of the network. Defaults to instance,
            which learns faster, and to batch for the paper's.
        upsampling: Upsampling of the network. Defaults to resize, which leaves
            no grid, and to transposed for the paper's.
        content_weight: Weight of the feature reconstruction loss.
        style_weight: Weight of the style reconstruction loss.
        tv_weight: Weight of the total variation.
        test_size: Longer side of the held-out photographs in pixels.
        lbfgs_iterations: Maximum number of iterations of L-BFGS to compare
            with.
    """

    out: Path = Path("runs/fast_style")
    preset: Literal["small", "paper"] = "small"
    image_size: int | None = None
    style: str = "ihc"
    style_size: int = 256
    network: Literal["vgg16", "vgg19"] = "vgg16"
    normalization: Literal["instance", "batch"] | None = None
    upsampling: Literal["transposed", "resize"] | None = None
    content_weight: float = 1.0
    style_weight: float = 5.0
    tv_weight: float = 1e-6
    test_size: int = 256
    lbfgs_iterations: int = 100


def main(run: Options) -> dict:
    """Train a network to paint, and measure it on held-out photographs."""
    # === Data ===
    plan = PRESETS[run.preset].plan.with_options(run)
    size = run.image_size or PRESETS[run.preset].image_size
    painting = open_picture(run.style, run.style_size)
    test = kcv.data.load_images(run.data, "test", on_error=run.on_error)
    batches, validation = open_squares(run, size, plan.batch_size)
    strategy = begin(run)

    # === Model, solver ===
    with strategy.scope():
        net = build_net(run.preset, run.normalization, run.upsampling)
        model = add_losses(net, run, painting)
        model.compile(make_optimizer(run.preset, plan), jit_compile=run.jit)

    # === Fit ===
    train(run, model, plan, batches, validation_data=validation)

    # === Evaluate, report ===
    def evaluate(net):
        # L-BFGS would go astray by the rounding of a mixed policy.
        keras.config.set_dtype_policy("float32")
        judge = add_losses(net, run, painting)
        photos, style = test.dataset.take(8), {run.style: painting}
        return evaluate_painter(
            judge, photos, run.test_size, run.lbfgs_iterations, style, run.data
        )

    return evaluate_and_report(
        run,
        f"Feed-forward style transfer: {Path(run.style).stem}",
        model.net,
        evaluate,
        ServingConfig("style"),
        [Stage(run.out, plan)],
        PAPER,
    )


def build_net(
    preset: str, normalization: str | None, upsampling: str | None
) -> keras.Model:
    """Build the network that paints, by the options of a run."""
    return kcv.style.StyleTransformNet(
        normalization or PRESETS[preset].normalization,
        upsampling or PRESETS[preset].upsampling,
    )


def add_losses(
    net: keras.Model, run: Options, painting
) -> kcv.style.PerceptualModel:
    """Put the VGG that judges behind a network that paints."""
    vgg = kcv.style.loss_network(
        kcv.style.LOSS_LAYERS, run.network, run.weights
    )
    weights = {
        "content": run.content_weight,
        "style": run.style_weight,
        "total_variation": run.tv_weight,
    }
    return kcv.style.PerceptualModel(net, vgg, painting, loss_weights=weights)


if __name__ == "__main__":
    run_command(main, Options())
