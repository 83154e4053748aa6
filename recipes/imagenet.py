r"""The networks of the ImageNet years, each by the schedule of its authors.

    python -m recipes.imagenet --network resnet50

wants ImageNet (ILSVRC 2012) prepared for TFDS, and a GPU for days. The report
prints the published accuracy of the network beside its own if one was measured
by the same crops. `--crops` chooses them.

    python -m recipes.imagenet --network alexnet --data folder:TRAIN:TEST

trains on folders of class folders. VGG's deeper networks begin, as in the
paper, from a shallower one:

    python -m recipes.imagenet --network vgg11 --out runs/vgg11
    python -m recipes.imagenet --network vgg16 --crops dense \
        --warm-start runs/vgg11/model.keras

googlenet has BVLC's solver and augmentation. googlenet_paper has the schedule
and the crops of the paper, and not its average of the weights over updates.
alexnet_paper has the numbers of the paper where BVLC's differ.

Three things differ from the authors' training. The mean of each channel is
subtracted, where AlexNet's is of each pixel. Crops of 227 pixels come from the
square in the middle of an image, which BVLC squeezes to 256 x 256 instead. The
ResNets pool with a border of zeros behind conv1, as torchvision's do, and He's
have none.
"""

import dataclasses
import functools
from pathlib import Path

import keras

import kcv
from kcv.serving import CenterCrop
from kcv.serving import ServingConfig
from kcv.training import completed_epochs
from recipes.common.classification.classifiers import evaluate_classifier
from recipes.common.classification.classifiers import make_batches
from recipes.common.classification.classifiers import open_images
from recipes.common.classification.classifiers import recompute_statistics
from recipes.common.classification.crops import Crops
from recipes.common.classification.crops import published_figures
from recipes.common.classification.crops import take_crops
from recipes.common.classification.imagenet_plans import TRAININGS
from recipes.common.classification.imagenet_plans import Network
from recipes.common.command import run_command
from recipes.common.evaluate_and_report import Stage
from recipes.common.evaluate_and_report import evaluate_and_report
from recipes.common.plan import count_images
from recipes.common.run import begin
from recipes.common.starting import StartOptions
from recipes.common.train import train

# What VGG-11 gives to the deeper networks: section 3.1 of the paper.
WARM_START = ("conv1_1", "conv2_1", "conv3_1", "conv3_2", "fc6", "fc7", "fc8")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(StartOptions):
    """Options of this recipe.

    Attributes:
        data: Imagenet2012, or folder:TRAIN[:TEST] with a folder of images for
            each class.
        network: Network to train, with the schedule of its authors.
        warm_start: model.keras of VGG-11, from which vgg16 and vgg19 begin.
            Defaults to random weights.
        crops: Parts of an image by which the network is measured. center is
            one crop in the middle, ten the corners and the middle and their
            mirror images, 144 those of GoogLeNet. dense is the whole image at
            one scale, dense-scales at several, with the mirror images.
        statistics: Number of batches from which the statistics of batch
            normalization are computed when the weights are final, as He et al.
            do. 0 keeps the moving averages.
    """

    out: Path = Path("runs/imagenet")
    data: str = "imagenet2012"
    network: Network = "resnet50"
    warm_start: Path | None = None
    crops: Crops = "center"
    statistics: int = 100


def main(run: Options) -> dict:
    """Train a network of ILSVRC and measure it by crops of each image."""
    if run.warm_start and run.network not in ("vgg16", "vgg19"):
        raise ValueError(
            "`warm_start` must be left out of networks other than vgg16 and "
            f"vgg19. Received: network={run.network!r}"
        )
    authors = TRAININGS[run.network]

    # === Data ===
    load = functools.partial(open_images, run)
    plan = authors.make_plan(run, count_images(load("train")))
    test = load("test")
    center = CenterCrop(256, authors.crop)
    crop = functools.partial(
        kcv.classification.single_crop,
        short_side=center.short_side,
        size=center.size,
    )
    strategy = begin(run)

    def crop_middle(example):
        return {**example, "images": crop(example["images"][None])[0, 0]}

    def batches(start):
        images = load("train", seed=run.seed, start=start).dataset
        if run.augment:
            images = authors.augment(images, run.seed, start)
        else:
            images = images.map(crop_middle)
        return make_batches(images, plan.batch_size)

    # === Model, solver ===
    with strategy.scope():
        names = test.class_names
        options = {"weights": run.start_weights(names), "classes": len(names)}
        model = authors.build(input_shape=2 * (authors.crop,) + (3,), **options)
        run.freeze_layers(model, r"(?!fc8|fc1000|loss\d_classifier)")
        if run.warm_start and not completed_epochs(run.backup):
            begin_from(model, keras.models.load_model(run.warm_start))
        model.compile(
            kcv.optimizers.CaffeSGD(
                authors.schedule(plan),
                momentum=0.9,
                l2=authors.l2,
                bias_decay_mult=0.0,
            ),
            keras.losses.SparseCategoricalCrossentropy(),
            metrics=["accuracy"],
            jit_compile=run.jit,
        )

    # === Fit ===
    watched = load(run.watched_split).dataset.map(crop_middle)
    validation = make_batches(watched, 50)
    train(run, model, plan, batches, validation_data=validation)
    recompute_statistics(model, batches(0).take(run.statistics))

    # === Evaluate, report ===
    return evaluate_and_report(
        run,
        f"{run.network} on {run.data}",
        model,
        lambda model: evaluate_classifier(
            model, test, run.data, run, **take_crops(run.crops, authors, model)
        ),
        ServingConfig("classification", center, test.class_names),
        [Stage(run.out, plan)],
        published_figures(run.crops, authors),
    )


def begin_from(model: keras.Model, shallower: keras.Model) -> None:
    """Copy the layers that the paper's warm start copies."""
    for name in WARM_START:
        weights = shallower.get_layer(name).get_weights()
        model.get_layer(name).set_weights(weights)


if __name__ == "__main__":
    run_command(main, Options())
