"""Super-resolution by what a VGG sees (Johnson, Alahi and Li 2016).

    python -m recipes.super_resolution --factor 4

trains one network twice on squares of photographs that come with kcv, once to
have the features of the true image and once to have its pixels, and measures
both, and cubic interpolation, on held-out photographs. PSNR and SSIM count
pixels: there the second is expected to win. Look at the edges in the report.

    python -m recipes.super_resolution --data folder:train2014 --solver paper

is the paper's training: 200 000 updates of four squares of 288 pixels of
10 000 images of COCO. Weights of the VGG that judges are downloaded by Keras,
unless `--weights FILE` names them.
"""

import dataclasses
from pathlib import Path
from typing import Annotated
from typing import Literal

import numpy as np
import tensorflow as tf
import tyro

import kcv
from kcv.style.super_resolution import bicubic
from recipes.common import run as experiment
from recipes.common.metrics import write_metrics
from recipes.common.plan import Plan
from recipes.common.plan import make_schedule
from recipes.common.report import Published
from recipes.common.report import write_report
from recipes.fast_style import optimizer
from recipes.fast_style import squares

_DATA = "Set5, x4, Y of YCbCr, {}; trained on 10 000 images of COCO"
_SOURCE = "Johnson et al. 2016, table 2"
PAPER = [
    Published("psnr", 27.09, _DATA.format("feature loss"), _SOURCE),
    Published("ssim", 0.7680, _DATA.format("feature loss"), _SOURCE),
    Published("psnr_of_pixel", 28.40, _DATA.format("pixel loss"), _SOURCE),
    Published("psnr_of_bicubic", 28.43, _DATA.format("bicubic"), _SOURCE),
]
QUICK = Plan(batch_size=4, steps=1024, epochs=8, learning_rate=2e-3)
PAPERS = Plan(batch_size=4, steps=200_000, epochs=100, learning_rate=1e-3)
SIZES = {"quick": 96, "paper": 288}

#: What a network learns to have of the true image.
LOSSES = {
    "feature": {"content": 1.0, "style": 0.0, "total_variation": 0.0},
    "pixel": {"pixel": 1.0, "content": 0.0, "style": 0.0, "total_variation": 0},
}

DEFAULT_RUN = experiment.Run(Path("runs/super_resolution"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    data: str = "photographs",
    factor: Literal[2, 4, 8] = 4,
    network: Literal["vgg16", "vgg19"] = "vgg16",
    weights: str = "imagenet",
    solver: Literal["quick", "paper"] = "quick",
    image_size: int | None = None,
    steps_per_epoch: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> dict:
    """Train networks that enlarge images, and measure them on held-out ones.

    Args:
        run: Options of every recipe. What is exported is the network that
            learned features.
        data: photographs (which come with kcv), or folder:PATH.
        factor: By which the sides grow.
        network: The VGG that judges; vgg16 is the paper's.
        weights: imagenet (downloaded), or a file of weights for the VGG.
        solver: quick, Muon for minutes, or the paper's Adam.
        image_size: Side of the large squares to train on, pixels; by default
            96, 288 for the paper's.
        steps_per_epoch: Updates per epoch, a multiple of 8; by default as many
            as show the plan's number of images in its number of epochs.
        on_error: What to do about an image that cannot be decoded.

    Returns:
        What `metrics.json` has.
    """
    plan = make_schedule(
        QUICK if solver == "quick" else PAPERS, run, steps_per_epoch
    )
    size = image_size or SIZES[solver]
    configuration = {
        **dataclasses.asdict(run),
        "task": "style",
        "data": data,
        "factor": factor,
        "network": network,
        "weights": weights,
        "solver": solver,
        "image_size": size,
        "on_error": on_error,
        **plan._asdict(),
    }

    # === Fit, once for each loss ===
    nets, folders = {}, []
    for loss, shares in LOSSES.items():
        own = dataclasses.replace(run, out=run.out / loss)
        strategy = experiment.prepare(own, configuration)
        print(f"\n{loss} loss")
        with strategy.scope():
            model = kcv.style.PerceptualModel(
                kcv.style.SuperResolutionNet(factor),
                kcv.style.loss_network(
                    [kcv.style.DETAIL_LAYER], network, weights
                ),
                content_layer=kcv.style.DETAIL_LAYER,
                style_layers=(),
                weights=shares,
            )
            model.compile(optimizer(solver, plan), jit_compile=run.jit)
        done = experiment.EpochBackup(own.out / "backup").epoch
        large = squares(data, size, run.seed, done * plan.images, on_error)
        batches = large.batch(plan.batch_size, drop_remainder=True)
        model.fit(
            batches.map(lambda y: (kcv.style.low_resolution(y, factor), y)),
            epochs=plan.epochs,
            initial_epoch=done,
            steps_per_epoch=plan.steps,
            shuffle=False,  # the stream is shuffled
            callbacks=experiment.callbacks(own),
        )
        experiment.save_model(model.net, own.out)
        nets[loss] = model.net
        folders.append(own.out)
    experiment.prepare(run, configuration)
    experiment.save_model(nets["feature"], run.out)

    # === Evaluate ===
    ways = {
        "bicubic": lambda x: bicubic(x, factor),
        "pixel": nets["pixel"].predict_on_batch,
        "feature": nets["feature"].predict_on_batch,
    }
    test = kcv.data.load_images(data, "test", on_error=on_error).dataset
    scores, rows = {name: [] for name in ways}, []
    for example in test:
        truth = whole_cells(example["images"], factor)
        small = kcv.style.low_resolution(truth, factor)
        row = {}
        for name, enlarge in ways.items():
            found = tf.convert_to_tensor(enlarge(small))
            both = kcv.style.super_resolution_scores(truth, found, factor)
            scores[name].append([float(x[0]) for x in both.values()])
            title = f"{name}, {scores[name][-1][0]:.2f} dB"
            row[title] = middle(found)
        if len(rows) < 6:
            rows.append({**row, "truth": middle(truth)})
    mean = {name: np.mean(values, 0) for name, values in scores.items()}
    history = experiment.read_history(*folders)
    seconds = sum(history["seconds"])
    psnr, ssim = mean.pop("feature")
    metrics = {
        "psnr": psnr,
        "ssim": ssim,
        **{f"psnr_of_{name}": both[0] for name, both in mean.items()},
        **{f"ssim_of_{name}": both[1] for name, both in mean.items()},
        "seconds": seconds,
        "epochs": len(history["seconds"]),
        "examples_per_second": len(history["seconds"]) * plan.images / seconds,
        "parameters": nets["feature"].count_params(),
        "split": f"{data}, {len(scores['feature'])} held-out images",
    }
    write_metrics(run.out, metrics)

    # === Report, export ===
    report = write_report(
        run.out,
        f"Super-resolution x{factor}",
        metrics,
        PAPER if factor == 4 else (),
        history,
        {
            "The middle of held-out photographs": (
                kcv.visualize.pictures_figure(*rows)
            )
        },
        configuration,
        experiment.command_line(),
    )
    print(
        f"\npsnr {psnr:.2f} dB by features, {mean['pixel'][0]:.2f} by pixels, "
        f"{mean['bicubic'][0]:.2f} bicubic, on {metrics['split']}"
    )
    print(f"Report: {report}")
    if run.export:
        version = kcv.serving.publish(
            nets["feature"], run.export, outputs=kcv.serving.pictures
        )
        print(f"Published: {version}")
    return metrics


def whole_cells(image: tf.Tensor, factor: int) -> tf.Tensor:
    """Cut an image (H, W, 3) to multiples of a factor: (1, H', W', 3)."""
    height, width = (side // factor * factor for side in image.shape[:2])
    return tf.cast(image[None, :height, :width], tf.float32)


def middle(image: tf.Tensor, side: int = 128) -> np.ndarray:
    """Cut the middle out of an image (1, H, W, 3), where details show."""
    top, left = (max(s - side, 0) // 2 for s in image.shape[1:3])
    return image[0, top : top + side, left : left + side].numpy()


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
