"""LeNet-5 (LeCun, Bottou, Bengio and Haffner, 1998), and what became of it.

Layers have the paper's names: convolutions C1 and C3, subsampling S2 and S4,
dense layers C5 and F6 (C5 is a convolution that covers its whole input). The
Caffe variant has Caffe's: conv1, pool1, conv2, pool2, ip1, ip2.
"""

import os

import keras
import numpy as np

from kcv.classification.classifier import activate
from kcv.classification.classifier import image_input
from kcv.classification.classifier import initialize
from kcv.classification.classifier import probabilities
from kcv.classification.classifier import require_size
from kcv.classification.preprocessing import preprocess
from kcv.layers import RadialBasis
from kcv.layers import SparseConv2D
from kcv.layers import Subsampling2D
from kcv.training.image_model import image_model

#: The maps of S2 that each map of C3 sees: table I of the paper.
C3_TABLE = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5)),
    *((0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)

# The targets of F6 are bitmaps of the digits, 7 wide and 12 high. Digits that
# look alike have similar codes.
_DIGIT_CODES = """
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
..###.. ...##.. .#####. ####### ....##. ####### ..####. ####### .#####. .#####.
.#...#. ..###.. ##...## .....## ...###. ##..... .##.... .....## ##...## ##...##
.#...#. .#.##.. .....## ....##. ..####. ##..... ##..... .....## ##...## ##...##
#.....# ...##.. .....## ...##.. .##.##. ######. ##..... ....##. ##...## ##...##
#.....# ...##.. ....##. ..####. ##..##. .....## ######. ....##. .#####. ##...##
#.....# ...##.. ...##.. .....## ####### .....## ##...## ...##.. ##...## .######
#.....# ...##.. ..##... .....## ....##. .....## ##...## ...##.. ##...## .....##
.#...#. ...##.. .##.... .....## ....##. .....## ##...## ..##... ##...## .....##
.#...#. ...##.. ##..... ##...## ....##. ##...## ##...## ..##... ##...## ....##.
..###.. .###### ####### .#####. ....##. .#####. .#####. ..##... .#####. .####..
....... ....... ....... ....... ....... ....... ....... ....... ....... .......
"""

# Mean and deviation of the variants' inputs, in gray levels: those of MNIST;
# the paper's -0.1 for background and 1.175 for ink; Caffe's scale of 1 / 256.
_SCALINGS = {
    "modern": (255 * 0.1307, 255 * 0.3081),
    "1998": (20.0, 200.0),
    "caffe": (0.0, 256.0),
}
_TOP = ("C5", "F6", "output", "ip1", "ip2")


def LeNet5(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 10,
    classifier_activation: str | None = "softmax",
    variant: str = "modern",
    activation: str | None = None,
    pooling: str | None = None,
    include_preprocessing: bool = True,
    name: str = "lenet5",
) -> keras.Model:
    """Build LeNet-5 of LeCun et al. (1998).

    There are three networks of this name:

    - "modern", what textbooks draw: plain pooling, a C3 that sees all maps, a
      softmax. 61,706 parameters.
    - "1998", the paper's: S2 and S4 have weights, C3 sees the maps of table I,
      activations are `scaled_tanh`, and the output is the distance of F6 from
      a fixed code of each digit. 60,000 trainable parameters, 60,840 with the
      codes. Cross entropy of its softmax is the paper's second loss, the
      posterior's, without its class for rubbish.
    - "caffe", that of Caffe's tutorial: 20 and 50 maps without activation, one
      hidden layer of 500 ReLU. 431,080 parameters.

    Args:
        include_top: Whether to add the dense layers. Without them the network
            ends with S4 (pool2). Defaults to True.
        weights: Path of a file that `kcv.weights.load_weights` reads. If None,
            weights are random. Defaults to None.
        input_shape: Shape (height, width, channels) of the images. Images for
            "modern" are not padded, because the network pads them by two pixels
            itself. Defaults to (28, 28, 1), and to (32, 32, 1) for "1998".
        classes: Number of classes; 10 for "1998", which has codes for digits.
            Defaults to 10.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        variant: "modern", "1998" or "caffe". Defaults to "modern".
        activation: "tanh" or "relu", only for "modern". If None, it is "tanh".
            Defaults to None.
        pooling: "average" or "max", only for "modern". If None, it is
            "average". Defaults to None.
        include_preprocessing: Whether the model takes gray levels in 0..255 and
            scales them in a first layer, "preprocessing". Without it "modern"
            takes 0..1 less 0.1307 over 0.3081, "1998" background at -0.1 and
            ink at 1.175, and "caffe" 0..1. Defaults to True.
        name: Name of the model. Defaults to "lenet5".

    Returns:
        A model from images (B, height, width, channels) of bright ink on a dark
        background, 0..255, to probabilities (B, classes) or to maps.

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If an argument has an unsupported value or does not belong
            to the variant, or if the weights do not fit.

    Example:

    >>> LeNet5().count_params()
    61706
    >>> LeNet5(activation="relu", pooling="max").output_shape
    (None, 10)
    """
    if variant not in ("modern", "1998", "caffe"):
        raise ValueError(
            'variant must be "modern", "1998" or "caffe", received '
            f"{variant!r}."
        )
    if variant != "modern" and (activation, pooling) != (None, None):
        raise ValueError(
            f"activation and pooling are fixed in the variant {variant!r}, "
            f"received activation={activation!r}, pooling={pooling!r}."
        )
    side = 32 if variant == "1998" else 28
    images = image_input(input_shape, include_top, (side, side, 1))
    if include_top:
        least = {"modern": 12, "1998": 16, "caffe": 13}[variant]
        first = "ip1" if variant == "caffe" else "C5"
        require_size(images, name, first, least)
    x = preprocess(images, include_preprocessing, *_SCALINGS[variant])
    if variant == "1998":
        x = _trunk_of_1998(x)
        if include_top:
            x = _top_of_1998(x, classes, classifier_activation)
    elif variant == "caffe":
        x = _caffe_trunk(x)
        if include_top:
            x = _caffe_top(x, classes, classifier_activation)
    else:
        activation = activation or "tanh"
        x = _modern_trunk(x, activation, pooling or "average")
        if include_top:
            x = keras.layers.Flatten(name="flatten")(x)
            for layer, units in (("C5", 120), ("F6", 84)):
                x = keras.layers.Dense(units, activation, name=layer)(x)
            x = probabilities(x, classes, classifier_activation, "output")
    model = image_model(images, x, name, include_preprocessing)
    if variant == "1998" and include_top:
        model.get_layer("output").kernel.assign(digit_codes())
    return initialize(model, weights, () if include_top else _TOP)


@keras.saving.register_keras_serializable("kcv")
def scaled_tanh(x: keras.KerasTensor) -> keras.KerasTensor:
    """Apply the paper's activation, 1.7159 tanh(2 x / 3).

    It maps 1 to 1 and -1 to -1, where its curvature is largest, so that
    targets of +-1 do not drive the units into saturation.

    Args:
        x: Float tensor of any shape.

    Returns:
        Floats of the same shape in -1.7159..1.7159.

    Example:

    >>> scaled_tanh(np.ones(1, "float32")).numpy().round(3)
    array([1.], dtype=float32)
    """
    return 1.7159 * keras.ops.tanh(2 / 3 * x)


def digit_codes() -> np.ndarray:
    """Draw the codes of the digits that F6 aims at.

    Returns:
        (84, 10) float32 of -1 and +1: a column holds the 12 rows of 7 pixels
        of a digit, ink is +1.

    Example:

    >>> digit_codes()[:, 1].reshape(12, 7)[1]
    array([-1., -1., -1.,  1.,  1., -1., -1.], dtype=float32)
    """
    rows = [line.split() for line in _DIGIT_CODES.strip().splitlines()]
    pictures = ["".join(parts) for parts in zip(*rows, strict=True)]
    ink = np.array([[*picture] for picture in pictures]) == "#"  # (10, 84)
    return np.where(ink.T, 1, -1).astype("float32")


def _modern_trunk(x, activation, pooling):
    if activation not in ("tanh", "relu"):
        raise ValueError(
            f'activation must be "tanh" or "relu", received {activation!r}.'
        )
    if pooling not in ("average", "max"):
        raise ValueError(
            f'pooling must be "average" or "max", received {pooling!r}.'
        )
    pool = {
        "average": keras.layers.AveragePooling2D,
        "max": keras.layers.MaxPooling2D,
    }[pooling]
    x = keras.layers.Conv2D(
        6, 5, padding="same", activation=activation, name="C1"
    )(x)
    x = pool(2, name="S2")(x)
    x = keras.layers.Conv2D(16, 5, activation=activation, name="C3")(x)
    return pool(2, name="S4")(x)


def _trunk_of_1998(x):
    x = keras.layers.Conv2D(
        6,
        5,
        activation=scaled_tanh,
        kernel_initializer=_uniform(5 * 5 * x.shape[-1]),
        name="C1",
    )(x)
    x = Subsampling2D(2, name="S2")(x)
    x = keras.layers.Activation(scaled_tanh, name="S2_squash")(x)
    # The units of C3 have 60 / 16 maps below them on average.
    x = SparseConv2D(
        C3_TABLE,
        5,
        kernel_initializer=_uniform(5 * 5 * 60 / 16),
        name="C3",
    )(x)
    x = keras.layers.Activation(scaled_tanh, name="C3_squash")(x)
    x = Subsampling2D(2, name="S4")(x)
    return keras.layers.Activation(scaled_tanh, name="S4_squash")(x)


def _top_of_1998(x, classes, classifier_activation):
    if classes != 10:
        raise ValueError(
            'classes must be 10 in the variant "1998", whose output compares '
            f"F6 with codes of the ten digits, received {classes}."
        )
    x = keras.layers.Flatten(name="flatten")(x)
    for layer, units in (("C5", 120), ("F6", 84)):
        x = keras.layers.Dense(
            units,
            activation=scaled_tanh,
            kernel_initializer=_uniform(x.shape[-1]),
            name=layer,
        )(x)
    x = RadialBasis(classes, trainable=False, name="output")(x)
    return activate(x, classifier_activation)


def _uniform(fan_in):
    """Return the paper's initializer: values in the linear part of tanh."""
    return keras.initializers.RandomUniform(-2.4 / fan_in, 2.4 / fan_in)


def _caffe_trunk(x):
    for number, filters in ((1, 20), (2, 50)):
        x = keras.layers.Conv2D(
            filters,
            5,
            kernel_initializer=_xavier(),
            name=f"conv{number}",
        )(x)
        # Caffe rounds sizes up.
        x = keras.layers.MaxPooling2D(2, padding="same", name=f"pool{number}")(
            x
        )
    return x


def _caffe_top(x, classes, classifier_activation):
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(
        500, activation="relu", kernel_initializer=_xavier(), name="ip1"
    )(x)
    return probabilities(x, classes, classifier_activation, "ip2", _xavier())


def _xavier():
    """Caffe's: U(-a, a) with a = sqrt(3 / fan_in)."""
    return keras.initializers.VarianceScaling(1.0, "fan_in", "uniform")
