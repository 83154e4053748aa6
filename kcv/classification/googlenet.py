"""GoogLeNet (Szegedy et al., arXiv:1409.4842, 2014), or Inception v1.

Layers have the names of Caffe's `bvlc_googlenet` with an underscore where it
has a slash, which Keras does not allow: conv1_7x7_s2, inception_3a_1x1,
inception_3a_3x3_reduce, ..., inception_3a_output, loss3_classifier; the
auxiliary heads are loss1_conv, loss1_fc, loss1_classifier and loss2_...
"""

import os

import keras

from kcv.classification.auxiliary import AuxiliaryClassifier
from kcv.classification.classifier import activate
from kcv.classification.classifier import image_input
from kcv.classification.classifier import initialize
from kcv.classification.classifier import probabilities
from kcv.classification.classifier import require_size
from kcv.classification.pooling import ceil_max_pooling
from kcv.classification.preprocessing import GOOGLENET_MEAN
from kcv.classification.preprocessing import preprocess
from kcv.layers import LocalResponseNormalization
from kcv.training.image_model import image_model

# Filters of the 1x1, the 3x3 and what reduces its input, the 5x5 and what
# reduces its input, and the projection of the pooled input.
_INCEPTION = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
_HEADS = ("loss1", "loss2")


def GoogLeNet(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    aux_heads: bool = False,
    variant: str = "caffe",
    auxiliary_weight: float = 0.3,
    include_preprocessing: bool = True,
    name: str = "googlenet",
) -> keras.Model:
    """Build GoogLeNet of Szegedy et al. (2014).

    6,998,552 parameters, 13,378,280 with the auxiliary heads, which classify
    from inception_4a and inception_4d while the network trains.

    The variant "torchvision" takes torchvision's weights: batch normalization
    in place of biases and local response normalization, 3x3 convolutions
    where the names say 5x5, and the window of pool4 is 2x2. 6,624,904 and
    13,004,888 trainable parameters.

    Args:
        include_top: Whether to add pool5, loss3_classifier and prob. Without it
            the network ends with inception_5b. Defaults to True.
        weights: Path of a file that `kcv.weights.load_weights` reads. A file
            with auxiliary heads can be loaded into a network without them. If
            None, weights are random. Defaults to None.
        input_shape: Shape (height, width, 3) of the images. The auxiliary heads
            need a fixed size. Defaults to (224, 224, 3) with the classifier,
            and to any size without.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        aux_heads: Whether to add the auxiliary heads. The model is an
            `AuxiliaryClassifier` then: `compile(optimizer)` and `fit` train all
            three classifiers, all else sees the main one alone. Defaults to
            False.
        variant: "caffe", the paper's network, or "torchvision". Defaults to
            "caffe".
        auxiliary_weight: Weight of the loss of each auxiliary head. Float.
            Defaults to 0.3, the paper's.
        include_preprocessing: Whether the model takes RGB in 0..255 and
            subtracts the mean, (123, 117, 104) or torchvision's 127.5, in a
            first layer, "preprocessing". False for images that are prepared
            already. Defaults to True.
        name: Name of the model. Defaults to "googlenet".

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to maps (B, height', width', 1024) at
        stride 32, 7x7 for the default size.

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `variant` is unknown, if heads are requested without the
            classifier or for images of free size or too small, or if weights do
            not fit.

    Example:

    >>> model = GoogLeNet(aux_heads=True)
    >>> model.compile("sgd", metrics=["accuracy"])  # has its losses
    >>> model.count_params()
    13378280
    """
    if variant not in ("caffe", "torchvision"):
        raise ValueError(
            f'variant must be "caffe" or "torchvision", received {variant!r}.'
        )
    images = image_input(input_shape, include_top)
    if aux_heads and not include_top:
        raise ValueError(
            f"{name}: aux_heads=True needs include_top=True, received "
            "include_top=False."
        )
    if aux_heads:
        # Caffe's head averages 5x5 cells of inception_4a, at stride 16.
        least = 79 if variant == "caffe" else 1
        require_size(images, name, "loss1_fc", least)
    mean = GOOGLENET_MEAN if variant == "caffe" else 127.5
    x = preprocess(images, include_preprocessing, mean)
    outputs = googlenet_trunk(x, variant)
    x = outputs["inception_5b"]
    if not include_top:
        model = image_model(images, x, name, include_preprocessing)
        return initialize(model, weights, ("loss1_", "loss2_", "loss3_"))

    caffe = variant == "caffe"
    x = keras.layers.GlobalAveragePooling2D(name="pool5")(x)
    x = keras.layers.Dropout(0.4 if caffe else 0.2, name="pool5_drop")(x)
    x = probabilities(
        x, classes, classifier_activation, "loss3_classifier", _xavier()
    )
    if not aux_heads:
        model = image_model(images, x, name, include_preprocessing)
        return initialize(model, weights, ("loss1_", "loss2_"))

    heads = [
        activate(
            _auxiliary_head(outputs[f"inception_{module}"], classes, caffe, to),
            classifier_activation,
            f"{to}_prob",
        )
        for module, to in zip(("4a", "4d"), _HEADS, strict=True)
    ]
    return initialize(
        AuxiliaryClassifier(
            images,
            [x, *heads],
            auxiliary_weight=auxiliary_weight,
            name=name,
        ),
        weights,
    )


def googlenet_trunk(
    x: keras.KerasTensor, variant: str = "caffe"
) -> dict[str, keras.KerasTensor]:
    """Apply the convolutional part of GoogLeNet.

    Args:
        x: Images (B, height, width, channels) less the mean.
        variant: "caffe", the paper's network, or "torchvision". Defaults to
            "caffe".

    Returns:
        The output of the stem's layers and of every inception module, by name:
        conv1, pool1, conv2, pool2, inception_3a, inception_3b, pool3,
        inception_4a, ..., inception_5b. Pooling rounds sizes up.

    Example:

    >>> images = keras.Input((224, 224, 3))
    >>> googlenet_trunk(images)["inception_4e"].shape
    (None, 14, 14, 832)
    """
    caffe = variant == "caffe"
    outputs = {}
    x = keras.layers.ZeroPadding2D(3, name="conv1_pad")(x)
    x = _convolution(x, 64, 7, "conv1_7x7_s2", caffe, stride=2)  # 112x112
    outputs["conv1"] = x
    x = ceil_max_pooling(x, "pool1_3x3_s2")  # 56x56
    outputs["pool1"] = x
    if caffe:
        x = LocalResponseNormalization(name="pool1_norm1")(x)
    x = _convolution(x, 64, 1, "conv2_3x3_reduce", caffe)
    x = _convolution(x, 192, 3, "conv2_3x3", caffe)
    outputs["conv2"] = x
    if caffe:  # before pooling here, behind it above
        x = LocalResponseNormalization(name="conv2_norm2")(x)
    x = ceil_max_pooling(x, "pool2_3x3_s2")  # 28x28
    outputs["pool2"] = x
    for module, filters in _INCEPTION.items():
        x = inception(x, filters, f"inception_{module}", variant)
        outputs[f"inception_{module}"] = x
        if module == "3b":
            outputs["pool3"] = x = ceil_max_pooling(x, "pool3_3x3_s2")  # 14x14
        elif module == "4e":  # 7x7
            if caffe:
                x = ceil_max_pooling(x, "pool4_3x3_s2")
            else:
                x = keras.layers.MaxPooling2D(
                    2, padding="same", name="pool4_2x2_s2"
                )(x)
            outputs["pool4"] = x
    return outputs


def inception(
    x: keras.KerasTensor,
    filters: tuple[int, int, int, int, int, int],
    name: str,
    variant: str = "caffe",
) -> keras.KerasTensor:
    """Apply an inception module: three sizes of filters and a pooling at once.

    Args:
        x: Maps (B, height, width, channels).
        filters: Number of filters of the 1x1 convolution; of the 1x1 that
            reduces the input of the 3x3, and the 3x3; of the same two for the
            5x5; of the 1x1 that projects the maxima of 3x3 windows.
        name: Name of the module, and prefix of its layers' names.
        variant: "caffe", the paper's network, or "torchvision". Defaults to
            "caffe".

    Returns:
        Maps (B, height, width, sum of the four outputs' filters).

    Example:

    >>> maps = keras.Input((28, 28, 192))
    >>> inception(maps, (64, 96, 128, 16, 32, 32), "inception_3a").shape
    (None, 28, 28, 256)
    """
    caffe = variant == "caffe"
    one, three_reduce, three, five_reduce, five, projection = filters

    def convolve(x, filters, size, layer):
        return _convolution(x, filters, size, f"{name}_{layer}", caffe)

    branch1 = convolve(x, one, 1, "1x1")
    branch2 = convolve(x, three_reduce, 1, "3x3_reduce")
    branch2 = convolve(branch2, three, 3, "3x3")
    branch3 = convolve(x, five_reduce, 1, "5x5_reduce")
    branch3 = convolve(branch3, five, 5 if caffe else 3, "5x5")
    branch4 = keras.layers.MaxPooling2D(
        3, 1, padding="same", name=f"{name}_pool"
    )(x)
    branch4 = convolve(branch4, projection, 1, "pool_proj")
    return keras.layers.Concatenate(name=f"{name}_output")(
        [branch1, branch2, branch3, branch4]
    )


def _auxiliary_head(x, classes, caffe, name):
    if caffe:
        pool = keras.layers.AveragePooling2D(5, 3, name=f"{name}_ave_pool")
    else:
        pool = keras.layers.AdaptiveAveragePooling2D(4, name=f"{name}_ave_pool")
    x = pool(x)  # 4x4
    x = _convolution(x, 128, 1, f"{name}_conv", caffe)
    x = keras.layers.Flatten(name=f"{name}_flatten")(x)
    x = keras.layers.Dense(
        1024,
        activation="relu",
        kernel_initializer=_xavier(),
        bias_initializer=keras.initializers.Constant(0.2),
        name=f"{name}_fc",
    )(x)
    x = keras.layers.Dropout(0.7, name=f"{name}_drop_fc")(x)
    return keras.layers.Dense(
        classes, kernel_initializer=_xavier(), name=f"{name}_classifier"
    )(x)


def _convolution(x, filters, size, name, caffe, stride=1):
    options = {
        "strides": stride,
        "padding": "same" if stride == 1 else "valid",
        "kernel_initializer": _xavier(),
        "name": name,
    }
    if caffe:
        return keras.layers.Conv2D(
            filters,
            size,
            activation="relu",
            bias_initializer=keras.initializers.Constant(0.2),
            **options,
        )(x)
    x = keras.layers.Conv2D(filters, size, use_bias=False, **options)(x)
    x = keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-3, name=f"{name}_bn"
    )(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def _xavier():
    """Caffe's: U(-a, a) with a = sqrt(3 / fan_in)."""
    return keras.initializers.VarianceScaling(1.0, "fan_in", "uniform")
