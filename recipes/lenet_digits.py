"""LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998) on digits that kcv brings.

    python -m recipes.lenet_digits

needs no download: 1433 handwritten digits of 8 x 8 pixels, enlarged to LeNet's
28 x 28 and moved by up to two pixels. Measured on 364 held-out ones. For MNIST
itself see `python -m recipes.mnist`.
"""

import dataclasses
from pathlib import Path
from typing import Annotated
from typing import Literal

import keras
import tensorflow as tf
import tyro

import kcv
from recipes.common import finish_classification as classification
from recipes.common import run as experiment
from recipes.mnist import CROP
from recipes.mnist import PAPER
from recipes.mnist import build

DEFAULT_RUN = experiment.Run(Path("runs/lenet_digits"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    activation: Literal["tanh", "relu"] = "tanh",
) -> dict:
    """Train LeNet-5 on embedded digits and measure it on held-out ones.

    Args:
        run: Options of every recipe.
        activation: Of the hidden layers; tanh is the paper's.

    Returns:
        What `metrics.json` has.
    """
    batch_size, epochs = run.batch_size or 32, run.epochs or 60
    configuration = {
        **dataclasses.asdict(run),
        **classification.served_by(CROP),
        "activation": activation,
        "batch_size": batch_size,
        "epochs": epochs,
    }
    strategy = experiment.prepare(run, configuration)

    # === Data ===
    done = experiment.EpochBackup(run.out / "backup").epoch
    test, class_names, _ = kcv.data.load_classification("digits", "test")
    size = kcv.data.load_classification("digits", "train").size
    steps = size // batch_size
    start = done * steps * batch_size
    train = kcv.data.digits("train", seed=run.seed, start=start).map(enlarge)
    train = kcv.data.random_crop(train, 28, run.seed, start, padding=2)
    test = test.map(enlarge)

    # === Model, optimiser, schedule ===
    with strategy.scope():
        model = build(len(class_names), activation)
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
        validation_data=classification.batches(test, 364),
        callbacks=experiment.callbacks(run),
    )

    # === Evaluate, report ===
    return classification.finish(
        run,
        "LeNet-5 on embedded digits",
        model,
        model.get_layer("lenet5").get_layer("C1").kernel,
        classification.HeldOut(test, class_names, "digits"),
        steps * batch_size,
        PAPER,
        configuration,
        CROP,
    )


def enlarge(example):
    """Bring 8 x 8 pixels to 28 x 28, two of them margin."""
    image = tf.image.resize(example["images"], (24, 24), "bicubic")
    image = tf.pad(image, [[2, 2], [2, 2], [0, 0]])
    image = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)
    return {**example, "images": image}


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
