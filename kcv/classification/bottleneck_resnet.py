"""ResNet-50, 101 and 152 (He et al., arXiv:1512.03385, 2015).

They are made of blocks of a 1x1, a 3x3 and a 1x1 convolution. Layers have the
names of He's released networks, see `kcv.classification.resnet_stages`.
"""

import os

import keras

from kcv.classification.resnet_stages import resnet_classifier


def ResNet50(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    stride_in: str = "1x1",
    frozen_batch_norm: bool = False,
    conv1_bias: bool = False,
    pool1: str = "padded",
    include_preprocessing: bool = True,
    name: str = "resnet50",
) -> keras.Model:
    """Build ResNet-50 of He et al. (2015).

    25,557,032 trainable parameters with the classifier.

    Args:
        include_top: Whether to add pool5, fc1000 and prob. Without it the
            network ends with the last residual block. Defaults to True.
        weights: "imagenet" for the weights of keras.applications, which are
            downloaded and need `stride_in="1x1"`, or the path of a file that
            `kcv.weights.load_weights` reads. If None, weights are random.
            Defaults to None.
        input_shape: (height, width, 3); (224, 224, 3) by default with the
            classifier, any size without. None is a free size.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        stride_in: The convolution of the first block of the stages 3 to 5 that
            has stride 2: "1x1", the first one (the paper, Caffe,
            keras.applications), or "3x3" (torchvision, "v1.5"). Weights of one
            give wrong outputs in the other. Defaults to "1x1".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        conv1_bias: Whether conv1 has a bias, as in He's released ResNet-50
            alone: 64 parameters that normalization takes out again. Defaults to
            False.
        pool1: Pooling behind conv1. "padded" has a border of one zero on every
            side (torchvision, keras.applications). "ceil" has none and rounds
            sizes up (He's code and released networks). Weights of one give
            wrong outputs in the other. Defaults to "padded".
        include_preprocessing: Whether the model takes RGB in 0..255 and
            subtracts the mean (123.68, 116.779, 103.939) in a first layer,
            "preprocessing". False for images that are prepared already.
            Defaults to True.
        name: Name of the model. Defaults to "resnet50".

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to maps (B, ceil(height / 32), ceil(width
        / 32), 2048).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `stride_in` or `pool1` is unknown, or if the weights do
            not fit.

    Example:

    >>> ResNet50(include_top=False, stride_in="3x3").output_shape
    (None, None, None, 2048)
    """
    return resnet_classifier(
        50,
        include_top,
        weights,
        input_shape,
        classes,
        classifier_activation,
        include_preprocessing,
        name,
        stride_in=stride_in,
        frozen_batch_norm=frozen_batch_norm,
        pool1=pool1,
        conv1_bias=conv1_bias,
    )


def ResNet101(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    stride_in: str = "1x1",
    frozen_batch_norm: bool = False,
    pool1: str = "padded",
    include_preprocessing: bool = True,
    name: str = "resnet101",
) -> keras.Model:
    """Build ResNet-101 of He et al. (2015).

    44,549,160 trainable parameters with the classifier.

    Args:
        include_top: Whether to add pool5, fc1000 and prob. Without it the
            network ends with the last residual block. Defaults to True.
        weights: Pretrained weights: None for random ones, "imagenet" for those
            of keras.applications, which are downloaded and need
            `stride_in="1x1"`, or the path of a file that
            `kcv.weights.load_weights` reads. Defaults to None.
        input_shape: Shape (height, width, 3) of the images. Defaults to (224,
            224, 3) with the classifier, and to any size without.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        stride_in: The convolution of the first block of the stages 3 to 5 that
            has stride 2: "1x1", the first one (the paper, Caffe,
            keras.applications), or "3x3" (torchvision, "v1.5"). Weights of one
            give wrong outputs in the other. Defaults to "1x1".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        pool1: Pooling behind conv1. "padded" has a border of one zero on every
            side (torchvision, keras.applications). "ceil" has none and rounds
            sizes up (He's code and released networks). Weights of one give
            wrong outputs in the other. Defaults to "padded".
        include_preprocessing: Whether the model takes RGB in 0..255 and
            subtracts the mean (123.68, 116.779, 103.939) in a first layer,
            "preprocessing". False for images that are prepared already.
            Defaults to True.
        name: Name of the model. Defaults to "resnet101".

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to maps
        (B, ceil(height / 32), ceil(width / 32), 2048).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `stride_in` or `pool1` is unknown, or if the weights do
            not fit.

    Example:

    >>> model = ResNet101(include_top=False)
    >>> model.get_layer("res4b22_branch2c").output.shape
    (None, None, None, 1024)
    """
    return resnet_classifier(
        101,
        include_top,
        weights,
        input_shape,
        classes,
        classifier_activation,
        include_preprocessing,
        name,
        stride_in=stride_in,
        frozen_batch_norm=frozen_batch_norm,
        pool1=pool1,
    )


def ResNet152(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    stride_in: str = "1x1",
    frozen_batch_norm: bool = False,
    pool1: str = "padded",
    include_preprocessing: bool = True,
    name: str = "resnet152",
) -> keras.Model:
    """Build ResNet-152 of He et al. (2015).

    60,192,808 trainable parameters with the classifier.

    Args:
        include_top: Whether to add pool5, fc1000 and prob. Without it the
            network ends with the last residual block. Defaults to True.
        weights: Pretrained weights: None for random ones, "imagenet" for those
            of keras.applications, which are downloaded and need
            `stride_in="1x1"`, or the path of a file that
            `kcv.weights.load_weights` reads. Defaults to None.
        input_shape: Shape (height, width, 3) of the images. Defaults to (224,
            224, 3) with the classifier, and to any size without.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        stride_in: The convolution of the first block of the stages 3 to 5 that
            has stride 2: "1x1", the first one (the paper, Caffe,
            keras.applications), or "3x3" (torchvision, "v1.5"). Weights of one
            give wrong outputs in the other. Defaults to "1x1".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        pool1: Pooling behind conv1. "padded" has a border of one zero on every
            side (torchvision, keras.applications). "ceil" has none and rounds
            sizes up (He's code and released networks). Weights of one give
            wrong outputs in the other. Defaults to "padded".
        include_preprocessing: Whether the model takes RGB in 0..255 and
            subtracts the mean (123.68, 116.779, 103.939) in a first layer,
            "preprocessing". False for images that are prepared already.
            Defaults to True.
        name: Name of the model. Defaults to "resnet152".

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to maps
        (B, ceil(height / 32), ceil(width / 32), 2048).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `stride_in` or `pool1` is unknown, or if the weights do
            not fit.

    Example:

    >>> model = ResNet152(include_top=False)
    >>> model.get_layer("res4b35_branch2c").output.shape
    (None, None, None, 1024)
    """
    return resnet_classifier(
        152,
        include_top,
        weights,
        input_shape,
        classes,
        classifier_activation,
        include_preprocessing,
        name,
        stride_in=stride_in,
        frozen_batch_norm=frozen_batch_norm,
        pool1=pool1,
    )
