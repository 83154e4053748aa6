"""How the authors of ImageNet's networks trained them."""

import dataclasses
import functools
from collections.abc import Callable
from collections.abc import Mapping
from typing import Literal
from typing import NamedTuple

import keras
import tensorflow as tf

import kcv
from recipes.common.plan import Plan
from recipes.common.plan import plan_epochs
from recipes.common.run import Run

IMAGES = 1_281_167  # To train on, in ILSVRC 2012.

Network = Literal[
    "alexnet",
    "alexnet_paper",
    "zfnet",
    "vgg11",
    "vgg16",
    "vgg19",
    "googlenet",
    "googlenet_paper",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
]
Schedule = Callable[[Plan], keras.optimizers.schedules.LearningRateSchedule]


class Figures(NamedTuple):
    """Accuracy that was published, on the validation images of ILSVRC 2012.

    Attributes:
        top1: Share of the images whose class has the largest score. None if it
            was not published.
        top5: Share of the images whose class is among the five largest.
        source: Where the figures stand.
    """

    top1: float | None
    top5: float
    source: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """How the authors trained and measured a network.

    Attributes:
        build: Builder of the network.
        learning_rate: Highest learning rate. Defaults to 0.01.
        schedule: Function from the plan to the learning rate.
        batch_size: Images per update.
        epochs: Number of epochs of ILSVRC's images.
        l2: Weight decay.
        crop: Side of the crops in pixels.
        scales: Least and greatest short side of the images from which the
            crops are taken.
        within: Side of the square in the middle of an image to which crops are
            limited, in pixels. If None, there is no limit. Defaults to None.
        color: Whether colors are shifted along their principal components.
        area_and_aspect: Whether crops differ in area and aspect. Defaults to
            False.
        dense_sides: Short sides of whole images at which the network is
            measured. The one in the middle is that of a single scale. Defaults
            to `(256,)`.
        published: Figures by the crops with which they were measured, see
            `recipes.common.classification.crops`.
    """

    build: Callable[..., keras.Model]
    learning_rate: float = 0.01
    schedule: Schedule
    batch_size: int
    epochs: int
    l2: float
    crop: int
    scales: tuple[int, int]
    within: int | None = None
    color: bool
    area_and_aspect: bool = False
    dense_sides: tuple[int, ...] = (256,)
    published: Mapping[str, Figures]

    def make_plan(self, run: Run, images: int) -> Plan:
        """Plan epochs of a dataset, with the options of a run.

        Args:
            run: Options of the recipe.
            images: Number of training images.
        """
        return plan_epochs(
            run, images, self.batch_size, self.epochs, self.learning_rate
        )

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
            images = kcv.data.random_crop(
                images, self.crop, seed, start, within=self.within
            )
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


def falls(factor: float, share: float) -> Schedule:
    """Multiply the learning rate by a factor after each share of the steps."""
    return lambda plan: keras.optimizers.schedules.ExponentialDecay(
        plan.learning_rate, round(share * plan.steps), factor, staircase=True
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
    within=256,
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
    dense_sides=(256, 384, 512),
)
googlenet = functools.partial(
    Training,
    build=functools.partial(kcv.classification.GoogLeNet, aux_heads=True),
    batch_size=32,
    l2=2e-4,
    crop=224,
    scales=(256, 256),
    within=256,
    color=False,
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
    dense_sides=(224, 256, 384, 480, 640),
)
KRIZHEVSKY = "Krizhevsky et al. 2012, table 2, one network"
VGG = "Simonyan and Zisserman 2014, table "
SZEGEDY = "Szegedy et al. 2014, table 3, one network"
HE = "He et al. 2015, table "
HE_CODE = "He et al., deep-residual-networks"
TORCHVISION = "torchvision's weights and training, not the paper's"
TRAININGS: dict[Network, Training] = {
    "alexnet": alexnet(
        build=functools.partial(kcv.classification.AlexNet, variant="caffe"),
        published={
            "center": Figures(
                0.571,
                0.802,
                "BVLC's bvlc_alexnet, trained on images that are squeezed to "
                "256 x 256, without the shift of colors",
            ),
            "ten": Figures(1 - 0.407, 1 - 0.182, KRIZHEVSKY),
        },
    ),
    "alexnet_paper": alexnet(
        build=functools.partial(kcv.classification.AlexNet, variant="paper"),
        published={"ten": Figures(1 - 0.407, 1 - 0.182, KRIZHEVSKY)},
    ),
    "zfnet": alexnet(
        build=kcv.classification.ZFNet,
        # Annealed by hand over 70 epochs.
        schedule=drops(0.4, 0.7, 0.9),
        batch_size=128,
        epochs=70,
        crop=224,
        color=False,
        published={
            "ten": Figures(
                1 - 0.384, 1 - 0.165, "Zeiler and Fergus 2013, table 2"
            )
        },
    ),
    # Network A of the paper is trained and measured at one scale.
    "vgg11": vgg(
        build=kcv.classification.VGG11,
        scales=(256, 256),
        dense_sides=(256,),
        published={"dense": Figures(1 - 0.296, 1 - 0.104, f"{VGG}3")},
    ),
    "vgg16": vgg(
        build=kcv.classification.VGG16,
        published={
            "center": Figures(1 - 0.285, 1 - 0.099, HE_CODE),
            "ten": Figures(1 - 0.2807, 1 - 0.0933, f"{HE}3"),
            "dense": Figures(1 - 0.256, 1 - 0.081, f"{VGG}3"),
            "dense-scales": Figures(1 - 0.248, 1 - 0.075, f"{VGG}4"),
        },
    ),
    "vgg19": vgg(
        build=kcv.classification.VGG19,
        published={
            "dense": Figures(1 - 0.255, 1 - 0.08, f"{VGG}3"),
            "dense-scales": Figures(1 - 0.248, 1 - 0.075, f"{VGG}4"),
        },
    ),
    # The "quick" solver of BVLC, 2 400 000 updates, which crops and mirrors.
    "googlenet": googlenet(
        schedule=polynomial(0.5),
        epochs=60,
        published={
            "center": Figures(0.687, 0.889, "BVLC's bvlc_googlenet"),
        },
    ),
    # BVLC's other solver has the schedule of the paper, 4% less every 8
    # epochs, of 10 000 000 updates. The paper's average of the weights over
    # the updates (Polyak) is left out.
    "googlenet_paper": googlenet(
        schedule=falls(0.96, 0.032),
        epochs=250,
        area_and_aspect=True,
        published={
            "center": Figures(None, 1 - 0.1007, SZEGEDY),
            "ten": Figures(None, 1 - 0.0915, SZEGEDY),
            "144": Figures(None, 1 - 0.0789, SZEGEDY),
        },
    ),
    "resnet18": resnet(
        build=kcv.classification.ResNet18,
        published={
            "center": Figures(0.698, 0.891, TORCHVISION),
        },
    ),
    "resnet34": resnet(
        build=kcv.classification.ResNet34,
        published={
            "center": Figures(0.733, 0.914, TORCHVISION),
            "ten": Figures(1 - 0.2452, 1 - 0.0746, f"{HE}3"),
            "dense-scales": Figures(1 - 0.2184, 1 - 0.0571, f"{HE}4"),
        },
    ),
    "resnet50": resnet(
        build=kcv.classification.ResNet50,
        published={
            "center": Figures(1 - 0.247, 1 - 0.078, HE_CODE),
            "ten": Figures(1 - 0.2285, 1 - 0.0671, f"{HE}3"),
            "dense-scales": Figures(1 - 0.2074, 1 - 0.0525, f"{HE}4"),
        },
    ),
    "resnet101": resnet(
        build=kcv.classification.ResNet101,
        published={
            "center": Figures(1 - 0.236, 1 - 0.071, HE_CODE),
            "ten": Figures(1 - 0.2175, 1 - 0.0605, f"{HE}3"),
            "dense-scales": Figures(1 - 0.1987, 1 - 0.046, f"{HE}4"),
        },
    ),
    "resnet152": resnet(
        build=kcv.classification.ResNet152,
        published={
            "center": Figures(1 - 0.23, 1 - 0.067, HE_CODE),
            "ten": Figures(1 - 0.2143, 1 - 0.0571, f"{HE}3"),
            "dense-scales": Figures(1 - 0.1938, 1 - 0.0449, f"{HE}4"),
        },
    ),
}
