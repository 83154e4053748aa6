r"""Neural style transfer by optimization (Gatys, Ecker and Bethge 2016).

    python -m recipes.neural_style --content photo.jpg --style painting.jpg

paints one picture in the style of another: L-BFGS changes noise until VGG sees
the content of the one and the textures of the other in it. Without arguments it
takes two photographs that come with kcv. After 300 evaluations the objective is
203 times lower than that of the noise, in two minutes on two cores with AMX.

    python -m recipes.neural_style --network vgg19 --image-size 512 \
        --iterations 500

is the paper's size. Weights of VGG are downloaded by Keras, unless `--weights
FILE` names them.
"""

import dataclasses
from pathlib import Path
from typing import Literal

import tensorflow as tf

import kcv
from kcv.storage import make_folder
from kcv.storage import write_whole
from kcv.visualize.report import write_report
from recipes.common.command import run_command
from recipes.common.history import write_rows
from recipes.common.metrics import write_metrics
from recipes.common.run import Folder
from recipes.common.run import describe
from recipes.common.run import write_config
from recipes.common.style.pictures import open_picture
from recipes.common.style.pictures import open_start
from recipes.common.style.pictures import weigh_losses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Folder):
    """Options of this recipe.

    Attributes:
        content: Image file, or name of a photograph of kcv.
        style: One or several image files or names.
        style_shares: Share of each of several styles. Defaults to equal shares.
        image_size: Longer side in pixels of the content and of the result.
        style_scale: Longer side of the styles, divided by image_size.
        network: VGG that judges. vgg19 is the paper's, vgg16 a quarter faster.
        weights: Imagenet (downloaded), or a file of weights for the VGG.
        pooling: Pooling of the VGG. average is the paper's.
        start: Picture with which the optimization begins: noise, as in the
            paper, content, style, or an image file, such as the result of a
            smaller size.
        noise: Deviation of the noise in gray levels, 0.001 in neural-style.
        iterations: Evaluations of the losses, those of line searches included.
        method: Optimization method. lbfgs is the paper's.
        learning_rate: Learning rate of adam in gray levels.
        memory: Steps that lbfgs remembers, 100 in the authors' programs.
        objective: Weights of the losses. paper has those of loss_weights,
            gatys_code and neural_style_code those of the authors' programs.
        loss_weights: Weights of the losses of objective paper.
        original_colors: Keep the colors of the content.
        every: Evaluations between two pictures that are written on the way.
        resume: Continue a run with the same options that was stopped.
    """

    out: Path = Path("runs/neural_style")
    content: str = "chelsea"
    style: tuple[str, ...] = ("ihc",)
    style_shares: tuple[float, ...] | None = None
    image_size: int = 256
    style_scale: float = 1.0
    network: Literal["vgg16", "vgg19"] = "vgg16"
    weights: str = "imagenet"
    pooling: Literal["average", "max"] = "average"
    start: str = "noise"
    noise: float = 1.0
    iterations: int = 300
    method: Literal["lbfgs", "adam"] = "lbfgs"
    learning_rate: float = 10.0
    memory: int = 10
    objective: Literal["paper", "gatys_code", "neural_style_code"] = "paper"
    loss_weights: kcv.style.LossWeights = kcv.style.LossWeights()
    original_colors: bool = False
    every: int = 25
    resume: bool = True


def main(run: Options) -> dict:
    """Paint one picture in the style of another."""
    # === Data ===
    photograph = open_picture(run.content, run.image_size)
    size = round(run.style_scale * run.image_size)
    styles = [open_picture(name, size) for name in run.style]
    loss_weights = weigh_losses(run.objective, run.loss_weights, photograph)
    make_folder("out", run.out)
    if not run.resume:
        for file in (run.out / "state.npz", *run.out.glob("picture-*.png")):
            file.unlink(missing_ok=True)

    # === Optimize ===
    found = kcv.style.neural_style(
        photograph,
        styles,
        network=run.network,
        weights=run.weights,
        pooling=run.pooling,
        loss_weights=loss_weights,
        style_shares=run.style_shares,
        start=open_start(run.start, run.image_size),
        noise=run.noise,
        memory=run.memory,
        iterations=run.iterations,
        method=run.method,
        learning_rate=run.learning_rate,
        original_colors=run.original_colors,
        seed=run.seed,
        folder=run.out,
        every=run.every,
    )
    write_config(run)
    numbers = range(1, len(found.seconds) + 1)
    columns = {"evaluation": numbers, **found.history, "seconds": found.seconds}
    rows = zip(*columns.values(), strict=True)
    write_rows(run.out / "history.csv", [columns, *rows])
    result = run.out / "result.png"
    write_whole(result, tf.io.encode_png(found.image).numpy())

    # === Evaluate, report ===
    total, seconds = found.history["total_loss"], sum(found.seconds)
    first, best, evaluations = total[0], min(total), len(total)
    height, width, _ = found.image.shape
    metrics = {
        "total_loss": best,
        "first_total_loss": first,
        "total_loss_lowered": first / best,
        "iterations": evaluations,
        "seconds": seconds,
        "epochs": 1,
        "examples_per_second": evaluations / seconds,
        "split": f"one picture of {width} x {height} pixels",
    }
    write_metrics(run.out, metrics)
    named = {
        f"style: {Path(name).stem}": image
        for name, image in zip(run.style, styles, strict=True)
    }
    pictures = {"content": photograph, **named, "result": found.image}
    told = describe(run)
    report = write_report(
        run.out,
        "Neural style transfer",
        metrics,
        figures={
            "Content, style, result": kcv.visualize.pictures_figure(pictures),
            "Losses": kcv.visualize.losses_figure(found.history),
        },
        configuration={**told["options"], **told["versions"]},
        command=told["command"],
    )
    print(
        f"\ntotal loss {first:.4g} -> {best:.4g}, {first / best:.0f} times "
        f"lower, in {evaluations} iterations and {seconds:.0f} s"
    )
    print(f"Picture: {result}\nReport: {report}")
    return metrics


if __name__ == "__main__":
    run_command(main, Options())
