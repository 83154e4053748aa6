"""ResNet-18 and 34 (He et al., arXiv:1512.03385, 2015).

They are made of blocks of two 3x3 convolutions. Layers have the names of
`kcv.classification.resnet_stages`.
"""

import os

import keras

from kcv.classification.resnet_stages import resnet_classifier


def ResNet18(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    shortcut: str | None = "B",
    frozen_batch_norm: bool = False,
    pool1: str = "padded",
    include_preprocessing: bool = True,
    name: str = "resnet18",
) -> keras.Model:
    """Build ResNet-18 of He et al. (2015).

    11,689,512 trainable parameters with the classifier, 11,515,688 with
    `shortcut="A"` or None.

    Args:
        include_top: Whether to add pool5, fc1000 and prob. Without it the
            network ends with the last residual block. Defaults to True.
        weights: Path of a file that `kcv.weights.load_weights` reads.
            torchvision has weights for ImageNet, keras.applications has none.
            If None, weights are random. Defaults to None.
        input_shape: Shape (height, width, 3) of the images. Defaults to (224,
            224, 3) with the classifier, and to any size without.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        shortcut: Shortcuts past the blocks. "B" has a projection with batch
            normalization where the shape changes (the released networks), "A"
            pads with zeros there and has no parameters, "C" has projections at
            every block, and None has no shortcuts: the paper's plain network.
            Defaults to "B".
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
        name: Name of the model. Defaults to "resnet18".

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to maps
        (B, ceil(height / 32), ceil(width / 32), 512).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `shortcut` or `pool1` is unknown, or if the weights do
            not fit.

    Example:

    >>> ResNet18(input_shape=(64, 64, 3), classes=10).output_shape
    (None, 10)
    """
    return resnet_classifier(
        18,
        include_top,
        weights,
        input_shape,
        classes,
        classifier_activation,
        include_preprocessing,
        name,
        shortcut=shortcut,
        frozen_batch_norm=frozen_batch_norm,
        pool1=pool1,
    )


def ResNet34(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    shortcut: str | None = "B",
    frozen_batch_norm: bool = False,
    pool1: str = "padded",
    include_preprocessing: bool = True,
    name: str = "resnet34",
) -> keras.Model:
    """Build ResNet-34 of He et al. (2015).

    21,797,672 trainable parameters with the classifier, 21,623,848 with
    `shortcut="A"` or None.

    Args:
        include_top: Whether to add pool5, fc1000 and prob. Without it the
            network ends with the last residual block. Defaults to True.
        weights: Pretrained weights: None for random ones, or the path of a file
            that `kcv.weights.load_weights` reads. torchvision has weights for
            ImageNet, keras.applications has none. Defaults to None.
        input_shape: Shape (height, width, 3) of the images. Defaults to (224,
            224, 3) with the classifier, and to any size without.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        shortcut: Shortcuts past the blocks. "B" has a projection with batch
            normalization where the shape changes (the released networks), "A"
            pads with zeros there and has no parameters, "C" has projections at
            every block, and None has no shortcuts: the paper's plain network.
            Defaults to "B".
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
        name: Name of the model. Defaults to "resnet34".

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to maps
        (B, ceil(height / 32), ceil(width / 32), 512).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `shortcut` or `pool1` is unknown, or if the weights do
            not fit.

    Example:

    >>> ResNet34(include_top=False).output_shape
    (None, None, None, 512)
    """
    return resnet_classifier(
        34,
        include_top,
        weights,
        input_shape,
        classes,
        classifier_activation,
        include_preprocessing,
        name,
        shortcut=shortcut,
        frozen_batch_norm=frozen_batch_norm,
        pool1=pool1,
    )
