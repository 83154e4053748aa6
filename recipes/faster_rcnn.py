"""Faster R-CNN, trained jointly (Ren, He, Girshick, Sun 2015).

    python -m recipes.faster_rcnn

trains a small detector from random weights on digit scenes, which need no
download, and measures it on 500 held-out scenes: 15 minutes on two CPU cores,
voc07_map 0.78.

    python -m recipes.faster_rcnn --data voc/2007 --backbone vgg16 \
        --weights imagenet

is the paper's experiment: VGG-16, 70 000 updates of two images at a short
side of 600 pixels, learning rate 0.001 and 0.0001 after 50 000. The paper
has 69.9 mAP (its table 3).

    python -m recipes.faster_rcnn --data coco:train.json:images/

trains on your own images.
"""

import dataclasses
import math
from pathlib import Path
from typing import Annotated
from typing import Literal

import keras
import tyro

import kcv
from kcv.data.batching import WINDOW
from recipes import experiment
from recipes.detection import HeldOut
from recipes.detection import finish
from recipes.report import Published
from recipes.trunks import small_trunk

PAPER = [
    Published(
        "voc07_map",
        0.699,
        "VOC 2007 trainval, measured on VOC 2007 test; VGG-16",
        "Ren et al. 2015, table 3",
    ),
    Published(
        "voc07_map",
        0.599,
        "VOC 2007 trainval, measured on VOC 2007 test; ZF",
        "Ren et al. 2015, table 2",
    ),
]


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a backbone is trained.

    Attributes:
        image_size: short side, pixels.
        batch_size: images per update.
        steps: updates in all, at that batch size.
        epochs: the parts that they are divided into.
    """

    image_size: int
    batch_size: int
    steps: int
    epochs: int

    def steps_per_epoch(self, batch_size: int) -> int:
        """Divide the images of the plan, in windows of the data's batching."""
        images = self.steps * self.batch_size
        windows = round(images / (self.epochs * batch_size * WINDOW))
        return max(windows, 1) * WINDOW


SMALL = Plan(image_size=192, batch_size=4, steps=4096, epochs=8)
# 70 000 updates of two images (`iter_size: 2` in the reference).
PAPERS = Plan(image_size=600, batch_size=2, steps=70_000, epochs=28)

DEFAULT_RUN = experiment.Run(Path("runs/faster_rcnn"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    data: str = "digit_scenes",
    backbone: Literal["small", "vgg16", "resnet18", "resnet50"] = "small",
    weights: str | None = None,
    image_size: int | None = None,
    steps_per_epoch: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> dict:
    """Train Faster R-CNN jointly and measure it on held-out images.

    Args:
        run: Options of every recipe.
        data: digit_scenes, voc/2007, voc/2012, coco/2017, voc:FOLDER,
            coco:ANNOTATIONS.json:IMAGES or
            coco:TRAIN.json:IMAGES:HELD_OUT.json.
        backbone: small learns from random weights in minutes; vgg16 is the
            paper's.
        weights: imagenet (downloaded), or a file of kcv's, keras.applications'
            or torchvision's weights for the backbone.
        image_size: Short side to which images are scaled, pixels; the long
            side is at most 5/3 of it. By default 192 for small, else 600.
        steps_per_epoch: Updates per epoch, a multiple of 8; by default as many
            as show the plan's number of images in its number of epochs.
        on_error: What to do about an image that cannot be decoded.

    Returns:
        What `metrics.json` has.
    """
    plan = SMALL if backbone == "small" else PAPERS
    image_size = image_size or plan.image_size
    batch_size = run.batch_size or plan.batch_size
    epochs = run.epochs or plan.epochs
    steps = steps_per_epoch or plan.steps_per_epoch(batch_size)
    if steps % WINDOW:
        raise ValueError(
            f"steps_per_epoch must be a multiple of {WINDOW}, so that a run "
            f"can be resumed exactly. Received: steps_per_epoch={steps}"
        )

    configuration = {
        **dataclasses.asdict(run),
        "data": data,
        "backbone": backbone,
        "weights": weights,
        "image_size": image_size,
        "batch_size": batch_size,
        "epochs": epochs,
        "steps_per_epoch": steps,
    }
    strategy = experiment.prepare(run, configuration)

    # === Data ===
    done = experiment.EpochBackup(run.out / "backup").epoch
    start = done * steps * batch_size
    train, class_names, _ = kcv.data.load_detection(
        data, "train", seed=run.seed, start=start, on_error=on_error
    )
    test, _, _ = kcv.data.load_detection(data, "test", on_error=on_error)
    sides = {"short_side": image_size, "long_side": image_size * 5 // 3}
    if data != "digit_scenes":  # digits must not be mirrored
        train = kcv.data.random_flip(train, run.seed, start)
    train = kcv.data.batch(kcv.data.resize(train, **sides), batch_size)
    train = train.map(kcv.data.detection_inputs).prefetch(2)
    test = kcv.data.batch(kcv.data.resize(test, **sides), batch_size)
    test = test.prefetch(2)

    # === Model, optimiser, schedule ===
    with strategy.scope():
        model = build(len(class_names), backbone, weights, image_size, run.seed)
        model.compile(
            optimizer(backbone, batch_size, epochs * steps), jit_compile=run.jit
        )

    # === Fit ===
    model.fit(
        train,
        epochs=epochs,
        initial_epoch=done,
        steps_per_epoch=steps,
        shuffle=False,  # the stream is shuffled
        callbacks=experiment.callbacks(
            run,
            kcv.metrics.DetectionEvaluation(test, every=math.ceil(epochs / 2)),
        ),
    )
    return finish(
        run,
        f"Faster R-CNN on {data}",
        model,
        HeldOut(test, class_names, data),
        steps * batch_size,
        PAPER,
        configuration,
        kcv.serving.ShortSide(*sides.values()),
    )


def build(classes, backbone, weights, image_size, seed):
    """Build the detector of the paper, or the small one for scenes."""
    if backbone != "small":
        return kcv.detection.FasterRCNN(classes, backbone, weights, seed=seed)
    if weights is not None:
        raise ValueError(
            "the small backbone has no published weights. Received: "
            f"weights={weights!r}"
        )
    stride = 8
    return kcv.detection.FasterRCNN(
        classes,
        kcv.detection.custom_parts(
            small_trunk(), units=(256, 256), batch_norm=True
        ),
        # Objects have 1/8 to 1/2 of the short side: 24 to 96 pixels of 192.
        anchor_scales=[image_size / part / stride for part in (8, 4, 2)],
        rpn_filters=128,
        # A map of 24 x 32 cells has a tenth of the paper's anchors.
        train_proposals=(1000, 300),
        test_proposals=(1000, 100),
        min_proposal_side=8,
        roi_batch=64,
        # From random weights the classes are what takes longest to learn.
        roi_fg_fraction=0.5,
        seed=seed,
    )


def optimizer(backbone, batch_size, steps):
    """Choose the paper's solver, or a quick one for random weights."""
    if backbone == "small":
        rate = keras.optimizers.schedules.CosineDecay(
            0.0,
            steps - steps // 16,
            warmup_target=2e-3 * batch_size / SMALL.batch_size,
            warmup_steps=steps // 16,
        )
        return keras.optimizers.AdamW(
            rate, weight_decay=1e-4, global_clipnorm=10.0
        )
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(
        [steps * 5 // 7],  # 50 000 of 70 000
        [1e-3, 1e-4],
    )
    return kcv.optimizers.CaffeSGD(rate, momentum=0.9, l2=5e-4)


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
