"""Network in Network (Lin, Chen and Yan, arXiv:1312.4400, 2013), for CIFAR.

Three blocks, each a convolution and two 1x1 convolutions ("cccp", cascaded
cross-channel pooling); a ReLU follows all nine. The last has a map for every
class, and its mean is the score: there is no dense layer. Layers have the
names of the authors' Caffe model.
"""

import os

import keras

from kcv.classification.classifier import activate
from kcv.classification.classifier import image_input
from kcv.classification.classifier import initialize
from kcv.classification.pooling import ceil_max_pooling
from kcv.classification.preprocessing import CIFAR_MEAN
from kcv.classification.preprocessing import CIFAR_STD
from kcv.classification.preprocessing import preprocess
from kcv.training.image_model import image_model


def NetworkInNetwork(
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] = (32, 32, 3),
    classes: int = 10,
    classifier_activation: str | None = "softmax",
    second_pooling: str = "max",
    include_preprocessing: bool = True,
    name: str = "network_in_network",
) -> keras.Model:
    """Build the network for CIFAR of Lin et al. (2013).

    966,986 parameters with ten classes.

    Args:
        weights: Path of a file that `kcv.weights.load_weights` reads. If None,
            weights are random. Defaults to None.
        input_shape: (height, width, 3), any size from 2 x 2; None is a free
            size. Defaults to `(32, 32, 3)`.
        classes: Number of classes. Defaults to 10.
        classifier_activation: Activation of the averaged maps. If None, the
            model returns logits. Defaults to "softmax".
        second_pooling: "max" as in the paper, or "average" as in the model that
            the authors released. Defaults to "max".
        include_preprocessing: Whether the model takes RGB in 0..255 and brings
            channels to CIFAR-10's mean 0 and deviation 1 in a first layer,
            "preprocessing". False for images that are prepared already.
            Defaults to True. The paper whitens images besides.
        name: Name of the model. Defaults to "network_in_network".

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `second_pooling` is unknown, or if the weights do not
            fit.

    Example:

    >>> NetworkInNetwork().count_params()
    966986
    """
    if second_pooling not in ("max", "average"):
        raise ValueError(
            'second_pooling must be "max" or "average", received '
            f"{second_pooling!r}."
        )
    images = image_input(input_shape, include_top=True)
    x = preprocess(images, include_preprocessing, CIFAR_MEAN, CIFAR_STD)

    x = _convolution(x, 192, 5, "conv1")
    x = _convolution(x, 160, 1, "cccp1")
    x = _convolution(x, 96, 1, "cccp2")
    x = ceil_max_pooling(x, "pool1")
    x = keras.layers.Dropout(0.5, name="drop3")(x)

    x = _convolution(x, 192, 5, "conv2")
    x = _convolution(x, 192, 1, "cccp3")
    x = _convolution(x, 192, 1, "cccp4")
    if second_pooling == "max":
        x = ceil_max_pooling(x, "pool2")
    else:
        # Of an overhanging window "same" averages what lies on the map.
        x = keras.layers.AveragePooling2D(3, 2, "same", name="pool2")(x)
    x = keras.layers.Dropout(0.5, name="drop6")(x)

    x = _convolution(x, 192, 3, "conv3")
    x = _convolution(x, 192, 1, "cccp5")
    x = _convolution(x, classes, 1, "cccp6")
    x = keras.layers.GlobalAveragePooling2D(name="pool3")(x)
    x = activate(x, classifier_activation)
    model = image_model(images, x, name, include_preprocessing)
    return initialize(model, weights)


def _convolution(x, filters, size, name):
    return keras.layers.Conv2D(
        filters,
        size,
        padding="same",
        activation="relu",
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.05),
        name=name,
    )(x)
