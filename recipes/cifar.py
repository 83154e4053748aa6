"""CIFAR ResNets (He, Zhang, Ren, Sun 2015, section 4.2).

    python -m recipes.cifar

downloads CIFAR-10 by TFDS and trains ResNet-20 as the paper does: 64 000
updates of 128 images, padded by four pixels, cropped and mirrored, with a
learning rate of 0.1 that is divided by ten after 32 000 and 48 000 updates. The
paper has 8.75 % errors. This run wants a GPU.

    python -m recipes.cifar --data cifar100 --depth 56

ResNet-110 begins with a learning rate of 0.01. The paper keeps it until the
training error is below 80 %, after about 400 updates; here it is 400 of 64 000.
Its published error, 6.43 %, is the best of five runs, whose mean is 6.61 %.

Two things differ from the paper. It subtracts the mean of each pixel; here the
mean of each channel is subtracted, and the result divided by the deviation. Its
weight decay of 1e-4 includes the scale and shift of batch normalization, which
do not decay here.
"""

import dataclasses
from pathlib import Path
from typing import Literal

import keras

import kcv
from kcv.serving import CenterCrop
from kcv.serving import ServingConfig
from kcv.visualize.report import Published
from recipes.common.classification.classifiers import evaluate_classifier
from recipes.common.classification.classifiers import make_batches
from recipes.common.classification.classifiers import open_images
from recipes.common.command import run_command
from recipes.common.evaluate_and_report import Stage
from recipes.common.evaluate_and_report import evaluate_and_report
from recipes.common.plan import Plan
from recipes.common.plan import count_images
from recipes.common.plan import plan_epochs
from recipes.common.run import begin
from recipes.common.starting import StartOptions
from recipes.common.train import train

ERRORS = {20: 0.0875, 32: 0.0751, 44: 0.0717, 56: 0.0697, 110: 0.0643}
MEAN = (125.3, 123.0, 113.9)  # Of CIFAR-10's channels in 0..255.
DEVIATION = (63.0, 62.1, 66.7)
EPOCHS = 164  # 64 000 updates of 128 of 50 000 images.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(StartOptions):
    """Options of this recipe.

    Attributes:
        data: Cifar10, cifar100, or folder:TRAIN[:TEST] with a folder of 32 x
            32 images for each class.
        depth: Number of layers with weights, 6 n + 2.
        shortcut: Kind of the shortcuts that change the number of channels. A
            has no parameters and is the paper's, B is a projection.
    """

    out: Path = Path("runs/cifar")
    data: str = "cifar10"
    depth: Literal[20, 32, 44, 56, 110] = 20
    shortcut: Literal["A", "B"] = "A"


def main(run: Options) -> dict:
    """Train a CIFAR ResNet and measure it on the held-out images."""
    # === Data ===
    size = count_images(open_images(run, "train"))
    plan = plan_epochs(run, size, 128, EPOCHS, learning_rate=0.1)
    test = open_images(run, "test")
    strategy = begin(run)

    def batches(start):
        images = open_images(run, "train", seed=run.seed, start=start).dataset
        if run.augment:
            random = (run.seed, start)
            images = kcv.data.random_crop(images, 32, *random, padding=4)
            images = kcv.data.random_flip(images, *random)
        return make_batches(images, plan.batch_size)

    # === Model, solver ===
    with strategy.scope():
        names = test.class_names
        weights = run.start_weights(names)
        model = build_model(len(names), run.depth, run.shortcut, weights)
        run.freeze_layers(model, r"(?!fc)")
        model.compile(
            make_optimizer(plan, run.depth),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=run.jit,
        )

    # === Fit ===
    validation = make_batches(open_images(run, run.watched_split).dataset, 500)
    train(run, model, plan, batches, validation_data=validation)

    # === Evaluate, report ===
    return evaluate_and_report(
        run,
        f"ResNet-{run.depth} on {run.data}",
        model,
        lambda model: evaluate_classifier(model, test, run.data, run),
        ServingConfig("classification", CenterCrop(32, 32), test.class_names),
        [Stage(run.out, plan)],
        [
            Published(
                "top1",
                1 - ERRORS[run.depth],
                f"CIFAR-10, 10 000 test images; ResNet-{run.depth}",
                "He et al. 2015, table 6 (of 110 layers the best of five runs)",
            )
        ],
    )


def build_model(
    classes: int, depth: int, shortcut: str, weights=None
) -> keras.Model:
    """Put a CIFAR ResNet behind its scaling: pixels 0..255 in."""
    pixels = keras.Input((32, 32, 3), name="images")
    x = kcv.classification.Preprocessing(MEAN, DEVIATION)(pixels)
    resnet = kcv.classification.CIFARResNet(
        depth,
        classes=classes,
        shortcut=shortcut,
        include_preprocessing=False,
        weights=weights,
    )
    return keras.Model(pixels, resnet(x), name=f"{resnet.name}_on_pixels")


def make_optimizer(plan: Plan, depth: int) -> keras.optimizers.Optimizer:
    """Make the paper's SGD, whose rate drops at a half and three quarters."""
    boundaries = [plan.steps // 2, plan.steps * 3 // 4]
    rates = [plan.learning_rate / 10**drops for drops in range(3)]
    if depth == 110:  # It does not begin to converge at the full rate.
        boundaries = [round(plan.steps / 160), *boundaries]
        rates = [plan.learning_rate / 10, *rates]
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, rates)
    return kcv.optimizers.CaffeSGD(
        rate, momentum=0.9, l2=1e-4, bias_lr_mult=1.0
    )


if __name__ == "__main__":
    run_command(main, Options())
