"""SegNet (Badrinarayanan, Kendall and Cipolla 2015).

    python -m recipes.segnet

trains a small SegNet from random weights on digit scenes, which need no
download, and measures it on 500 held-out scenes: mean_iu 0.64. Its encoder
learns to classify first, as the paper's has: windows around single digits are
classified, then labelled; then come whole scenes. That takes 27 minutes on one
core with AMX by `--precision mixed_bfloat16`.

    python -m recipes.segnet --data folder:camvid/images:camvid/labels \
        --size paper --weights imagenet --balance camvid

has the network and the solver of the authors' tutorial: 40 000 updates of
four images, a learning rate of .001, and .1 for `--network segnet_basic`. On
CamVid's 11 classes the paper has 57.2 mean IU after 80 000 updates and 60.1
after more.

When the weights are final, the statistics of batch normalisation are measured
anew, as the authors do.
"""

import dataclasses
import functools
from pathlib import Path
from typing import Annotated
from typing import Literal

import keras
import tyro

import kcv
from recipes.common import finish_segmentation as segmentation
from recipes.common import run as experiment
from recipes.common.plan import Plan
from recipes.common.plan import begin_part
from recipes.common.plan import muon_optimizer
from recipes.common.report import Published
from recipes.common.windows import Windows
from recipes.common.windows import learn_classes

PAPER = [
    Published(
        "mean_iu",
        0.601,
        "CamVid, 11 classes, 367 images to train on and 233 held out",
        "Badrinarayanan et al. 2017, more than 80 000 updates",
    ),
    Published(
        "mean_iu",
        0.5002,
        "CamVid, 11 classes, 367 images to train on and 233 held out",
        "Badrinarayanan et al. 2017, 40 000 updates",
    ),
]

# The small network: what its encoder classifies, what it labels, and the
# scenes.
SMALL = {
    "classes": Plan(64, 384, 2, 4e-3),
    "windows": Plan(32, 960, 4, 4e-3),
    "images": Plan(8, 4096, 8, 8e-3),
}
SMALL_BLOCKS = ((1, 32), (1, 64), (2, 96), (3, 128))
SMALL_WINDOWS = Windows(side=48, cut=54, count=2)
SMALL_BASIC = Plan(8, 1024, 8, 8e-3)
SCENE_SIZE = 96  # pixels of their short side, for small networks
# The authors' tutorial.
PAPERS = {
    "segnet": Plan(4, 40_000, 40, 1e-3),
    "segnet_basic": Plan(4, 10_000, 40, 0.1),
}

DEFAULT_RUN = experiment.Run(Path("runs/segnet"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    data: str = "digit_scenes",
    network: Literal["segnet", "segnet_basic"] = "segnet",
    size: Literal["small", "paper"] = "small",
    weights: str | None = None,
    balance: Literal["none", "scenes", "median", "camvid"] | None = None,
    image_size: int | None = None,
    steps_per_epoch: int | None = None,
    statistics: int = 100,
    on_error: Literal["raise", "skip"] = "raise",
) -> dict:
    """Train SegNet and measure it on held-out images.

    Args:
        run: Options of every recipe.
        data: digit_scenes, voc:FOLDER, sbd:SBD:VOC or folder:IMAGES:MASKS.
        network: segnet, or segnet_basic with four wide convolutions down and
            four up.
        size: small learns from random weights in minutes, by Muon; paper has
            the authors' network and solver.
        weights: imagenet (downloaded) or a file of a VGG-16, whose
            convolutions are taken over; for segnet of size paper.
        balance: median weighs rare classes up by their frequency; camvid has
            the authors' weights for its 11 classes; scenes, the default for
            digit scenes, weighs background down.
        image_size: Short side to which images are scaled, pixels; by default
            96 for digit scenes with a small network, and else they are not.
            They are measured at their own size in any case.
        steps_per_epoch: Updates per epoch, a multiple of 8; by default as many
            as show the plan's number of images in its number of epochs.
        statistics: Batches on which batch normalisation is measured in the
            end.
        on_error: What to do about an image that cannot be decoded.

    Returns:
        What `metrics.json` has.
    """
    small = size == "small"
    if weights is not None and (small or network != "segnet"):
        raise ValueError(
            "weights are for the encoder of network='segnet', size='paper'. "
            f"Received: weights={weights!r}, network={network!r}, size={size!r}"
        )
    if data == "digit_scenes":
        balance = balance or "scenes"
        if small:
            image_size = image_size or SCENE_SIZE
    balance = balance or "none"
    plans = {"images": SMALL_BASIC if small else PAPERS[network]}
    if small and network == "segnet":
        plans = SMALL
    configuration = {
        **dataclasses.asdict(run),
        "task": "segmentation",
        "data": data,
        "network": network,
        "size": size,
        "weights": weights,
        "balance": balance,
        "image_size": image_size,
        "steps_per_epoch": steps_per_epoch,
        "statistics": statistics,
        "on_error": on_error,
    }
    strategy = experiment.prepare(run, configuration)
    images = segmentation.open_images(data, image_size, on_error)

    # === Fit ===
    with strategy.scope():
        model = build(len(images.class_names), network, small, weights)
    class_weights = _class_weights(balance, images, run)
    parts = []
    for name, plan in plans.items():
        part = begin_part(run, name, plan, steps_per_epoch, configuration)
        parts.append(part)
        with strategy.scope():
            if name == "classes":
                features = model.get_layer(last_of_encoder(SMALL_BLOCKS)).output
                learn_classes(part, model, features, SMALL_WINDOWS, images)
                continue
            model.compile(
                muon_optimizer(part.schedule.all_steps, plan.learning_rate)
                if small
                else kcv.optimizers.CaffeSGD(plan.learning_rate, l2=5e-4),
                kcv.losses.PixelwiseCrossEntropy(class_weights=class_weights),
                jit_compile=run.jit,
            )
        examples = images.examples
        if name == "windows":
            examples = functools.partial(SMALL_WINDOWS.around_objects, images)
        segmentation.fit(part, model, functools.partial(examples, run.seed))
    seen = segmentation.batches(
        images.examples(run.seed, 0), part.schedule.batch_size
    )
    kcv.segmentation.recompute_batch_norm(
        model, seen.take(statistics).map(lambda x, y: x)
    )

    # === Evaluate, report ===
    return segmentation.finish(
        run,
        f"{'SegNet' if network == 'segnet' else 'SegNet-Basic'} on {data}",
        model,
        images,
        parts,
        PAPER,
        configuration,
    )


def build(
    classes: int, network: str, small: bool, weights: str | None
) -> keras.Model:
    """Build the authors' network, or one of a fraction of its width."""
    if network == "segnet_basic":
        filters = 24 if small else 64
        return kcv.segmentation.SegNetBasic(classes, filters=filters)
    if small:
        return kcv.segmentation.SegNet(classes, blocks=SMALL_BLOCKS)
    return kcv.segmentation.SegNet(classes, weights=weights)


def last_of_encoder(blocks: tuple[tuple[int, int], ...]) -> str:
    """Name the layer of a SegNet that its last pooling pools."""
    return f"conv{len(blocks)}_{blocks[-1][0]}_relu"


def _class_weights(balance, images, run):
    if balance == "none":
        return None
    if balance == "scenes":
        return segmentation.scene_weights(len(images.class_names))
    if balance == "camvid":
        return kcv.segmentation.CAMVID_WEIGHTS
    found = kcv.data.load_segmentation(
        images.source, seed=run.seed, on_error=images.on_error
    )
    # Of one epoch, or of as many digit scenes as are held out.
    masks = found.dataset.take(found.size or 500)
    return kcv.segmentation.median_frequency_weights(
        (example["segmentation_masks"] for example in masks),
        len(images.class_names),
    ).tolist()


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
