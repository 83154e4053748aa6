"""VGG-11, VGG-16 and VGG-19 (Simonyan and Zisserman, arXiv:1409.1556, 2014).

Legend: B images, convolutions conv<block>_<number>, all 3x3 with stride 1 and
ReLU. Every block ends with a 2x2 max pooling of stride 2. Configurations A, D
and E of the paper are available, B (VGG-13) and C (1x1 convolutions) are not.
"""

import os
from collections.abc import Sequence

import keras

from kcv.classification.classifier import image_input
from kcv.classification.classifier import initialize
from kcv.classification.classifier import probabilities
from kcv.classification.classifier import require_size
from kcv.classification.preprocessing import VGG_MEAN
from kcv.classification.preprocessing import preprocess
from kcv.training.image_model import image_model

#: Convolutions per block in the paper's configurations A, D and E.
CONFIG_A = (1, 1, 2, 2, 2)
CONFIG_D = (2, 2, 3, 3, 3)
CONFIG_E = (2, 2, 4, 4, 4)

_FILTERS = (64, 128, 256, 512, 512)
_TOP = ("fc6", "fc7", "fc8")


def VGG11(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    batch_norm: bool = False,
    include_preprocessing: bool = True,
    name: str = "vgg11",
) -> keras.Model:
    """Build VGG-11, configuration A of Simonyan and Zisserman (2014).

    The network has 132,863,336 parameters with the classifier, and 9,220,480
    without. The paper trains it first, and initializes the first convolutions
    and the dense layers of the deeper networks with its weights.

    Weights of convolutions start as N(0, 2 / fan_out). The paper draws those of
    VGG-11 from N(0, 0.01) and starts deeper networks from the trained VGG-11.

    Args:
        include_top: Whether to add the classifier fc6, fc7, fc8, prob. Without
            it the network ends with pool5. Defaults to True.
        weights: Path of a file that `kcv.weights.load_weights` reads.
            torchvision has weights for ImageNet, keras.applications has none.
            If None, weights are random. Defaults to None.
        input_shape: Shape (height, width, 3) of the images. Defaults to (224,
            224, 3) with the classifier, and to any size without.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. If None, the model
            returns logits. Defaults to "softmax".
        batch_norm: Whether batch normalization stands between every convolution
            and its ReLU, as in torchvision's networks of this name with "_bn".
            The paper has none. Defaults to False.
        include_preprocessing: Whether the model takes RGB in 0..255 and
            subtracts the mean (123.68, 116.779, 103.939) in a first layer,
            "preprocessing". False for images that are prepared already.
            Defaults to True.
        name: Name of the model. Defaults to "vgg11".

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to pool5
        (B, ceil(height / 32), ceil(width / 32), 512).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If the classifier has no fixed input size, or if weights
            do not fit.

    Example:

    >>> VGG11(include_top=False).count_params()
    9220480
    """
    return _vgg(
        CONFIG_A,
        include_top,
        weights,
        input_shape,
        classes,
        classifier_activation,
        batch_norm,
        include_preprocessing,
        name,
    )


def VGG16(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    batch_norm: bool = False,
    include_preprocessing: bool = True,
    name: str = "vgg16",
    mean: Sequence[float] = VGG_MEAN,
) -> keras.Model:
    """Build VGG-16, configuration D of Simonyan and Zisserman (2014).

    The network has 138,357,544 parameters with the classifier, and 14,714,688
    without. The layers have the names of the authors' Caffe model. With the
    policy "mixed_bfloat16" it computes in bfloat16 and returns float32.

    Weights of convolutions start as N(0, 2 / fan_out). The paper draws those of
    VGG-11 from N(0, 0.01) and starts deeper networks from the trained VGG-11.

    Args:
        include_top: Whether to add the classifier fc6, fc7, fc8, prob. Without
            it the network ends with pool5. Defaults to True.
        weights: "imagenet" for the weights of keras.applications, which are
            downloaded, or the path of a file that `kcv.weights.load_weights`
            reads. If None, weights are random. Defaults to None.
        input_shape: Shape (height, width, 3) of the images. Defaults to (224,
            224, 3) with the classifier, and to any size without.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. If None, the model
            returns logits. Defaults to "softmax".
        batch_norm: Whether batch normalization stands between every convolution
            and its ReLU, as in torchvision's `vgg16_bn`: 8,448 trainable
            parameters more. The paper has none. Defaults to False.
        include_preprocessing: Whether the model takes RGB in 0..255 and
            subtracts `mean` in a first layer, "preprocessing". False for
            images that are prepared already. Defaults to True.
        name: Name of the model. Defaults to "vgg16".
        mean: Mean of the training images that "preprocessing" subtracts, RGB
            in 0..255. Three numbers. The published VGG-Face, for which
            `weights` is its .caffemodel file and `classes` is 2622, needs
            `kcv.weights.VGG_FACE_MEAN`. Defaults to ImageNet's, (123.68,
            116.779, 103.939).

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to pool5 (B, ceil(height / 32),
        ceil(width / 32), 512).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If the classifier has no fixed input size, or if weights
            do not fit.

    Example:

    >>> import numpy as np
    >>> trunk = VGG16(include_top=False)
    >>> trunk.predict(np.zeros((1, 64, 96, 3)), verbose=0).shape
    (1, 2, 3, 512)
    """
    return _vgg(
        CONFIG_D,
        include_top,
        weights,
        input_shape,
        classes,
        classifier_activation,
        batch_norm,
        include_preprocessing,
        name,
        mean,
    )


def VGG19(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    batch_norm: bool = False,
    include_preprocessing: bool = True,
    name: str = "vgg19",
) -> keras.Model:
    """Build VGG-19, configuration E of Simonyan and Zisserman (2014).

    The network has 143,667,240 parameters with the classifier, and 20,024,384
    without. Blocks 3 to 5 have four convolutions.

    Weights of convolutions start as N(0, 2 / fan_out). The paper draws those of
    VGG-11 from N(0, 0.01) and starts deeper networks from the trained VGG-11.

    Args:
        include_top: Whether to add the classifier fc6, fc7, fc8, prob. Without
            it the network ends with pool5. Defaults to True.
        weights: "imagenet" for the weights of keras.applications, which are
            downloaded, or the path of a file that `kcv.weights.load_weights`
            reads. If None, weights are random. Defaults to None.
        input_shape: Shape (height, width, 3) of the images. Defaults to (224,
            224, 3) with the classifier, and to any size without.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. If None, the model
            returns logits. Defaults to "softmax".
        batch_norm: Whether batch normalization stands between every convolution
            and its ReLU, as in torchvision's networks of this name with "_bn".
            The paper has none. Defaults to False.
        include_preprocessing: Whether the model takes RGB in 0..255 and
            subtracts the mean (123.68, 116.779, 103.939) in a first layer,
            "preprocessing". False for images that are prepared already.
            Defaults to True.
        name: Name of the model. Defaults to "vgg19".

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to pool5
        (B, ceil(height / 32), ceil(width / 32), 512).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If the classifier has no fixed input size, or if weights
            do not fit.

    Example:

    >>> trunk = VGG19(include_top=False)
    >>> trunk.get_layer("conv5_4").output.shape
    (None, None, None, 512)
    """
    return _vgg(
        CONFIG_E,
        include_top,
        weights,
        input_shape,
        classes,
        classifier_activation,
        batch_norm,
        include_preprocessing,
        name,
    )


def vgg_trunk(
    x: keras.KerasTensor,
    convolutions: Sequence[int] = CONFIG_D,
    batch_norm: bool = False,
) -> dict[str, keras.KerasTensor]:
    """Apply the convolutional part of a VGG.

    A detector uses "conv5_3" (stride 16), a segmentation network "pool3",
    "pool4" and "pool5". Layers that no output depends on do not become part of
    the model.

    Args:
        x: Images (B, height, width, channels) less the mean.
        convolutions: Number of convolutions of each of the five blocks.
            Defaults to `CONFIG_D`.
        batch_norm: Whether batch normalization bn<block>_<number> stands
            between every convolution and its ReLU. Defaults to False.

    Returns:
        The output of every layer, after its ReLU, by name. Pooling rounds sizes
        up, as Caffe does: for an image of 375 rows, conv5_3 has 24.

    Example:

    >>> images = keras.Input((None, None, 3))
    >>> trunk = keras.Model(images, vgg_trunk(images)["conv5_3"])
    >>> trunk.count_params()
    14714688
    """
    outputs = {}
    for block, (count, filters) in enumerate(
        zip(convolutions, _FILTERS, strict=True), start=1
    ):
        for number in range(1, count + 1):
            layer = f"conv{block}_{number}"
            x = keras.layers.Conv2D(
                filters,
                3,
                padding="same",
                activation=None if batch_norm else "relu",
                # MSRA: N(0, 2 / fan_out) keeps the gradients' variance.
                kernel_initializer=keras.initializers.VarianceScaling(
                    2.0, "fan_out", "untruncated_normal"
                ),
                name=layer,
            )(x)
            if batch_norm:
                place = f"{block}_{number}"
                x = keras.layers.BatchNormalization(
                    momentum=0.9, epsilon=1e-5, name=f"bn{place}"
                )(x)
                x = keras.layers.ReLU(name=f"relu{place}")(x)
            outputs[layer] = x
        x = keras.layers.MaxPooling2D(2, padding="same", name=f"pool{block}")(x)
        outputs[f"pool{block}"] = x
    return outputs


def vgg_head(x: keras.KerasTensor, dropout: float = 0.5) -> keras.KerasTensor:
    """Apply fc6 and fc7 with ReLU and dropout, 4096 units each.

    Args:
        x: Maps of fixed size, (B, 7, 7, 512) for published weights.
        dropout: Probability with which a unit is dropped in training. Defaults
            to 0.5.

    Returns:
        Features (B, 4096).

    Example:

    >>> regions = keras.Input((7, 7, 512))
    >>> keras.Model(regions, vgg_head(regions)).output_shape
    (None, 4096)
    """
    x = keras.layers.Flatten(name="flatten")(x)  # (B, 7 * 7 * 512)
    for number in (6, 7):
        x = keras.layers.Dense(
            4096,
            activation="relu",
            kernel_initializer=_dense_initializer(),
            name=f"fc{number}",
        )(x)
        x = keras.layers.Dropout(dropout, name=f"drop{number}")(x)
    return x


def _vgg(
    convolutions,
    include_top,
    weights,
    input_shape,
    classes,
    classifier_activation,
    batch_norm,
    include_preprocessing,
    name,
    mean=VGG_MEAN,
):
    images = image_input(input_shape, include_top)
    if include_top:
        require_size(images, name, "fc6")
    x = preprocess(images, include_preprocessing, mean)
    x = vgg_trunk(x, convolutions, batch_norm)["pool5"]
    if include_top:
        x = probabilities(
            vgg_head(x),
            classes,
            classifier_activation,
            "fc8",
            _dense_initializer(),
        )
    model = image_model(images, x, name, include_preprocessing)
    return initialize(model, weights, () if include_top else _TOP)


def _dense_initializer():
    return keras.initializers.RandomNormal(stddev=0.01)  # As in the paper.
