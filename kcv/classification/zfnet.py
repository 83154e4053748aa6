"""ZFNet (Zeiler and Fergus, arXiv:1311.2901, 2013).

AlexNet in one tower, with a first layer of smaller filters and stride. The
paper gives the sizes of its maps, 110, 55, 26, 13 and 6, but no padding; the
padding here is the one that gives them. Layers are named as AlexNet's.
"""

import os

import keras

from kcv.classification.classifier import image_input
from kcv.classification.classifier import initialize
from kcv.classification.classifier import probabilities
from kcv.classification.classifier import require_size
from kcv.classification.pooling import ceil_max_pooling
from kcv.classification.preprocessing import ILSVRC_MEAN
from kcv.classification.preprocessing import preprocess
from kcv.constraints import MaxFilterRMS
from kcv.layers import LocalResponseNormalization
from kcv.training.image_model import image_model

_TOP = ("fc6", "fc7", "fc8")


def ZFNet(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    big: bool = False,
    max_filter_rms: float | None = 0.1,
    lrn: str = "caffe",
    include_preprocessing: bool = True,
    name: str = "zfnet",
) -> keras.Model:
    """Build the network of Zeiler and Fergus (2013).

    62,357,608 parameters, 107,627,624 for the big one.

    Args:
        include_top: Whether to add the classifier fc6, fc7, fc8, prob. Without
            it the network ends with pool5. Defaults to True.
        weights: Path of a file that `kcv.weights.load_weights` reads. If None,
            weights are random. Defaults to None.
        input_shape: Shape (height, width, 3) of the images. Defaults to (224,
            224, 3) with the classifier, and to any size without.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        big: Whether conv3, conv4 and conv5 have 512, 1024 and 512 filters, as
            in the paper's best single network, not 384, 384 and 256. Defaults
            to False.
        max_filter_rms: Filters of convolutions whose root mean square grows
            beyond are rescaled to it after every step; None leaves them. The
            value is the paper's for an input of about -128..128. Defaults to
            0.1.
        lrn: Numbers of the normalization behind pool1 and pool2. "caffe"
            divides by (1 + 1e-4 / 5 * sum of squares) ** 0.75, as
            reimplementations do. "alexnet" divides by (2 + 1e-4 * sum) **
            0.75, as AlexNet's paper, to which this one refers. Defaults to
            "caffe".
        include_preprocessing: Whether the model takes RGB in 0..255 and
            subtracts the mean in a first layer, "preprocessing". False for
            images that are prepared already. Defaults to True.
        name: Name of the model. Defaults to "zfnet".

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to pool5 (B, height', width', filters),
        6x6 for the default size.

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `lrn` is unknown, if the classifier has no fixed or too
            small an input size, or if weights do not fit.

    Example:

    >>> trunk = ZFNet(include_top=False, input_shape=(224, 224, 3))
    >>> trunk.output_shape
    (None, 6, 6, 256)
    """
    images = image_input(input_shape, include_top)
    if include_top:
        require_size(images, name, "fc6", least=47)
    if lrn not in ("caffe", "alexnet"):
        raise ValueError(
            f'`lrn` must be "caffe" or "alexnet". Received: lrn={lrn!r}'
        )
    k = 2.0 if lrn == "alexnet" else 1.0
    filters = (512, 1024, 512) if big else (384, 384, 256)

    def convolve(x, filters, size, stride, padding, name):
        return keras.layers.Conv2D(
            filters,
            size,
            stride,
            padding=padding,
            activation="relu",
            kernel_initializer=_gaussian(),
            kernel_constraint=max_filter_rms and MaxFilterRMS(max_filter_rms),
            name=name,
        )(x)

    x = preprocess(images, include_preprocessing, ILSVRC_MEAN)
    x = keras.layers.ZeroPadding2D(1, name="conv1_pad")(x)
    x = convolve(x, 96, 7, 2, "valid", "conv1")  # 110x110
    x = ceil_max_pooling(x, "pool1")  # 55x55
    x = LocalResponseNormalization(k=k, convention=lrn, name="norm1")(x)
    x = convolve(x, 256, 5, 2, "valid", "conv2")  # 26x26
    x = ceil_max_pooling(x, "pool2")  # 13x13
    x = LocalResponseNormalization(k=k, convention=lrn, name="norm2")(x)
    for number, width in enumerate(filters, start=3):
        x = convolve(x, width, 3, 1, "same", f"conv{number}")
    x = ceil_max_pooling(x, "pool5")  # 6x6
    if include_top:
        x = keras.layers.Flatten(name="flatten")(x)
        for number in (6, 7):
            x = keras.layers.Dense(
                4096,
                activation="relu",
                kernel_initializer=_gaussian(),
                name=f"fc{number}",
            )(x)
            x = keras.layers.Dropout(0.5, name=f"drop{number}")(x)
        x = probabilities(x, classes, classifier_activation, "fc8", _gaussian())
    model = image_model(images, x, name, include_preprocessing)
    return initialize(model, weights, () if include_top else _TOP)


def _gaussian():
    return keras.initializers.RandomNormal(stddev=0.01)  # the paper's
