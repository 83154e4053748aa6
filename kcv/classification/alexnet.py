"""AlexNet (Krizhevsky, Sutskever and Hinton, 2012) and its descendants.

Layers have the names of Caffe's reference models: conv1, norm1, pool1, ...,
conv5, pool5, fc6, fc7, fc8; a ReLU follows all of them up to fc7.
"""

import os
from collections.abc import Sequence

import keras

from kcv.classification.classifier import image_input
from kcv.classification.classifier import initialize
from kcv.classification.classifier import probabilities
from kcv.classification.classifier import require_size
from kcv.classification.pooling import ceil_max_pooling
from kcv.classification.preprocessing import ILSVRC_MEAN
from kcv.classification.preprocessing import preprocess
from kcv.layers import GroupedConv2D
from kcv.layers import LocalResponseNormalization
from kcv.training.image_model import image_model
from kcv.weights import TORCHVISION_MEAN

# Filters, size, stride, padding, groups and initial bias of conv1 to conv5.
_TWO_GROUPS = (
    (96, 11, 4, 0, 1, 0.0),
    (256, 5, 1, 2, 2, 0.1),
    (384, 3, 1, 1, 1, 0.0),
    (384, 3, 1, 1, 2, 0.1),
    (256, 3, 1, 1, 2, 0.1),
)
# Where bvlc_alexnet's biases begin at 0.1, the paper's and those of Caffe's
# reference network begin at 1.
_BIASES_OF_ONE = tuple((*row[:5], float(row[5] > 0)) for row in _TWO_GROUPS)
_UNGROUPED = tuple((*row[:4], 1, row[5]) for row in _TWO_GROUPS)
_ONE_TOWER = (
    (64, 11, 4, 2, 1, 0.0),
    (192, 5, 1, 2, 1, 0.1),
    (384, 3, 1, 1, 1, 0.0),
    (256, 3, 1, 1, 1, 0.1),
    (256, 3, 1, 1, 1, 0.1),
)
_TABLES = {
    "caffe": _TWO_GROUPS,
    "caffenet": _BIASES_OF_ONE,
    "paper": _BIASES_OF_ONE,
    "ungrouped": _UNGROUPED,
    "one-tower": _ONE_TOWER,
}
_TOP = ("fc6", "fc7", "fc8")
# Where the paper's normalization differs from Caffe's.
_PAPER_NORMALIZATION = {"k": 2.0, "convention": "alexnet"}


def AlexNet(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    variant: str = "caffe",
    include_preprocessing: bool = True,
    name: str = "alexnet",
) -> keras.Model:
    """Build AlexNet of Krizhevsky et al. (2012).

    - "caffe", the paper's network as Caffe's `bvlc_alexnet` has it: conv2,
      conv4 and conv5 in two groups, normalization before pooling. 60,965,224
      parameters. Published weights belong to it.
    - "paper", the same network with the numbers of the paper. Its
      normalization divides by (2 + 1e-4 * sum) ** 0.75, where Caffe's divides
      by (1 + 1e-4 / 5 * sum) ** 0.75. The biases of conv2, conv4, conv5, fc6
      and fc7 start at 1, not at 0.1, and the weights of fc6 and fc7 with a
      deviation of 0.01, not 0.005.
    - "caffenet", Caffe's reference network and the trunk of FCN-AlexNet: as
      many parameters, but pooling before normalization, and the same biases
      start at 1.
    - "ungrouped": as "caffe", every filter seeing all channels. 62,378,344
      parameters.
    - "one-tower", of Krizhevsky (arXiv:1404.5997, 2014) and torchvision:
      fewer filters, no groups, no normalization, dropout in front of fc6 and
      fc7 where the others have it behind. 61,100,840 parameters.

    Args:
        include_top: Whether to add the classifier fc6, fc7, fc8, prob. Without
            it the network ends with pool5. Defaults to True.
        weights: Path of a file that `kcv.weights.load_weights` reads.
            torchvision has weights of "one-tower", keras.applications has none.
            If None, weights are random. Defaults to None.
        input_shape: Shape (height, width, 3) of the images. Defaults to (227,
            227, 3) with the classifier, (224, 224, 3) for "one-tower", and to
            any size without the classifier.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        variant: "caffe", "paper", "caffenet", "ungrouped" or "one-tower".
            Defaults to "caffe".
        include_preprocessing: Whether the model takes RGB in 0..255 and
            subtracts the mean: Caffe's, or torchvision's for "one-tower", in a
            first layer, "preprocessing". False for images that are prepared
            already. Defaults to True.
        name: Name of the model. Defaults to "alexnet".

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to pool5 (B, height', width', 256), 6x6
        for the default size.

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `variant` is unknown, if the classifier has no fixed or
            too small an input size, or if weights do not fit.

    Example:

    >>> trunk = AlexNet(include_top=False, input_shape=(227, 227, 3))
    >>> trunk.get_layer("conv1").output.shape
    (None, 55, 55, 96)
    """
    # Without padding, 224 pixels would end in 54 columns, not the paper's 55.
    side = 224 if variant == "one-tower" else 227
    images = image_input(input_shape, include_top, (side, side, 3))
    if include_top:
        least = 63 if variant == "one-tower" else 39
        require_size(images, name, "fc6", least)
    mean: Sequence[float] = ILSVRC_MEAN
    if variant == "one-tower":
        mean = [255 * number for number in TORCHVISION_MEAN]
    x = preprocess(images, include_preprocessing, mean)
    x = alexnet_trunk(x, variant)["pool5"]
    if include_top:
        x = probabilities(
            alexnet_head(
                x,
                dropout_first=variant == "one-tower",
                bias=1.0 if _TABLES[variant] is _BIASES_OF_ONE else 0.1,
                stddev=0.01 if variant == "paper" else 0.005,
            ),
            classes,
            classifier_activation,
            "fc8",
            _gaussian(0.01),
        )
    model = image_model(images, x, name, include_preprocessing)
    return initialize(model, weights, () if include_top else _TOP)


def alexnet_trunk(
    x: keras.KerasTensor, variant: str = "caffe"
) -> dict[str, keras.KerasTensor]:
    """Apply the convolutional part of an AlexNet.

    Args:
        x: Images (B, height, width, channels) less the mean.
        variant: "caffe", "paper", "caffenet", "ungrouped" or "one-tower".
            Defaults to "caffe".

    Returns:
        The output of every layer, after its ReLU, by name: conv1, norm1,
        pool1, ..., pool5. Pooling rounds sizes up as Caffe does, and down in
        "one-tower".

    Raises:
        ValueError: If `variant` is unknown.

    Example:

    >>> images = keras.Input((227, 227, 3))
    >>> alexnet_trunk(images)["pool5"].shape
    (None, 6, 6, 256)
    """
    if variant not in _TABLES:
        raise ValueError(
            f"variant must be one of {[*_TABLES]}, received {variant!r}."
        )
    outputs = {}

    def pool(x, name):
        if variant == "one-tower":
            x = keras.layers.MaxPooling2D(3, 2, name=name)(x)
        else:
            x = ceil_max_pooling(x, name)
        outputs[name] = x
        return x

    def normalize(x, name):
        options = _PAPER_NORMALIZATION if variant == "paper" else {}
        layer = LocalResponseNormalization(name=name, **options)
        outputs[name] = x = layer(x)
        return x

    for number, row in enumerate(_TABLES[variant], start=1):
        outputs[f"conv{number}"] = x = _convolution(x, *row, f"conv{number}")
        if number <= 2:
            if variant in ("caffe", "paper", "ungrouped"):
                x = normalize(x, f"norm{number}")
            x = pool(x, f"pool{number}")
            if variant == "caffenet":
                x = normalize(x, f"norm{number}")
    pool(x, "pool5")
    return outputs


def alexnet_head(
    x: keras.KerasTensor,
    dropout: float = 0.5,
    dropout_first: bool = False,
    bias: float = 0.1,
    stddev: float = 0.005,
) -> keras.KerasTensor:
    """Apply fc6 and fc7 with ReLU and dropout, 4096 units each.

    Args:
        x: Maps of fixed size, (B, 6, 6, 256) for published weights.
        dropout: Probability with which a unit is dropped in training. Defaults
            to 0.5.
        dropout_first: Whether dropout stands in front of fc6 and fc7, as in
            "one-tower", and not behind them. Defaults to False.
        bias: Number at which biases start: 0.1 as in bvlc_alexnet, 1 as in
            the paper and Caffe's reference network. Defaults to 0.1.
        stddev: Standard deviation of the weights at the start: 0.005 as in
            Caffe, 0.01 as in the paper. Defaults to 0.005.

    Returns:
        Features (B, 4096).

    Example:

    >>> regions = keras.Input((6, 6, 256))
    >>> keras.Model(regions, alexnet_head(regions)).count_params()
    54534144
    """
    x = keras.layers.Flatten(name="flatten")(x)  # (B, 6 * 6 * 256)
    for number in (6, 7):
        if dropout_first:
            x = keras.layers.Dropout(dropout, name=f"drop{number}")(x)
        x = keras.layers.Dense(
            4096,
            activation="relu",
            kernel_initializer=_gaussian(stddev),
            bias_initializer=keras.initializers.Constant(bias),
            name=f"fc{number}",
        )(x)
        if not dropout_first:
            x = keras.layers.Dropout(dropout, name=f"drop{number}")(x)
    return x


def _convolution(x, filters, size, stride, padding, groups, bias, name):
    if padding and stride > 1:
        # "same" would pad the bottom and right more than the top and left.
        x = keras.layers.ZeroPadding2D(padding, name=f"{name}_pad")(x)
    options = {
        "strides": stride,
        "padding": "same" if padding and stride == 1 else "valid",
        "activation": "relu",
        "kernel_initializer": _gaussian(0.01),
        "bias_initializer": keras.initializers.Constant(bias),
        "name": name,
    }
    if groups > 1:
        return GroupedConv2D(filters, size, groups, **options)(x)
    return keras.layers.Conv2D(filters, size, **options)(x)


def _gaussian(stddev):
    return keras.initializers.RandomNormal(stddev=stddev)  # the paper's
