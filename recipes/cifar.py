"""CIFAR ResNets (He, Zhang, Ren, Sun 2015, section 4.2).

    python -m recipes.cifar

downloads CIFAR-10 by TFDS and trains ResNet-20 as the paper does: 64 000
updates of 128 images, padded by four pixels, cropped and mirrored; learning
rate 0.1, divided by ten after 32 000 and 48 000. The paper has 8.75 % errors.

    python -m recipes.cifar --data cifar100 --depth 56

Two things differ from the paper: what it subtracts is the mean of each pixel,
here one mean of each channel, over its deviation; and its decay of 1e-4 takes
in the scale and shift of normalisation, which do not decay here.
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

TABLE_6 = {20: 0.0875, 32: 0.0751, 44: 0.0717, 56: 0.0697, 110: 0.0643}
MEAN = (125.3, 123.0, 113.9)  # of CIFAR-10's channels, 0..255
DEVIATION = (63.0, 62.1, 66.7)
CROP = kcv.serving.CenterCrop(32, 32)
BATCH_SIZE = 128
EPOCHS = 164  # of 50 000 images: 64 000 updates

DEFAULT_RUN = experiment.Run(Path("runs/cifar"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    data: str = "cifar10",
    depth: Literal[20, 32, 44, 56, 110] = 20,
    shortcut: Literal["A", "B"] = "A",
    steps_per_epoch: int | None = None,
) -> dict:
    """Train a CIFAR ResNet and measure it on the held-out images.

    Args:
        run: Options of every recipe.
        data: cifar10, cifar100, or folder:TRAIN[:TEST] with a folder of 32 x
            32 images for each class.
        depth: Layers with weights, 6 n + 2.
        shortcut: A has no parameters, as the paper's; B projects.
        steps_per_epoch: Updates per epoch; by default all images once.

    Returns:
        What `metrics.json` has.
    """
    batch_size, epochs = run.batch_size or BATCH_SIZE, run.epochs or EPOCHS
    configuration = {
        **dataclasses.asdict(run),
        **classification.served_by(CROP),
        "data": data,
        "depth": depth,
        "shortcut": shortcut,
        "batch_size": batch_size,
        "epochs": epochs,
        "steps_per_epoch": steps_per_epoch,
    }
    strategy = experiment.prepare(run, configuration)

    # === Data ===
    done = experiment.EpochBackup(run.out / "backup").epoch
    test, class_names, _ = kcv.data.load_classification(data, "test")
    size = kcv.data.load_classification(data, "train").size
    steps = steps_per_epoch or size // batch_size
    start = done * steps * batch_size
    train, *_ = kcv.data.load_classification(
        data, "train", seed=run.seed, start=start
    )
    train = kcv.data.random_crop(train, 32, run.seed, start, padding=4)
    train = kcv.data.random_flip(train, run.seed, start)

    # === Model, optimiser, schedule ===
    updates = epochs * steps
    with strategy.scope():
        model = build(len(class_names), depth, shortcut)
        rate = keras.optimizers.schedules.PiecewiseConstantDecay(
            [updates // 2, updates * 3 // 4],  # 32 000 and 48 000 of 64 000
            [0.1, 0.01, 0.001],
        )
        model.compile(
            kcv.optimizers.CaffeSGD(
                rate, momentum=0.9, l2=1e-4, bias_lr_mult=1.0
            ),
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
        f"ResNet-{depth} on {data}",
        model,
        model.layers[-1].get_layer("conv1").kernel,
        classification.HeldOut(test, class_names, data),
        steps * batch_size,
        [
            Published(
                "top1",
                1 - TABLE_6[depth],
                f"CIFAR-10, 10 000 test images; ResNet-{depth}",
                "He et al. 2015, table 6",
            )
        ],
        configuration,
        CROP,
    )


def build(classes, depth, shortcut):
    """Put the network behind its preprocessing: pixels 0..255 in."""
    pixels = keras.Input((32, 32, 3), name="images")
    x = kcv.classification.Preprocessing(MEAN, DEVIATION)(pixels)
    resnet = kcv.classification.CIFARResNet(
        depth, classes=classes, shortcut=shortcut
    )
    return keras.Model(pixels, resnet(x), name=f"{resnet.name}_on_pixels")


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
