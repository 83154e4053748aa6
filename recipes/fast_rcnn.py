"""Fast R-CNN (Girshick 2015).

    python -m recipes.fast_rcnn

proposes regions on digit scenes by Selective Search, which need no download,
trains a small detector from random weights, and measures it on 500 held-out
scenes.

    python -m recipes.fast_rcnn --data voc/2007 --backbone vgg16 \
        --weights imagenet

is the paper's experiment: 2000 regions of each image, 40 000 updates of two
images at a short side of 600 pixels, learning rate 0.001 and 0.0001 after
30 000. Difficult objects are left out of training, for which the paper has 68.1
mAP (its table 1), and 66.9 with them.

    python -m recipes.fast_rcnn --data voc/2007 --backbone vgg16 \
        --weights imagenet --scales 480 576 688 864 1200

is the one with several scales, which the paper has for smaller networks.

    python -m recipes.fast_rcnn --data coco:train.json:images/

trains on your own images.
"""

import dataclasses
from pathlib import Path
from typing import Annotated
from typing import Literal

import keras
import tyro

import kcv
from recipes.common import run as experiment
from recipes.common.finish_detection import HeldOut
from recipes.common.finish_detection import finish
from recipes.common.given_proposals import LONG_SIDE
from recipes.common.given_proposals import open_proposed
from recipes.common.plan import check_steps
from recipes.common.plan import quick_optimizer
from recipes.common.plan import whole_windows
from recipes.common.report import Published
from recipes.common.trunks import small_preprocessing
from recipes.common.trunks import small_trunk

PAPER = [
    Published(
        "voc07_map",
        0.681,
        "VOC 2007 trainval without difficult objects, as here, measured on "
        "VOC 2007 test; VGG-16",
        "Girshick 2015, table 1",
    ),
    Published(
        "voc07_map",
        0.669,
        "VOC 2007 trainval with difficult objects, measured on VOC 2007 test; "
        "VGG-16",
        "Girshick 2015, table 1",
    ),
    Published(
        "voc07_map",
        0.571,
        "VOC 2007 trainval with difficult objects, measured on VOC 2007 test; "
        "CaffeNet",
        "Girshick 2015",
    ),
]


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a backbone is trained.

    Attributes:
        image_size: short side, pixels.
        max_proposals: regions of an image, at most.
        batch_size: images per update.
        steps: updates in all, at that batch size.
        epochs: the parts that they are divided into.
    """

    image_size: int
    max_proposals: int
    batch_size: int
    steps: int
    epochs: int

    def steps_per_epoch(self, batch_size: int) -> int:
        """Divide the images of the plan, in windows of the data's batching."""
        images = self.steps * self.batch_size
        return whole_windows(images / (self.epochs * batch_size))


SMALL = Plan(
    image_size=192, max_proposals=300, batch_size=4, steps=2560, epochs=5
)
PAPERS = Plan(
    image_size=600, max_proposals=2000, batch_size=2, steps=40_000, epochs=16
)

DEFAULT_RUN = experiment.Run(Path("runs/fast_rcnn"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    data: str = "digit_scenes",
    backbone: Literal["small", "vgg16", "resnet18", "resnet50"] = "small",
    weights: str | None = None,
    image_size: int | None = None,
    scales: tuple[int, ...] = (),
    proposals: str = "selective_search",
    max_proposals: int | None = None,
    scenes: int = 5120,
    steps_per_epoch: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> dict:
    """Train Fast R-CNN and measure it on held-out images.

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
        scales: Short sides, pixels, for several scales instead of one: each
            image is trained on at one of them, by chance, and seen at all of
            them when it is measured. The paper's are 480 576 688 864 1200.
        proposals: Method that proposes regions, see `kcv.proposals.propose`.
        max_proposals: Regions of an image, at most; by default 300 for small,
            else 2000.
        scenes: Digit scenes to train on.
        steps_per_epoch: Updates per epoch, a multiple of 8; by default as many
            as show the plan's number of images in its number of epochs.
        on_error: What to do about an image that cannot be decoded.

    Returns:
        What `metrics.json` has.
    """
    plan = SMALL if backbone == "small" else PAPERS
    image_size = image_size or plan.image_size
    max_proposals = max_proposals or plan.max_proposals
    batch_size = run.batch_size or plan.batch_size
    epochs = run.epochs or plan.epochs
    steps = steps_per_epoch or plan.steps_per_epoch(batch_size)
    check_steps(steps)
    configuration = {
        **dataclasses.asdict(run),
        "data": data,
        "backbone": backbone,
        "weights": weights,
        # With several scales a server leaves images at their own size.
        "image_size": None if scales else image_size,
        "scales": scales,
        "proposals": proposals,
        "max_proposals": max_proposals,
        "scenes": scenes,
        "batch_size": batch_size,
        "epochs": epochs,
        "steps_per_epoch": steps,
    }
    strategy = experiment.prepare(run, configuration)

    # === Data, proposals ===
    done = experiment.EpochBackup(run.out / "backup").epoch
    images = open_proposed(
        run,
        data,
        proposals,
        max_proposals,
        image_size,
        batch_size,
        done * steps * batch_size,
        scenes,
        on_error,
        mirror=True,
        scales=scales,
    )

    # === Model, optimiser, schedule ===
    classes = len(images.class_names)
    statistics = kcv.detection.BoxNormalization(
        *kcv.detection.box_statistics(
            images.once.map(kcv.data.detection_inputs), classes
        )
    )
    with strategy.scope():
        model = build(classes, backbone, weights, statistics, run.seed, scales)
        model.compile(
            optimizer(backbone, batch_size, epochs * steps), jit_compile=run.jit
        )

    # === Fit ===
    model.fit(
        images.stream,
        epochs=epochs,
        initial_epoch=done,
        steps_per_epoch=steps,
        shuffle=False,  # the stream is shuffled
        callbacks=experiment.callbacks(run),
    )

    return finish(
        run,
        f"Fast R-CNN on {data}",
        model,
        HeldOut(images.test, images.class_names, data),
        steps * batch_size,
        PAPER,
        configuration,
        images.prepare,
        {"proposal_seconds": images.seconds},
    )


def build(classes, backbone, weights, statistics, seed, scales=()):
    """Build the detector of the paper, or the small one for scenes."""
    options = {
        "box_normalization": statistics,
        "test_scales": scales or None,
        "test_long_side": LONG_SIDE,
        "seed": seed,
    }
    if backbone != "small":
        return kcv.detection.FastRCNN(classes, backbone, weights, **options)
    if weights is not None:
        raise ValueError(
            "the small backbone has no published weights. Received: "
            f"weights={weights!r}"
        )
    return kcv.detection.FastRCNN(
        classes,
        kcv.detection.custom_parts(
            small_trunk(),
            small_preprocessing(),
            units=(256, 256),
            batch_norm=True,
        ),
        # From random weights the classes are what takes longest to learn, and
        # regions that show nothing of an object are not yet known to.
        roi_sampling=kcv.detection.RoISampling(64, fg_fraction=0.5),
        **options,
    )


def optimizer(backbone, batch_size, steps):
    """Choose the paper's solver, or a quick one for random weights."""
    if backbone == "small":
        return quick_optimizer(steps, 2e-3 * batch_size / SMALL.batch_size)
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(
        [steps * 3 // 4],  # 30 000 of 40 000
        [1e-3, 1e-4],
    )
    return kcv.optimizers.CaffeSGD(
        rate, momentum=0.9, l2=5e-4, bias_decay_mult=0.0
    )


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
