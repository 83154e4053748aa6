"""Neural style transfer by optimisation (Gatys, Ecker and Bethge 2016).

    python -m recipes.neural_style --content photo.jpg --style painting.jpg

paints the content of one picture in the style of another: a picture of noise
is changed by L-BFGS until VGG sees the content of the one and the textures of
the other in it. Without arguments it takes two photographs that come with kcv.

    python -m recipes.neural_style --network vgg19 --size 512 --iterations 500

is the paper's size. The default is VGG-16 at 256 pixels, which takes minutes
on a laptop's CPU. Weights are downloaded by Keras, unless `--weights FILE`
names them.
"""

import dataclasses
from pathlib import Path
from typing import Annotated
from typing import Literal

import tensorflow as tf
import tyro

import kcv
from kcv.storage import write_whole
from recipes.common import run as experiment
from recipes.common.metrics import write_metrics
from recipes.common.pictures import open_picture
from recipes.common.report import write_report

DEFAULT_WEIGHTS = kcv.style.Weights()


def main(
    out: Path = Path("runs/neural_style"),
    content: str = "chelsea",
    style: tuple[str, ...] = ("ihc",),
    style_shares: tuple[float, ...] | None = None,
    size: int = 256,
    style_scale: float = 1.0,
    network: Literal["vgg16", "vgg19"] = "vgg16",
    weights: str = "imagenet",
    pooling: Literal["average", "max"] = "average",
    start: Literal["noise", "content", "style"] = "noise",
    iterations: int = 300,
    method: Literal["lbfgs", "adam"] = "lbfgs",
    learning_rate: float = 10.0,
    losses: Annotated[
        kcv.style.Weights, tyro.conf.arg(name="loss")
    ] = DEFAULT_WEIGHTS,
    original_colors: bool = False,
    every: int = 25,
    seed: int = 3,
    resume: bool = True,
) -> dict:
    """Paint one picture in the style of another.

    Args:
        out: Output folder, with a picture on the way now and then. A run that
            was stopped goes on from there.
        content: Image file, or the name of a photograph of kcv.
        style: One or several of the same.
        style_shares: Of several styles; equal by default.
        size: Longer side of the content and the result, pixels.
        style_scale: Longer side of the styles, times size.
        network: vgg19 is the paper's, vgg16 a quarter faster.
        weights: imagenet (downloaded), or a file of kcv's, keras.applications'
            or torchvision's weights.
        pooling: average is the paper's.
        start: What the optimisation begins with; noise in the paper.
        iterations: Evaluations of the losses, those of line searches included.
        method: lbfgs is the paper's.
        learning_rate: Of adam, in grey levels.
        losses: What counts how much.
        original_colors: Keep the colours of the content.
        every: Evaluations between two pictures on the way.
        seed: Of the noise.
        resume: Go on where a run with the same options was stopped.

    Returns:
        What `metrics.json` has.
    """
    configuration = {
        "out": out,
        "content": content,
        "style": style,
        "style_shares": style_shares,
        "size": size,
        "style_scale": style_scale,
        "network": network,
        "weights": weights,
        "pooling": pooling,
        "start": start,
        "iterations": iterations,
        "method": method,
        "learning_rate": learning_rate,
        **dataclasses.asdict(losses),
        "original_colors": original_colors,
        "seed": seed,
    }
    photograph = open_picture(content, size)
    styles = [open_picture(each, round(style_scale * size)) for each in style]
    out.mkdir(parents=True, exist_ok=True)
    if not resume:
        for file in (out / "state.npz", *out.glob("picture-*.png")):
            file.unlink(missing_ok=True)

    # === Optimise ===
    found = kcv.style.neural_style(
        photograph,
        styles,
        network=network,
        pretrained=weights,
        pooling=pooling,
        weights=losses,
        style_shares=style_shares,
        start=start,
        iterations=iterations,
        method=method,
        learning_rate=learning_rate,
        original_colors=original_colors,
        seed=seed,
        folder=out,
        every=every,
    )
    text = experiment.configuration_text(configuration)
    write_whole(out / "config.json", text.encode())
    columns = {
        "evaluation": range(1, len(found.seconds) + 1),
        **found.history,
        "seconds": found.seconds,
    }
    rows = zip(*columns.values(), strict=True)
    experiment.write_rows(out / "history.csv", [columns, *rows])
    result = out / "result.png"
    write_whole(result, tf.io.encode_png(found.image).numpy())

    # === Report ===
    total = found.history["total_loss"]
    first, best, evaluations = total[0], min(total), len(total)
    seconds = sum(found.seconds)
    height, width = found.image.shape[:2]
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
    write_metrics(out, metrics)
    report = write_report(
        out,
        "Neural style transfer",
        metrics,
        figures={
            "Content, style, result": kcv.visualize.pictures_figure(
                {
                    "content": photograph,
                    **{
                        f"style: {Path(name).stem}": image
                        for name, image in zip(style, styles, strict=True)
                    },
                    "result": found.image,
                }
            ),
            "Losses": kcv.visualize.losses_figure(found.history),
        },
        configuration=configuration,
        command=experiment.command_line(),
    )
    print(
        f"\ntotal loss {first:.4g} -> {best:.4g}, a {first / best:.0f}th, in "
        f"{evaluations} iterations and {seconds:.0f} s"
    )
    print(f"Picture: {result}")
    print(f"Report: {report}")
    return metrics


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
