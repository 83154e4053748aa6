"""LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998) on MNIST and sets of its form.

    python -m recipes.mnist

downloads MNIST by TFDS. The paper has 0.95 % errors on its 10 000 test images.

    python -m recipes.mnist --data idx:FOLDER

reads MNIST's own files from a folder: MNIST, Fashion-MNIST, KMNIST, or yours.
"""

import dataclasses
from pathlib import Path
from typing import Annotated
from typing import Literal

import keras
import tyro

import kcv
from recipes.common import finish_classification as classification
from recipes.common import run as experiment
from recipes.common.report import Published

PAPER = [
    Published(
        "top1",
        1 - 0.0095,
        "MNIST, 60 000 training and 10 000 test images, without distortions",
        "LeCun et al. 1998, section III.C",
    )
]
MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's pixels in 0..1
CROP = kcv.serving.CentreCrop(28, 28, channels=1)

# Shown in all: 12 epochs of MNIST, more of smaller sets.
IMAGES = 12 * 60_000

DEFAULT_RUN = experiment.Run(Path("runs/mnist"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    data: str = "mnist",
    activation: Literal["tanh", "relu"] = "tanh",
    pooling: Literal["average", "max"] = "average",
) -> dict:
    """Train LeNet-5 and measure it on the held-out images.

    Args:
        run: Options of every recipe.
        data: mnist, fashion_mnist, or idx:FOLDER with MNIST's four files.
        activation: Of the hidden layers; tanh is the paper's.
        pooling: average is nearest to the paper's subsampling.

    Returns:
        What `metrics.json` has.
    """
    size = kcv.data.load_classification(data, "train").size
    batch_size = run.batch_size or 64
    epochs = run.epochs or min(max(IMAGES // size, 12), 60)
    configuration = {
        **dataclasses.asdict(run),
        **classification.served_by(CROP),
        "data": data,
        "activation": activation,
        "pooling": pooling,
        "batch_size": batch_size,
        "epochs": epochs,
    }
    strategy = experiment.prepare(run, configuration)

    # === Data ===
    test, class_names, _ = kcv.data.load_classification(data, "test")
    done = experiment.EpochBackup(run.out / "backup").epoch
    steps = size // batch_size
    train, *_ = kcv.data.load_classification(
        data, "train", seed=run.seed, start=done * steps * batch_size
    )
    shape = test.element_spec["images"].shape
    if not shape.is_compatible_with((28, 28, 1)):
        raise ValueError(
            "data must have images of 28 x 28 pixels and one channel, as "
            f"MNIST. Received: data={data!r} with images {shape}"
        )

    # === Model, optimiser, schedule ===
    with strategy.scope():
        model = build(len(class_names), activation, pooling)
        rate = keras.optimizers.schedules.CosineDecay(0.05, epochs * steps)
        model.compile(
            kcv.optimizers.CaffeSGD(rate, momentum=0.9, l2=5e-4),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=run.jit,
        )

    # === Fit ===
    model.fit(
        classification.batches(train, batch_size),
        epochs=epochs,
        initial_epoch=done,
        steps_per_epoch=steps,
        shuffle=False,  # the stream is shuffled
        validation_data=classification.batches(test, 500),
        callbacks=experiment.callbacks(run),
    )

    # === Evaluate, report ===
    return classification.finish(
        run,
        f"LeNet-5 on {data}",
        model,
        model.get_layer("lenet5").get_layer("C1").kernel,
        classification.HeldOut(test, class_names, data),
        steps * batch_size,
        PAPER,
        configuration,
        CROP,
    )


def build(classes, activation, pooling="average"):
    """Put LeNet-5 behind its preprocessing: pixels 0..255 in."""
    pixels = keras.Input((28, 28, 1), name="images")
    x = kcv.classification.Preprocessing(255 * MEAN, 255 * DEVIATION)(pixels)
    lenet = kcv.classification.LeNet5(
        classes=classes, activation=activation, pooling=pooling
    )
    return keras.Model(pixels, lenet(x), name="lenet5_on_pixels")


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
