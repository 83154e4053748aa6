"""Feed-forward style transfer (Johnson, Alahi and Li 2016).

    python -m recipes.fast_style

trains a network on photographs that come with kcv to paint any picture in one
style, and measures on held-out photographs how low its objective is: how many
iterations of L-BFGS on the pixels themselves, from the photograph on, it takes
to get there; the paper has 50 to 100. Training takes an hour on one CPU core
with AMX by `--precision mixed_bfloat16`, and far more without.
It learns by Muon (Jordan et al. 2024), not by the paper's Adam, from squares
that are mirrored and coloured anew: nine photographs are soon known by heart.

    python -m recipes.fast_style --data folder:train2014 --style starry.jpg \
        --solver paper --normalization batch --upsampling transposed

is the paper's training: 40 000 updates of four images of 256 pixels from COCO,
Adam with a learning rate of .001; but for its squares, which are cut out here,
not squeezed. Weights of the VGG that judges are downloaded by Keras, unless
`--weights FILE` names them.
"""

import dataclasses
from pathlib import Path
from typing import Annotated
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
import tyro

import kcv
from kcv.style.perceptual import objective_of
from recipes.common import run as experiment
from recipes.common.metrics import write_metrics
from recipes.common.pictures import open_picture
from recipes.common.pictures import scaled
from recipes.common.plan import Plan
from recipes.common.plan import Schedule
from recipes.common.plan import make_schedule
from recipes.common.plan import warm_cosine
from recipes.common.report import Published
from recipes.common.report import write_report

PAPER = [
    Published(
        "lbfgs_iterations",
        count,
        f"{bound}, of photographs of 256 pixels; trained on COCO",
        "Johnson et al. 2016, section 4.1",
    )
    for count, bound in ((50, "at least"), (100, "at most"))
]
# One square at a time, as in Ulyanov et al.'s code, which instance
# normalisation allows: four times the updates that batches of four make. The
# rate is warmed up: tanh else soon ends where it is flat, which takes thousands
# of updates to mend.
QUICK = Plan(batch_size=1, steps=16_384, epochs=16, learning_rate=2e-3)
PAPERS = Plan(batch_size=4, steps=40_000, epochs=40, learning_rate=1e-3)
SIZES = {"quick": 128, "paper": 256}

# How far colours of the photographs of kcv are changed: from grey to twice as
# lively, and to any hue.
COLOURS = {"brightness": 0.3, "contrast": 0.6, "saturation": 0.99, "hue": 0.5}

DEFAULT_RUN = experiment.Run(Path("runs/fast_style"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    data: str = "photographs",
    style: str = "ihc",
    style_size: int = 256,
    network: Literal["vgg16", "vgg19"] = "vgg16",
    weights: str = "imagenet",
    normalization: Literal["instance", "batch"] = "instance",
    upsampling: Literal["transposed", "resize"] = "resize",
    content_weight: float = 1.0,
    style_weight: float = 5.0,
    tv_weight: float = 1e-6,
    solver: Literal["quick", "paper"] = "quick",
    image_size: int | None = None,
    steps_per_epoch: int | None = None,
    test_size: int = 256,
    lbfgs_iterations: int = 100,
    on_error: Literal["raise", "skip"] = "raise",
) -> dict:
    """Train a network to paint, and measure it on held-out photographs.

    Args:
        run: Options of every recipe.
        data: photographs (which come with kcv), or folder:PATH.
        style: Image file, or the name of a photograph of kcv.
        style_size: Longer side of the style image, pixels.
        network: The VGG that judges; vgg16 is the paper's.
        weights: imagenet (downloaded), or a file of weights for the VGG.
        normalization: instance learns faster; batch is the paper's.
        upsampling: resize leaves no grid; transposed is the paper's.
        content_weight: Of the feature reconstruction loss.
        style_weight: Of the style reconstruction loss.
        tv_weight: Of the total variation.
        solver: quick, Muon for an hour, or the paper's Adam.
        image_size: Side of the squares to train on, pixels; by default 128,
            256 for the paper's.
        steps_per_epoch: Updates per epoch, a multiple of 8; by default as many
            as show the plan's number of images in its number of epochs.
        test_size: Longer side of the held-out photographs, pixels.
        lbfgs_iterations: Most iterations of L-BFGS to compare with.
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
        "style": style,
        "style_size": style_size,
        "network": network,
        "weights": weights,
        "normalization": normalization,
        "upsampling": upsampling,
        "content_weight": content_weight,
        "style_weight": style_weight,
        "tv_weight": tv_weight,
        "solver": solver,
        "image_size": size,
        "test_size": test_size,
        "lbfgs_iterations": lbfgs_iterations,
        "on_error": on_error,
        **plan._asdict(),
    }
    strategy = experiment.prepare(run, configuration)
    painting = open_picture(style, style_size)

    def judged(net):
        return kcv.style.PerceptualModel(
            net,
            kcv.style.loss_network(kcv.style.LOSS_LAYERS, network, weights),
            painting,
            weights={
                "content": content_weight,
                "style": style_weight,
                "total_variation": tv_weight,
            },
        )

    # === Model, solver ===
    with strategy.scope():
        model = judged(kcv.style.StyleTransformNet(normalization, upsampling))
        model.compile(optimizer(solver, plan), jit_compile=run.jit)

    # === Fit ===
    done = experiment.EpochBackup(run.out / "backup").epoch
    model.fit(
        squares(data, size, run.seed, done * plan.images, on_error).batch(
            plan.batch_size, drop_remainder=True
        ),
        epochs=plan.epochs,
        initial_epoch=done,
        steps_per_epoch=plan.steps,
        shuffle=False,  # the stream is shuffled
        callbacks=experiment.callbacks(run),
    )
    experiment.save_model(model.net, run.out)

    # === Evaluate ===
    # L-BFGS would go astray by the rounding of a mixed policy.
    keras.config.set_dtype_policy("float32")
    judge = judged(model.net)
    test = kcv.data.load_images(data, "test", on_error=on_error).dataset
    rows = []
    for example in test.take(8):
        photograph = example["images"].numpy()
        rows.append(compare(judge, photograph, test_size, lbfgs_iterations))
    history = experiment.read_history(run.out)
    seconds = sum(history["seconds"])
    metrics = {
        **{
            name: float(np.mean([row.figures[name] for row in rows]))
            for name in rows[0].figures
        },
        "seconds": seconds,
        "epochs": plan.epochs,
        "examples_per_second": plan.epochs * plan.images / seconds,
        "parameters": model.net.count_params(),
        "split": f"{data}, {len(rows)} held-out images, longer side "
        f"{test_size} pixels",
    }
    write_metrics(run.out, metrics)

    # === Report, export ===
    report = write_report(
        run.out,
        f"Feed-forward style transfer: {Path(style).stem}",
        metrics,
        PAPER,
        history,
        {
            "Held-out photographs": kcv.visualize.pictures_figure(
                *(row.pictures for row in rows)
            ),
            "The style": kcv.visualize.pictures_figure({style: painting}),
            "L-BFGS on the first photograph": kcv.visualize.losses_figure(
                {"L-BFGS from the photograph": rows[0].losses},
                {"the network": rows[0].figures["total_loss"]},
            ),
        },
        configuration,
        experiment.command_line(),
    )
    print(
        f"\ntotal_loss {metrics['total_loss']:.4g}, which L-BFGS reaches after "
        f"{metrics['lbfgs_iterations']:.0f} iterations, on {metrics['split']}"
    )
    print(f"Report: {report}")
    if run.export:
        version = kcv.serving.publish(
            model.net, run.export, outputs=kcv.serving.pictures
        )
        print(f"Published: {version}")
    return metrics


def optimizer(solver: str, plan: Schedule) -> keras.optimizers.Optimizer:
    """Choose the quick solver or the paper's."""
    if solver == "paper":
        return keras.optimizers.Adam(plan.learning_rate)
    # Unlike `muon_optimizer` without clipping: gradients of this objective are
    # far above any bound, and learning with one was slower.
    return kcv.optimizers.Muon(
        warm_cosine(plan.all_steps, plan.learning_rate),
        exclude_layers=["conv_last"],  # it makes the pixels
        weight_decay=None,
        adam_weight_decay=None,
    )


def squares(
    source: str, size: int, seed: int, start: int, on_error: str
) -> tf.data.Dataset:
    """Stream squares of images at many scales, (size, size, 3) float32."""
    images = kcv.data.load_images(
        source, seed=seed, start=start, on_error=on_error
    ).dataset
    images = kcv.data.random_short_side(images, size, 2 * size, seed, start)
    images = kcv.data.random_crop(images, size, seed, start)
    if source == "photographs":  # which are nine: too few to go by as they are
        images = kcv.data.random_flip(images, seed, start)
        images = kcv.data.photometric(images, seed, start, **COLOURS)
    return images.map(lambda x: tf.cast(x["images"], tf.float32))


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A photograph, painted by the network and by L-BFGS.

    Attributes:
        figures: numbers by name.
        losses: of L-BFGS, at each iteration.
        pictures: by title.
    """

    figures: dict[str, float]
    losses: list[float]
    pictures: dict[str, np.ndarray]


def compare(
    model: kcv.style.PerceptualModel,
    photograph: np.ndarray,
    size: int,
    iterations: int,
) -> Comparison:
    """Count the iterations of L-BFGS that are as good as one pass.

    It begins with the photograph. Pictures of both are clipped to 0..255
    before they are judged.

    Raises:
        FloatingPointError: if what the network painted has no loss.
    """
    content = tf.cast(scaled(photograph, size), tf.float32)[None]
    objective = objective_of(model, content)
    losses = []

    @tf.function
    def judge(image):
        terms = objective(tf.clip_by_value(image, 0, 255))
        return tf.add_n([tf.reduce_sum(x) for x in terms.values()])

    painted = model.net.predict(content, verbose=0)
    goal = float(judge(painted))
    if not np.isfinite(goal):
        raise FloatingPointError(f"the network's picture has a loss of {goal}")
    found = kcv.style.optimize_image(
        objective,
        content,
        iterations,
        watch=lambda _, image: losses.append(float(judge(image))),
    )
    reached = [number for number, x in enumerate(losses, 1) if x <= goal]
    return Comparison(
        figures={
            "total_loss": goal,
            "total_loss_of_the_photograph": losses[0],
            "total_loss_of_lbfgs": min(losses),
            # One that is never reached counts as if it were, at the end.
            "lbfgs_iterations": reached[0] if reached else iterations,
            "never_reached_by_lbfgs": not reached,
        },
        losses=losses,
        pictures={
            "photograph": content[0].numpy(),
            "network": painted[0],
            f"L-BFGS, {len(losses)} iterations": found.image[0],
        },
    )


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
