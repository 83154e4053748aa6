"""The six networks of the face cascade (Li et al. 2015).

"A Convolutional Neural Network Cascade for Face Detection", CVPR 2015. Three
networks tell faces from background in windows of 12, 24 and 48 pixels, and each
is followed by one that chooses which of 45 patterns shifted and scaled the
window. Layers have the names of the public Caffe models: conv1, fc2, and so on.

Shapes: B windows of S x S pixels.
"""

import keras

from kcv.classification.classifier import probabilities
from kcv.classification.pooling import ceil_max_pooling
from kcv.classification.preprocessing import preprocess
from kcv.faces.cascade.patterns import PATTERNS
from kcv.layers import LocalResponseNormalization
from kcv.layers import WithinChannelNormalization

# Gray level that becomes 0, and the one that becomes 1 above it.
_SCALING = (127.5, 127.5)


def Net12(
    size: int = 12,
    classifier_activation: str | None = "softmax",
    include_preprocessing: bool = True,
    name: str = "net12",
) -> keras.Model:
    """Build the 12-net, which scans the image.

    The network has 6,898 parameters. In a scan of a whole image the last
    pooling window of a 12-pixel window extends one pixel beyond it, and in a
    crop it is cut off. With `size=13` a crop has that pixel, so that a network
    which is trained on crops sees exactly what it sees in the scan.

    Args:
        size: S, side of the windows in pixels, 12 or 13. Defaults to 12, the
            paper's.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        include_preprocessing: Whether the model takes RGB in 0..255 and scales
            it to -1..1 in its first layer. Defaults to True.
        name: Name of the model. Defaults to "net12".

    Returns:
        A model from windows (B, S, S, 3) to probabilities (B, 2) of background
        and face.

    Raises:
        ValueError: If `size` is not 12 or 13.

    Example:

    >>> Net12().count_params()
    6898
    """
    if size not in (12, 13):
        raise ValueError(f"`size` must be 12 or 13. Received: size={size!r}")
    images, x = _windows(size, include_preprocessing)
    # The scan has maps of odd sizes, too.
    x = _trunk(x, filters=16, kernel=3, units=16, pool=ceil_max_pooling)
    x = probabilities(x, 2, classifier_activation, "fc3")
    return keras.Model(images, x, name=name)


def Calibration12(
    classifier_activation: str | None = "softmax",
    include_preprocessing: bool = True,
    name: str = "calibration12",
) -> keras.Model:
    """Build the 12-calibration-net, which corrects windows of the 12-net.

    The network has 57,581 parameters.

    Args:
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        include_preprocessing: Whether the model takes RGB in 0..255 and scales
            it to -1..1 in its first layer. Defaults to True.
        name: Name of the model. Defaults to "calibration12".

    Returns:
        A model from windows (B, 12, 12, 3) to probabilities (B, 45) of the
        `PATTERNS`.

    Example:

    >>> Calibration12().count_params()
    57581
    """
    images, x = _windows(12, include_preprocessing)
    x = _trunk(x, filters=16, kernel=3, units=128)
    x = probabilities(x, len(PATTERNS), classifier_activation, "fc3")
    return keras.Model(images, x, name=name)


def Net24(
    multi_resolution: bool = True,
    classifier_activation: str | None = "softmax",
    include_preprocessing: bool = True,
    name: str = "net24",
) -> keras.Model:
    """Build the 24-net, which checks the windows that the 12-net has left.

    The network has 831,346 parameters with the 12-pixel branch of the paper,
    and 824,450 without it, as public copies are.

    Args:
        multi_resolution: Whether the window is also reduced to 12 x 12 pixels
            and shown to a trunk like that of the 12-net, whose 16 features are
            appended to the 128 of this network. Defaults to True, as in the
            paper.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        include_preprocessing: Whether the model takes RGB in 0..255 and scales
            it to -1..1 in its first layer. Defaults to True.
        name: Name of the model. Defaults to "net24".

    Returns:
        A model from windows (B, 24, 24, 3) to probabilities (B, 2) of
        background and face.

    Example:

    >>> Net24().count_params(), Net24(multi_resolution=False).count_params()
    (831346, 824450)
    """
    images, pixels = _windows(24, include_preprocessing)
    x = _trunk(pixels, filters=64, kernel=5, units=128)
    if multi_resolution:
        small = keras.layers.AveragePooling2D(2, name="resize12")(pixels)
        small = _trunk(small, 16, 3, 16, prefix="sub12_")
        x = keras.layers.Concatenate(name="concat")([x, small])
    x = probabilities(x, 2, classifier_activation, "fc3")
    return keras.Model(images, x, name=name)


def Calibration24(
    classifier_activation: str | None = "softmax",
    include_preprocessing: bool = True,
    name: str = "calibration24",
) -> keras.Model:
    """Build the 24-calibration-net, which corrects windows of the 24-net.

    The network has 210,221 parameters.

    Args:
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        include_preprocessing: Whether the model takes RGB in 0..255 and scales
            it to -1..1 in its first layer. Defaults to True.
        name: Name of the model. Defaults to "calibration24".

    Returns:
        A model from windows (B, 24, 24, 3) to probabilities (B, 45) of the
        `PATTERNS`.

    Example:

    >>> Calibration24().count_params()
    210221
    """
    images, x = _windows(24, include_preprocessing)
    x = _trunk(x, filters=32, kernel=5, units=64)
    x = probabilities(x, len(PATTERNS), classifier_activation, "fc3")
    return keras.Model(images, x, name=name)


def Net48(
    multi_resolution: bool = True,
    normalization: str | None = "across9",
    classifier_activation: str | None = "softmax",
    include_preprocessing: bool = True,
    name: str = "net48",
) -> keras.Model:
    """Build the 48-net, which decides about the last windows.

    The network has 2,259,650 parameters with the 24-pixel branch of the paper,
    and 1,435,202 without it, as public copies are. The paper and the public
    models differ in the normalization.

    Args:
        multi_resolution: Whether the window is also reduced to 24 x 24 pixels
            and shown to a trunk like that of the 24-net, whose 128 features are
            appended to the 256 of this network. Defaults to True, as in the
            paper.
        normalization: "across9" for local response normalization across 9
            channels (the paper's), "within5" for squares of 5 x 5 cells within
            a channel (the public Caffe models'), None for no normalization.
            Defaults to "across9".
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        include_preprocessing: Whether the model takes RGB in 0..255 and scales
            it to -1..1 in its first layer. Defaults to True.
        name: Name of the model. Defaults to "net48".

    Returns:
        A model from windows (B, 48, 48, 3) to probabilities (B, 2) of
        background and face.

    Raises:
        ValueError: If `normalization` is not one of these.

    Example:

    >>> Net48().count_params(), Net48(multi_resolution=False).count_params()
    (2259650, 1435202)
    """
    images, pixels = _windows(48, include_preprocessing)
    x = _trunk48(pixels, normalization, pools=2)
    if multi_resolution:
        small = keras.layers.AveragePooling2D(2, name="resize24")(pixels)
        small = _trunk(small, 64, 5, 128, prefix="sub24_")
        x = keras.layers.Concatenate(name="concat")([x, small])
    x = probabilities(x, 2, classifier_activation, "fc4")
    return keras.Model(images, x, name=name)


def Calibration48(
    pools: int = 1,
    normalization: str | None = "across9",
    classifier_activation: str | None = "softmax",
    include_preprocessing: bool = True,
    name: str = "calibration48",
) -> keras.Model:
    """Build the 48-calibration-net, which corrects the final windows.

    The paper has one pooling layer here, because a second one loses position:
    5,427,565 parameters. The public Caffe models have two: 1,446,253
    parameters.

    Args:
        pools: Number of pooling layers, 1 or 2. Defaults to 1, the paper's.
        normalization: "across9" for local response normalization across 9
            channels (the paper's), "within5" for squares of 5 x 5 cells within
            a channel (the public Caffe models'), None for no normalization.
            Defaults to "across9".
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        include_preprocessing: Whether the model takes RGB in 0..255 and scales
            it to -1..1 in its first layer. Defaults to True.
        name: Name of the model. Defaults to "calibration48".

    Returns:
        A model from windows (B, 48, 48, 3) to probabilities (B, 45) of the
        `PATTERNS`.

    Raises:
        ValueError: If an argument is not one of these.

    Example:

    >>> Calibration48(pools=2).count_params()
    1446253
    """
    if pools not in (1, 2):
        raise ValueError(f"`pools` must be 1 or 2. Received: pools={pools!r}")
    images, x = _windows(48, include_preprocessing)
    x = _trunk48(x, normalization, pools)
    x = probabilities(x, len(PATTERNS), classifier_activation, "fc4")
    return keras.Model(images, x, name=name)


def _windows(size, include_preprocessing):
    """Create the input, and what the first convolution sees of it."""
    images = keras.Input((size, size, 3), name="images")
    return images, preprocess(images, include_preprocessing, *_SCALING)


def _max_pooling(x, name):
    """Pool maps of an even size, which "same" rounds up as Caffe does."""
    return keras.layers.MaxPooling2D(3, 2, padding="same", name=name)(x)


def _trunk(x, filters, kernel, units, prefix="", pool=_max_pooling):
    """Convolution, pooling and dense layer of the 12- and 24-pixel networks."""
    # ReLU before max pooling gives what ReLU behind it gives in the papers.
    x = keras.layers.Conv2D(
        filters, kernel, activation="relu", name=f"{prefix}conv1"
    )(x)
    x = pool(x, f"{prefix}pool1")
    x = keras.layers.Flatten(name=f"{prefix}flatten")(x)
    return keras.layers.Dense(units, activation="relu", name=f"{prefix}fc2")(x)


def _trunk48(x, normalization, pools):
    """Both convolutions and the first dense layer of the 48-pixel networks."""
    for number in (1, 2):
        x = keras.layers.Conv2D(64, 5, activation="relu", name=f"conv{number}")(
            x
        )
        if number <= pools:
            x = _max_pooling(x, f"pool{number}")
        x = _normalize(x, normalization, f"norm{number}")
    x = keras.layers.Flatten(name="flatten")(x)
    return keras.layers.Dense(256, activation="relu", name="fc3")(x)


def _normalize(x, normalization, name):
    if normalization == "across9":
        return LocalResponseNormalization(9, name=name)(x)
    if normalization == "within5":
        return WithinChannelNormalization(5, name=name)(x)
    if normalization is None:
        return x
    raise ValueError(
        '`normalization` must be "across9", "within5" or None. '
        f"Received: normalization={normalization!r}"
    )
