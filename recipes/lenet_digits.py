"""LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998) on digits that kcv brings.

    python -m recipes.lenet_digits

needs no download: 1433 handwritten digits of 8 x 8 pixels, enlarged to LeNet's
28 x 28 and moved by up to two pixels. It is measured on 364 held-out digits,
top1 0.975. For MNIST itself see `python -m recipes.mnist`.
"""

import dataclasses
import functools
from pathlib import Path
from typing import Literal

import tensorflow as tf

import kcv
from kcv.serving import ServingConfig
from recipes.common.classification.classifiers import evaluate_classifier
from recipes.common.classification.classifiers import make_batches
from recipes.common.command import run_command
from recipes.common.evaluate_and_report import Stage
from recipes.common.evaluate_and_report import evaluate_and_report
from recipes.common.plan import count_images
from recipes.common.plan import plan_epochs
from recipes.common.run import begin
from recipes.common.starting import StartOptions
from recipes.common.train import train
from recipes.mnist import CROP
from recipes.mnist import PAPER
from recipes.mnist import build_model
from recipes.mnist import make_optimizer


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(StartOptions):
    """Options of this recipe.

    Attributes:
        activation: Activation of the hidden layers. tanh is the paper's.
    """

    out: Path = Path("runs/lenet_digits")
    activation: Literal["tanh", "relu"] = "tanh"


def main(run: Options) -> dict:
    """Train LeNet-5 on embedded digits and measure it on held-out ones."""
    # === Data ===
    part = run.validation_part
    load = functools.partial(kcv.data.load_classification, validation=part)
    size = count_images(load("digits", "train"))
    plan = plan_epochs(run, size, 32, epochs=60, learning_rate=0.05)
    test, watched = (load("digits", x) for x in ("test", run.watched_split))
    test = test._replace(dataset=test.dataset.map(enlarge))
    strategy = begin(run)

    def batches(start):
        random = {"seed": run.seed, "start": start}
        digits = load("digits", "train", **random).dataset.map(enlarge)
        if run.augment:
            digits = kcv.data.random_crop(digits, 28, **random, padding=2)
        return make_batches(digits, plan.batch_size)

    # === Model, solver ===
    with strategy.scope():
        names = test.class_names
        weights = run.start_weights(names)
        model = build_model(len(names), run.activation, weights=weights)
        run.freeze_layers(model, r"(?!output)")
        model.compile(
            make_optimizer(plan),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=run.jit,
        )

    # === Fit ===
    validation = make_batches(watched.dataset.map(enlarge), 364)
    train(run, model, plan, batches, validation_data=validation)

    # === Evaluate, report ===
    return evaluate_and_report(
        run,
        "LeNet-5 on embedded digits",
        model,
        lambda model: evaluate_classifier(model, test, "digits", run),
        ServingConfig("classification", CROP, test.class_names),
        [Stage(run.out, plan)],
        PAPER,
    )


def enlarge(example: dict) -> dict:
    """Bring 8 x 8 pixels to 28 x 28, two of them margin."""
    image = tf.image.resize(example["images"], (24, 24), "bicubic")
    image = tf.pad(image, [[2, 2], [2, 2], [0, 0]])
    image = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)
    return {**example, "images": image}


if __name__ == "__main__":
    run_command(main, Options())
