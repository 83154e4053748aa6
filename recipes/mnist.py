"""LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998) on MNIST and sets of its form.

    python -m recipes.mnist

downloads MNIST by TFDS. The paper has 0.95 % errors on its 10 000 test images.

    python -m recipes.mnist --data idx:FOLDER

reads MNIST's own files from a folder: MNIST, Fashion-MNIST, KMNIST, or yours.
"""

import dataclasses
from pathlib import Path
from typing import Literal

import keras

import kcv
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

PAPER = [
    Published(
        "top1",
        1 - 0.0095,
        "MNIST, 60 000 training and 10 000 test images, without distortions",
        "LeCun et al. 1998, section III.C",
    )
]
MEAN, DEVIATION = 0.1307, 0.3081  # Of MNIST's pixels in 0..1.
CROP = kcv.serving.CenterCrop(28, 28, channels=1)

# Images shown in all: 12 epochs of MNIST, more of smaller sets.
IMAGES = 12 * 60_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(StartOptions):
    """Options of this recipe.

    Attributes:
        data: Mnist, fashion_mnist, or idx:FOLDER with MNIST's four files.
        activation: Activation of the hidden layers. tanh is the paper's.
        pooling: Pooling of the maps. average is nearest to the paper's
            subsampling.
    """

    out: Path = Path("runs/mnist")
    data: str = "mnist"
    activation: Literal["tanh", "relu"] = "tanh"
    pooling: Literal["average", "max"] = "average"


def main(run: Options) -> dict:
    """Train LeNet-5 and measure it on the held-out images."""
    # === Data ===
    size = count_images(open_images(run, "train"))
    epochs = min(max(IMAGES // size, 12), 60)
    plan = plan_epochs(run, size, 64, epochs, learning_rate=0.05)
    test = open_images(run, "test")
    shape = test.dataset.element_spec["images"].shape
    if not shape.is_compatible_with((28, 28, 1)):
        raise ValueError(
            "`data` must have images of 28 x 28 pixels and one channel, as "
            f"MNIST has. Received: data={run.data!r} with images {shape}"
        )
    strategy = begin(run)

    def batches(start):
        digits = open_images(run, "train", seed=run.seed, start=start)
        return make_batches(digits.dataset, plan.batch_size)

    # === Model, solver ===
    with strategy.scope():
        names = test.class_names
        weights = run.start_weights(names)
        model = build_model(len(names), run.activation, run.pooling, weights)
        run.freeze_layers(model, r"(?!output)")
        model.compile(
            make_optimizer(plan),
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
        f"LeNet-5 on {run.data}",
        model,
        lambda model: evaluate_classifier(model, test, run.data, run),
        ServingConfig("classification", CROP, test.class_names),
        [Stage(run.out, plan)],
        PAPER,
    )


def build_model(
    classes: int, activation: str, pooling: str = "average", weights=None
) -> keras.Model:
    """Put LeNet-5 behind a scaling that fits its data: pixels 0..255 in."""
    pixels = keras.Input((28, 28, 1), name="images")
    x = kcv.classification.Preprocessing(255 * MEAN, 255 * DEVIATION)(pixels)
    lenet = kcv.classification.LeNet5(
        classes=classes,
        activation=activation,
        pooling=pooling,
        include_preprocessing=False,
        weights=weights,
    )
    return keras.Model(pixels, lenet(x), name="lenet5_on_pixels")


def make_optimizer(plan: Plan) -> keras.optimizers.Optimizer:
    """Make SGD with momentum, its learning rate falling to zero."""
    rate = keras.optimizers.schedules.CosineDecay(
        plan.learning_rate, plan.steps
    )
    return kcv.optimizers.CaffeSGD(rate, momentum=0.9, l2=5e-4)


if __name__ == "__main__":
    run_command(main, Options())
