"""The networks of the ImageNet years, each by the schedule of its authors.

    python -m recipes.imagenet --network resnet50

wants ImageNet (ILSVRC 2012) prepared for TFDS, and a GPU.

    python -m recipes.imagenet --network alexnet --data folder:TRAIN:TEST

trains on a folder of class folders. VGG's deeper networks begin, as in the
paper, from a shallower one:

    python -m recipes.imagenet --network vgg11 --out runs/vgg11
    python -m recipes.imagenet --network vgg16 \
        --warm-start runs/vgg11/model.keras
"""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from typing import Literal

import keras
import tyro

import kcv
from kcv.classification import Preprocessing
from recipes.common import finish_classification as classification
from recipes.common import run as experiment
from recipes.common.report import Published

IMAGES = 1_281_167  # to train on, in ILSVRC 2012
# What VGG-11 gives the deeper networks: section 3.1 of the paper.
WARM_START = ("conv1_1", "conv2_1", "conv3_1", "conv3_2", "fc6", "fc7", "fc8")


@dataclasses.dataclass(frozen=True)
class Plan:
    """How the authors trained a network.

    Attributes:
        build: The network's builder.
        schedule: From the number of updates to the learning rate.
        batch_size: Images per update.
        epochs: Of ILSVRC's images.
        l2: Weight decay.
        crop: Side of the crops, pixels.
        scales: Least and greatest short side that they are taken from.
        colour: Whether colours are shifted along their principal components.
        area_and_aspect: Whether crops differ in area and aspect.
        top1: Published share of the validation images; this recipe measures
            one crop in the middle.
        source: Of that figure, and by which crops.
    """

    build: Callable
    schedule: Callable
    batch_size: int
    epochs: int
    l2: float
    crop: int
    scales: tuple[int, int]
    colour: bool
    top1: float
    source: str
    area_and_aspect: bool = False


def steps(rate: float, *shares: float) -> Callable:
    """Divide the rate by ten after these shares of the updates."""
    rates = [rate / 10**drop for drop in range(len(shares) + 1)]
    return lambda updates: keras.optimizers.schedules.PiecewiseConstantDecay(
        [round(share * updates) for share in shares], rates
    )


def polynomial(rate: float, power: float) -> Callable:
    """Let the rate fall to zero as a power of what is left."""
    return lambda updates: keras.optimizers.schedules.PolynomialDecay(
        rate, updates, end_learning_rate=0.0, power=power
    )


alexnet = functools.partial(
    Plan,
    # 450 000 updates, a drop every 100 000.
    schedule=steps(0.01, 2 / 9, 4 / 9, 6 / 9, 8 / 9),
    batch_size=256,
    epochs=90,
    l2=5e-4,
    crop=227,
    scales=(256, 256),
    colour=True,
)
vgg = functools.partial(
    Plan,
    # 370 000 updates; where the three drops lie, the paper does not say.
    schedule=steps(0.01, 1 / 3, 2 / 3, 5 / 6),
    batch_size=256,
    epochs=74,
    l2=5e-4,
    crop=224,
    scales=(256, 512),
    colour=True,
)
resnet = functools.partial(
    Plan,
    # 600 000 updates at most; drops when the error no longer falls.
    schedule=steps(0.1, 0.3, 0.6, 0.9),
    batch_size=256,
    epochs=120,
    l2=1e-4,
    crop=224,
    scales=(256, 480),
    colour=True,
)
HE = "He et al., deep-residual-networks, one crop"
TORCHVISION = "torchvision's weights, not the paper's"
PLANS = {
    "alexnet": alexnet(
        build=functools.partial(kcv.classification.AlexNet, variant="caffe"),
        top1=0.571,
        source="BVLC's bvlc_alexnet, one crop; its recipe has no colour shift",
    ),
    "zfnet": alexnet(
        build=kcv.classification.ZFNet,
        # Annealed by hand over 70 epochs.
        schedule=steps(0.01, 0.4, 0.7, 0.9),
        batch_size=128,
        epochs=70,
        crop=224,
        colour=False,
        top1=1 - 0.384,
        source="Zeiler and Fergus 2013, table 2, ten crops",
    ),
    "vgg11": vgg(
        build=kcv.classification.VGG11,
        top1=1 - 0.296,
        source="Simonyan and Zisserman 2014, table 3, dense",
    ),
    "vgg16": vgg(build=kcv.classification.VGG16, top1=1 - 0.285, source=HE),
    "vgg19": vgg(
        build=kcv.classification.VGG19,
        top1=1 - 0.255,
        source="Simonyan and Zisserman 2014, table 3, dense",
    ),
    "googlenet": Plan(
        build=functools.partial(kcv.classification.GoogLeNet, aux_heads=True),
        # The "quick" solver of BVLC: 2 400 000 updates.
        schedule=polynomial(0.01, 0.5),
        batch_size=32,
        epochs=60,
        l2=2e-4,
        crop=224,
        scales=(256, 256),
        colour=False,
        area_and_aspect=True,
        top1=0.687,
        source="BVLC's bvlc_googlenet, one crop",
    ),
    "resnet18": resnet(
        build=kcv.classification.ResNet18, top1=0.698, source=TORCHVISION
    ),
    "resnet34": resnet(
        build=kcv.classification.ResNet34, top1=0.733, source=TORCHVISION
    ),
    "resnet50": resnet(
        build=kcv.classification.ResNet50, top1=1 - 0.247, source=HE
    ),
    "resnet101": resnet(
        build=kcv.classification.ResNet101, top1=1 - 0.236, source=HE
    ),
}

DEFAULT_RUN = experiment.Run(Path("runs/imagenet"))


def main(
    run: Annotated[experiment.Run, tyro.conf.arg(name="")] = DEFAULT_RUN,
    network: Literal[*PLANS] = "resnet50",
    data: str = "imagenet2012",
    warm_start: Path | None = None,
    steps_per_epoch: int | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> dict:
    """Train a network of ILSVRC and measure it by one crop of each image.

    Args:
        run: Options of every recipe.
        network: Which one, with its authors' schedule.
        data: imagenet2012, or folder:TRAIN[:TEST] with a folder of images for
            each class.
        warm_start: model.keras of VGG-11, from which vgg16 and vgg19 begin.
        steps_per_epoch: Updates per epoch; by default all images once.
        on_error: What to do about an image that cannot be decoded.

    Returns:
        What `metrics.json` has.
    """
    plan = PLANS[network]
    if warm_start and network not in ("vgg16", "vgg19"):
        raise ValueError(
            f"warm_start is for vgg16 and vgg19. Received: network={network!r}"
        )
    centre = kcv.serving.CentreCrop(256, plan.crop)
    batch_size = run.batch_size or plan.batch_size
    epochs = run.epochs or plan.epochs
    configuration = {
        **dataclasses.asdict(run),
        **classification.served_by(centre),
        "network": network,
        "data": data,
        "warm_start": warm_start,
        "batch_size": batch_size,
        "epochs": epochs,
        "steps_per_epoch": steps_per_epoch,
    }
    strategy = experiment.prepare(run, configuration)

    # === Data ===
    done = experiment.EpochBackup(run.out / "backup").epoch
    test, class_names, _ = kcv.data.load_classification(
        data, "test", on_error=on_error
    )
    size = kcv.data.load_classification(data, "train").size
    per_epoch = steps_per_epoch or size // batch_size
    start = done * per_epoch * batch_size
    train, *_ = kcv.data.load_classification(
        data, "train", seed=run.seed, start=start, on_error=on_error
    )
    train = prepared(augment(train, plan, run.seed, start), batch_size)
    crop = functools.partial(
        kcv.classification.single_crop,
        short_side=centre.short_side,
        size=centre.size,
    )
    validation = prepared(test.map(functools.partial(cropped, crop)), 50)

    # === Model, optimiser, schedule ===
    with strategy.scope():
        model = plan.build(classes=len(class_names))
        if warm_start and not done:
            begin_from(model, keras.models.load_model(warm_start))
        model.compile(
            kcv.optimizers.CaffeSGD(
                plan.schedule(epochs * per_epoch),
                momentum=0.9,
                l2=plan.l2,
                bias_decay_mult=0.0,
            ),
            keras.losses.SparseCategoricalCrossentropy(),
            metrics=["accuracy"],
            jit_compile=run.jit,
        )

    # === Fit ===
    model.fit(
        train,
        epochs=epochs,
        initial_epoch=done,
        steps_per_epoch=per_epoch,
        shuffle=False,  # the stream is shuffled
        validation_data=validation,
        callbacks=experiment.callbacks(run),
    )

    # === Evaluate, report ===
    return classification.finish(
        run,
        f"{network} on {data}",
        on_pixels(model, plan.crop),
        first_kernel(model),
        classification.HeldOut(test, class_names, data),
        per_epoch * batch_size,
        [Published("top1", plan.top1, "ILSVRC 2012, validation", plan.source)],
        configuration,
        centre,
        crop,
    )


def augment(train, plan, seed, start):
    """Cut, mirror and tint as the authors did."""
    if plan.area_and_aspect:
        train = kcv.data.area_and_aspect_crop(train, plan.crop, seed, start)
    else:
        train = kcv.data.random_short_side(train, *plan.scales, seed, start)
        train = kcv.data.random_crop(train, plan.crop, seed, start)
    train = kcv.data.random_flip(train, seed, start)
    return kcv.data.pca_color(train, seed, start) if plan.colour else train


def cropped(crop, example):
    """Give the square in the middle, by which an epoch is judged."""
    return {**example, "images": crop(example["images"][None])[0, 0]}


def prepared(dataset, batch_size):
    """Batch examples, less the mean of ImageNet's pixels."""
    subtract = Preprocessing.caffe()
    return classification.batches(dataset, batch_size).map(
        lambda images, labels: (subtract(images), labels)
    )


def begin_from(model, shallower):
    """Copy the layers that the paper's warm start copies."""
    shallower = shallower.get_layer("vgg11")
    for name in WARM_START:
        weights = shallower.get_layer(name).get_weights()
        model.get_layer(name).set_weights(weights)


def on_pixels(model, size):
    """Put a network behind its preprocessing: pixels 0..255 in."""
    pixels = keras.Input((size, size, 3), name="images")
    outputs = model(Preprocessing.caffe()(pixels))
    return keras.Model(pixels, outputs, name=f"{model.name}_on_pixels")


def first_kernel(model):
    """Find the kernel of the first convolution."""
    return next(
        layer.kernel
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    )


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
