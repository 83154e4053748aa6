"""R-CNN, stage by stage (Girshick, Donahue, Darrell, Malik 2014).

    python -m recipes.rcnn

proposes regions on digit scenes, which need no download, fine-tunes a small
network from random weights on windows of 48 x 48 pixels, fits a support vector
machine and a box regressor per class, and measures them on 500 held-out
scenes.

    python -m recipes.rcnn --data voc/2007 --backbone alexnet \
        --weights bvlc_alexnet.caffemodel

is the paper's experiment: images at their own size, 2000 regions of Selective
Search each, 70 000 updates of 128 windows at a learning rate of 0.001, a tenth
of it every 20 000. The authors' code has 58.5 mAP, and 54.2 without the box
regressors. `--backbone vgg16 --weights imagenet` has 66.0 in the paper's
later version. Features of all regions of VOC's 5011 images take 160 GB.

    python -m recipes.rcnn --data coco:train.json:images/

trains on your own images.
"""

import dataclasses
import shutil
import time
from pathlib import Path
from typing import Annotated
from typing import Literal

import keras
import tyro

import kcv
from recipes.common import run as experiment
from recipes.common.finish_detection import HeldOut
from recipes.common.finish_detection import finish
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
        0.585,
        "VOC 2007 trainval, measured on VOC 2007 test; AlexNet",
        "Girshick et al. 2014, figures of the authors' code",
    ),
    Published(
        "voc07_map",
        0.660,
        "VOC 2007 trainval, measured on VOC 2007 test; VGG-16",
        "Girshick 2015, which compares with it",
    ),
]


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a backbone is fine-tuned.

    Attributes:
        image_size: short side, pixels; None leaves images as they are.
        max_proposals: regions of an image, at most.
        batch_size: images whose windows an update draws from.
        steps: updates in all, of 128 windows.
        epochs: the parts that they are divided into.
    """

    image_size: int | None
    max_proposals: int
    batch_size: int
    steps: int
    epochs: int

    def steps_per_epoch(self) -> int:
        """Divide the updates, in windows of the data's batching."""
        return whole_windows(self.steps / self.epochs)


SMALL = Plan(
    image_size=192, max_proposals=300, batch_size=8, steps=1536, epochs=4
)
PAPERS = Plan(
    image_size=None, max_proposals=2000, batch_size=16, steps=70_000, epochs=35
)

# Side and context of the small network's windows: of the proportion of the
# paper's 227 and 16, nearly.
SMALL_WINDOW, SMALL_CONTEXT = 48, 4

DEFAULT_RUN = experiment.Run(Path("runs/rcnn"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    data: str = "digit_scenes",
    backbone: Literal["small", "alexnet", "caffenet", "vgg16"] = "small",
    weights: str | None = None,
    image_size: int | None = None,
    proposals: str = "selective_search",
    max_proposals: int | None = None,
    scenes: int = 1500,
    steps_per_epoch: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> dict:
    """Train R-CNN in its stages and measure it on held-out images.

    Args:
        run: Options of every recipe. A batch is of images, from which
            together an update draws 128 windows.
        data: digit_scenes, voc/2007, voc/2012, coco/2017, voc:FOLDER,
            coco:ANNOTATIONS.json:IMAGES or
            coco:TRAIN.json:IMAGES:HELD_OUT.json.
        backbone: small learns from random weights in minutes; the others are
            the paper's.
        weights: imagenet (downloaded), or a file of kcv's, keras.applications',
            torchvision's or Caffe's weights for the backbone.
        image_size: Short side to which images are scaled, pixels; the long
            side is at most 5/3 of it. By default 192 for small, else images
            stay as they are.
        proposals: Method that proposes regions, see `kcv.proposals.propose`.
        max_proposals: Regions of an image, at most; by default 300 for small,
            else 2000.
        scenes: Digit scenes to train on.
        steps_per_epoch: Updates per epoch, a multiple of 8; by default as many
            as make the plan's number in its number of epochs.
        on_error: What to do about an image that cannot be decoded.

    Returns:
        What `metrics.json` has.
    """
    plan = SMALL if backbone == "small" else PAPERS
    image_size = image_size or plan.image_size
    max_proposals = max_proposals or plan.max_proposals
    batch_size = run.batch_size or plan.batch_size
    epochs = run.epochs or plan.epochs
    steps = steps_per_epoch or plan.steps_per_epoch()
    check_steps(steps)

    configuration = {
        **dataclasses.asdict(run),
        "data": data,
        "backbone": backbone,
        "weights": weights,
        "image_size": image_size,
        "proposals": proposals,
        "max_proposals": max_proposals,
        "scenes": scenes,
        "batch_size": batch_size,
        "epochs": epochs,
        "steps_per_epoch": steps,
    }
    strategy = experiment.prepare(run, configuration)
    features = run.out / "features"
    if not run.resume:
        shutil.rmtree(features, ignore_errors=True)

    # === Data, proposals ===
    done = experiment.EpochBackup(run.out / "backup").epoch
    start = done * steps * batch_size
    images = open_proposed(
        run,
        data,
        proposals,
        max_proposals,
        image_size,
        batch_size,
        start,
        scenes,
        on_error,
    )
    class_names = images.class_names

    # === Model, optimiser, schedule ===
    mirror = data != "digit_scenes"  # digits must not be mirrored
    with strategy.scope():
        model = build(len(class_names), backbone, weights, mirror, run.seed)
        model.compile(optimizer(backbone, epochs * steps), jit_compile=run.jit)

    # === Fine-tune ===
    model.fit(
        images.stream,
        epochs=epochs,
        initial_epoch=done,
        steps_per_epoch=steps,
        shuffle=False,  # the stream is shuffled
        callbacks=experiment.callbacks(run),
    )

    # === Support vector machines, box regressors ===
    clock = time.perf_counter()
    kcv.detection.train_rcnn(
        model, images.once, features, class_names, run.seed
    )
    svm_seconds = time.perf_counter() - clock

    metrics = finish(
        run,
        f"R-CNN on {data}",
        model,
        HeldOut(images.test, class_names, data),
        steps * batch_size,
        PAPER,
        configuration,
        images.prepare,
        {"proposal_seconds": images.seconds, "svm_seconds": svm_seconds},
        min_score=0.0,  # the margins' middle; these are no probabilities
    )
    shutil.rmtree(features)
    return metrics


def build(classes, backbone, weights, mirror, seed):
    """Build the detector of the paper, or the small one for scenes."""
    if backbone != "small":
        return kcv.detection.RCNN(
            classes, backbone, weights, mirror=mirror, seed=seed
        )
    if weights is not None:
        raise ValueError(
            "the small backbone has no published weights. Received: "
            f"weights={weights!r}"
        )
    trunk = small_trunk(
        filters=(32, 64, 64, 128, 128),
        strides=(2, 2, 1, 2, 1),
        size=SMALL_WINDOW,
    )
    parts = kcv.detection.custom_parts(
        trunk,
        small_preprocessing(),
        roi_size=SMALL_WINDOW // 8,
        units=(256, 256),
        batch_norm=True,
    )
    return kcv.detection.RCNN(
        classes,
        parts,
        context=SMALL_CONTEXT,
        mirror=mirror,
        chunk=256,
        seed=seed,
    )


def optimizer(backbone, steps):
    """Choose the paper's solver, or a quick one for random weights."""
    if backbone == "small":
        return quick_optimizer(steps, 2e-3)
    rate = keras.optimizers.schedules.PiecewiseConstantDecay(
        # A tenth every 20 000 of 70 000.
        [steps * part // 7 for part in (2, 4, 6)],
        [1e-3, 1e-4, 1e-5, 1e-6],
    )
    return kcv.optimizers.CaffeSGD(
        rate,
        momentum=0.9,
        l2=5e-4,
        bias_decay_mult=0.0,
        layer_lr_mults={"fc8": 10.0},  # begins anew
    )


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
