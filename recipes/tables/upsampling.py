"""Four ways to enlarge a feature map, compared.

    python -m recipes.tables.upsampling

trains the same network four times on the same digit scenes. The encoder pools
four times, and has learnt to classify windows around single digits; the decoder
begins with the same random weights, enlarges four times by two, and convolves
behind each. Only how it enlarges differs:

- bilinear interpolation, where nothing is learned;
- a transposed convolution that begins as bilinear interpolation, as in FCN
  (Long et al. 2015);
- unpooling by the switches of the encoder's poolings, and convolutions, as in
  SegNet (Badrinarayanan et al. 2015);
- unpooling, and transposed convolutions, as in DeconvNet (Noh et al. 2015).

The page shows what each costs and finds, and the same held-out scenes under
all four.
"""

import dataclasses
import functools
import json
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import tensorflow as tf
import tyro
from matplotlib.figure import Figure

import kcv
from benchmarks.timing import medians
from kcv.initializers import Bilinear
from kcv.layers import CropLike
from kcv.layers import Interpolation2D
from kcv.segmentation.encoder_decoder import decode
from kcv.segmentation.encoder_decoder import encode
from kcv.segmentation.encoder_decoder import normalized
from kcv.segmentation.encoder_decoder import unpool
from kcv.storage import write_whole
from kcv.visualize import new_figure
from recipes import segnet
from recipes.common import finish_segmentation as segmentation
from recipes.common import run as experiment
from recipes.common.plan import Plan
from recipes.common.plan import begin_part
from recipes.common.plan import muon_optimizer
from recipes.common.report import write_report
from recipes.common.windows import learn_classes

BILINEAR = "bilinear interpolation"
TRANSPOSED = "transposed convolution"
UNPOOLED = "unpooling + convolution"
UNPOOLED_TRANSPOSED = "unpooling + transposed convolution"
ANSWERS = (BILINEAR, TRANSPOSED, UNPOOLED, UNPOOLED_TRANSPOSED)

BLOCKS = segnet.SMALL_BLOCKS
WINDOWS = segnet.SMALL_WINDOWS
LAST = segnet.last_of_encoder(BLOCKS)
CLASSES = segnet.SMALL["classes"]
PLANS = {"windows": Plan(32, 640, 2, 4e-3), "images": Plan(8, 1024, 2, 8e-3)}
TIMED = (192, 256)  # height and width of the images that are timed

DEFAULT_RUN = experiment.Run(Path("runs/tables/upsampling"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    data: str = "digit_scenes",
    image_size: int | None = None,
    steps_per_epoch: int | None = None,
    rounds: int = 15,
) -> dict:
    """Train a network with each way to enlarge, and write a page.

    Args:
        run: Options of every recipe.
        data: digit_scenes, voc:FOLDER, sbd:SBD:VOC or folder:IMAGES:MASKS.
        image_size: Short side to which images are scaled for training, pixels;
            by default 96 for digit scenes, and else they are not.
        steps_per_epoch: Updates per epoch, a multiple of 8; by default as many
            as show the plan's number of images in its number of epochs.
        rounds: How often each network is timed, by turns.

    Returns:
        What `table.json` has.
    """
    scenes = data == "digit_scenes"
    if scenes:
        image_size = image_size or segnet.SCENE_SIZE
    configuration = {
        **dataclasses.asdict(run),
        "data": data,
        "image_size": image_size,
        "rounds": rounds,
        "steps_per_epoch": steps_per_epoch,
    }
    strategy = experiment.prepare(run, configuration)
    images = segmentation.open_images(data, image_size, "raise")
    classes = len(images.class_names)
    class_weights = segmentation.scene_weights(classes) if scenes else None

    print("\nthe encoder")
    part = begin_part(run, "classes", CLASSES, steps_per_epoch, configuration)
    with strategy.scope():
        classifier = build(BILINEAR, classes)
        features = classifier.get_layer(LAST).output
        learn_classes(part, classifier, features, WINDOWS, images)

    models, folders = {}, {}
    examples = {
        "windows": functools.partial(WINDOWS.around_objects, images, run.seed),
        "images": functools.partial(images.examples, run.seed),
    }
    for number, answer in enumerate(ANSWERS, start=1):
        print(f"\n{answer}")
        folders[answer] = []
        for name, plan in PLANS.items():
            part = begin_part(
                run,
                f"answer-{number}/{name}",
                plan,
                steps_per_epoch,
                configuration,
            )
            folders[answer].append(part.run.out)
            with strategy.scope():
                if answer not in models:
                    models[answer] = build(answer, classes)
                    take_encoder(models[answer], classifier)
                models[answer].compile(
                    muon_optimizer(part.schedule.all_steps, plan.learning_rate),
                    kcv.losses.PixelwiseCrossEntropy(
                        class_weights=class_weights
                    ),
                    jit_compile=run.jit,
                )
            segmentation.fit(part, models[answer], examples[name])

    # === Measure ===
    milliseconds = time_models(models, rounds)
    rows, gallery = [], []
    for answer, model in models.items():
        whole = model
        if image_size is not None:
            whole = kcv.segmentation.resized(model, image_size)
        confusion, shown = segmentation.measure(
            segmentation.answer_of(whole), images
        )
        history = experiment.read_history(*folders[answer])
        rows.append(
            row(answer, model, confusion, history, milliseconds[answer])
        )
        gallery = gallery or [
            {"image": e["image"], "truth": e["truth"]} for e in shown
        ]
        for pictures, example in zip(gallery, shown, strict=True):
            pictures[answer] = example["found"]

    # === Page ===
    write_whole(
        run.out / "table.json", json.dumps(rows, indent=2).encode() + b"\n"
    )
    report = write_report(
        run.out,
        "Four ways to enlarge a feature map",
        figures={
            "The same held-out images": kcv.visualize.segmentation_gallery(
                gallery, images.class_names, width=2.0
            ),
            "Mean IU": bars(rows),
        },
        configuration=configuration,
        command=experiment.command_line(),
        summary=(
            "One network, trained four times from the same encoder, which has "
            "learnt to classify windows, and the same random decoder, on the "
            f"same {part.schedule.images * part.schedule.epochs} images of "
            f"{data}; only how its decoder enlarges by two differs. Measured "
            f"on {int(images.test.cardinality())} held-out images; times are "
            f"medians on this machine, of one image of {TIMED[0]} x {TIMED[1]} "
            "pixels. A switch is stored as a byte; two bits would do."
        ),
        tables={"Enlarged by": rows},
    )
    for each in rows:
        print(f"{each['enlarged by']}: mean IU {each['mean IU']:.3f}")
    print(f"Report: {report}")
    return {"rows": rows}


def build(answer: str, classes: int) -> keras.Model:
    """Build the network with one way to enlarge."""

    def convolution(x, filters, name):
        return normalized(x, _layer(filters, name))

    def deconvolution(x, filters, name):
        return normalized(x, _layer(filters, name, transposed=True))

    def interpolate(x, block, before, switches):
        x = Interpolation2D(2, name=f"upsample{block}")(x)
        return CropLike(name=f"crop{block}")([x, before])

    def transpose(x, block, before, switches):
        x = keras.layers.Conv2DTranspose(
            x.shape[-1],
            4,
            2,
            padding="same",
            use_bias=False,
            kernel_initializer=Bilinear(),
            name=f"upsample{block}",
        )(x)
        return CropLike(name=f"crop{block}")([x, before])

    enlarge = {BILINEAR: interpolate, TRANSPOSED: transpose}.get(answer, unpool)
    learned = answer == UNPOOLED_TRANSPOSED
    images = keras.Input((None, None, 3), name="images")
    x = keras.layers.Rescaling(1 / 64, -2, name="scale")(images)
    x, pooled = encode(x, BLOCKS, convolution)
    x = decode(
        x,
        pooled,
        BLOCKS,
        deconvolution if learned else convolution,
        "conv{block}_{number}_D",
        enlarge=enlarge,
    )
    logits = keras.layers.Conv2D(classes, 1, dtype="float32", name="score")(x)
    return keras.Model(images, logits, name="enlarging")


def take_encoder(model: keras.Model, classifier: keras.Model) -> None:
    """Give the encoder of a network the weights of another's."""
    for layer in classifier.layers:
        model.get_layer(layer.name).set_weights(layer.get_weights())
        if layer.name == LAST:
            break


def _layer(filters, name, transposed=False):
    kind = keras.layers.Conv2DTranspose if transposed else keras.layers.Conv2D
    return kind(
        filters, 3, padding="same", kernel_initializer="he_normal", name=name
    )


def row(answer, model, confusion, history, milliseconds) -> dict:
    """List what a network costs and finds."""
    scores = kcv.metrics.segmentation_scores(confusion)
    switches = switch_count() if "unpooling" in answer else 0
    return {
        "enlarged by": answer,
        "mean IU": scores["mean_iu"],
        "pixel accuracy": scores["pixel_accuracy"],
        "mean accuracy": scores["mean_accuracy"],
        "parameters": model.count_params(),
        "switches, KiB": switches / 1024,
        "ms per image": milliseconds,
        "seconds of training": sum(history["seconds"]),
    }


def switch_count() -> int:
    """Count the switches of one image of the timed size, a byte each."""
    height, width = TIMED
    return sum(
        (height >> block) * (width >> block) * filters
        for block, (_, filters) in enumerate(BLOCKS, start=1)
    )


def time_models(models: dict, rounds: int) -> dict[str, float]:
    """Time one image, the networks by turns: medians in milliseconds."""
    image = tf.constant(
        np.random.default_rng(0).uniform(0, 255, (1, *TIMED, 3)), tf.float32
    )
    functions = {}
    for name, model in models.items():
        functions[name] = tf.function(
            lambda x, model=model: model(x, training=False)
        )
        functions[name] = functools.partial(_wait_for, functions[name], image)
    return medians(functions, rounds)


def _wait_for(function, image):
    return function(image).numpy()


def bars(rows: list[dict]) -> Figure:
    """Draw the mean IU of each answer."""
    figure = new_figure(6, 2.4)
    axes = figure.add_subplot()
    names = [each["enlarged by"] for each in rows]
    drawn = axes.barh(names, [each["mean IU"] for each in rows])
    axes.bar_label(drawn, fmt="%.3f", padding=3)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="mean IU")
    return figure


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
