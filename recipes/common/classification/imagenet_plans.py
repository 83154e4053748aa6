"""How the authors of ImageNet's networks trained them."""

import dataclasses
import functools
from collections.abc import Callable

import keras
import tensorflow as tf

import kcv
from recipes.common.plan import Plan

IMAGES = 1_281_167  # To train on, in ILSVRC 2012.

Schedule = Callable[[Plan], keras.optimizers.schedules.LearningRateSchedule]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """How the authors trained a network.

    Attributes:
        build: Builder of the network.
        learning_rate: Highest learning rate.
        schedule: Function from the plan to the learning rate.
        batch_size: Images per update.
        epochs: Number of epochs of ILSVRC's images.
        l2: Weight decay.
        crop: Side of the crops in pixels.
        scales: Least and greatest short side of the images from which the
            crops are taken.
        color: Whether colors are shifted along their principal components.
        area_and_aspect: Whether crops differ in area and aspect.
        top1: Published accuracy on the validation images. The recipe measures
            one crop in the middle.
        source: Source of that figure, and by which crops it was measured.
    """

    build: Callable[..., keras.Model]
    learning_rate: float = 0.01
    schedule: Schedule
    batch_size: int
    epochs: int
    l2: float
    crop: int
    scales: tuple[int, int]
    color: bool
    area_and_aspect: bool = False
    top1: float
    source: str

    def augment(
        self, images: tf.data.Dataset, seed: int, start: int
    ) -> tf.data.Dataset:
        """Crop, mirror and tint images as the authors did."""
        if self.area_and_aspect:
            images = kcv.data.area_and_aspect_crop(
                images, self.crop, seed, start
            )
        else:
            images = kcv.data.random_short_side(
                images, *self.scales, seed, start
            )
            images = kcv.data.random_crop(images, self.crop, seed, start)
        images = kcv.data.random_flip(images, seed, start)
        if self.color:
            images = kcv.data.pca_color(images, seed, start)
        return images


def drops(*shares: float) -> Schedule:
    """Divide the learning rate by ten after these shares of the steps."""
    return lambda plan: keras.optimizers.schedules.PiecewiseConstantDecay(
        [round(share * plan.steps) for share in shares],
        [plan.learning_rate / 10**drop for drop in range(len(shares) + 1)],
    )


def polynomial(power: float) -> Schedule:
    """Let the learning rate fall to zero as a power of what is left."""
    return lambda plan: keras.optimizers.schedules.PolynomialDecay(
        plan.learning_rate, plan.steps, end_learning_rate=0.0, power=power
    )


alexnet = functools.partial(
    Training,
    # 450 000 updates, a drop every 100 000.
    schedule=drops(2 / 9, 4 / 9, 6 / 9, 8 / 9),
    batch_size=256,
    epochs=90,
    l2=5e-4,
    crop=227,
    scales=(256, 256),
    color=True,
)
vgg = functools.partial(
    Training,
    # 370 000 updates. The paper does not say where the three drops are.
    schedule=drops(1 / 3, 2 / 3, 5 / 6),
    batch_size=256,
    epochs=74,
    l2=5e-4,
    crop=224,
    scales=(256, 512),
    color=True,
)
resnet = functools.partial(
    Training,
    # At most 600 000 updates, with drops when the error no longer falls.
    learning_rate=0.1,
    schedule=drops(0.3, 0.6, 0.9),
    batch_size=256,
    epochs=120,
    l2=1e-4,
    crop=224,
    scales=(256, 480),
    color=True,
)
HE = "He et al., deep-residual-networks, one crop"
TORCHVISION = "torchvision's weights, not the paper's"
TRAININGS = {
    "alexnet": alexnet(
        build=functools.partial(kcv.classification.AlexNet, variant="caffe"),
        top1=0.571,
        source="BVLC's bvlc_alexnet, one crop; its recipe has no color shift",
    ),
    "zfnet": alexnet(
        build=kcv.classification.ZFNet,
        # Annealed by hand over 70 epochs.
        schedule=drops(0.4, 0.7, 0.9),
        batch_size=128,
        epochs=70,
        crop=224,
        color=False,
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
    "googlenet": Training(
        build=functools.partial(kcv.classification.GoogLeNet, aux_heads=True),
        # The "quick" solver of BVLC: 2 400 000 updates.
        schedule=polynomial(0.5),
        batch_size=32,
        epochs=60,
        l2=2e-4,
        crop=224,
        scales=(256, 256),
        color=False,
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
