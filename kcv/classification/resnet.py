"""ResNet-18, 34, 50 and 101 (He et al., arXiv:1512.03385, 2015).

Stages are the paper's conv2_x to conv5_x, with 64, 128, 256 and 512 filters
at strides 4, 8, 16 and 32. Layers have the names of He's released networks:
conv1, bn_conv1, res2a_branch2a, bn2a_branch2a, ..., res2a_branch1 (the
projection), res4f_branch2c (ResNet-50), res4b22_branch2c (ResNet-101, whose
stages 3 and 4 count where the others have letters), fc1000. Padding stands in
layers of its own: "same" padding of a strided convolution pads the bottom and
right only, where the paper's networks pad all sides.
"""

import os
from typing import Any

import keras

from kcv.classification.classifier import image_input
from kcv.classification.classifier import initialize
from kcv.classification.classifier import probabilities
from kcv.classification.preprocessing import VGG_MEAN
from kcv.classification.preprocessing import preprocess
from kcv.layers import IdentityShortcut
from kcv.layers import SymmetricPadding2D
from kcv.weights.reference import residual_block_name

# Residual blocks in the stages 2, 3, 4, 5.
_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
}
_BOTTLENECK = (50, 101)
_PADDINGS = {
    "zeros": keras.layers.ZeroPadding2D,
    "symmetric": SymmetricPadding2D,
}


def ResNet18(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    shortcut: str = "B",
    frozen_batch_norm: bool = False,
    include_preprocessing: bool = True,
    name: str = "resnet18",
) -> keras.Model:
    """Build ResNet-18 of He et al. (2015).

    11,689,512 trainable parameters with the classifier, 11,515,688 with
    `shortcut="A"`.

    Args:
        include_top: Whether to add pool5, fc1000 and prob. Without it the
            network ends with the last residual block. Defaults to True.
        weights: None, or a file that `kcv.weights.load_weights` takes:
            torchvision has weights for ImageNet, keras.applications has none.
        input_shape: Shape (height, width, 3) of the images. Defaults to (224,
            224, 3) with the classifier, and to any size without.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        shortcut: Past a block that changes the shape: "B", a projection with
            batch normalization (the released networks), or "A", the paper's
            option without parameters, see `kcv.layers.IdentityShortcut`.
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        include_preprocessing: Whether the model takes RGB in 0..255 and
            subtracts the mean (123.68, 116.779, 103.939) in a first layer,
            "preprocessing". False for images that are prepared already.
            Defaults to True.
        name: Name of the model.

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to maps
        (B, ceil(height / 32), ceil(width / 32), 512).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `shortcut` is neither, or if the weights do not fit.

    Example:

    >>> ResNet18(input_shape=(64, 64, 3), classes=10).output_shape
    (None, 10)
    """
    return _resnet(
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
    )


def ResNet34(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    shortcut: str = "B",
    frozen_batch_norm: bool = False,
    include_preprocessing: bool = True,
    name: str = "resnet34",
) -> keras.Model:
    """Build ResNet-34 of He et al. (2015).

    21,797,672 trainable parameters with the classifier, 21,623,848 with
    `shortcut="A"`.

    Args:
        include_top: Whether to add pool5, fc1000 and prob. Without it the
            network ends with the last residual block. Defaults to True.
        weights: Pretrained weights: None for random ones, or a file that
            `kcv.weights.load_weights` takes. torchvision has weights for
            ImageNet, keras.applications has none. Defaults to None.
        input_shape: Shape (height, width, 3) of the images. Defaults to (224,
            224, 3) with the classifier, and to any size without.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        shortcut: Shortcut past a block that changes the shape: "B", a
            projection with batch normalization (the released networks), or "A",
            the paper's option without parameters, see
            `kcv.layers.IdentityShortcut`. Defaults to "B".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        include_preprocessing: Whether the model takes RGB in 0..255 and
            subtracts the mean (123.68, 116.779, 103.939) in a first layer,
            "preprocessing". False for images that are prepared already.
            Defaults to True.
        name: Name of the model.

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to maps
        (B, ceil(height / 32), ceil(width / 32), 512).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `shortcut` is neither, or if the weights do not fit.

    Example:

    >>> ResNet34(include_top=False).output_shape
    (None, None, None, 512)
    """
    return _resnet(
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
    )


def ResNet50(
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    stride_in: str = "1x1",
    frozen_batch_norm: bool = False,
    conv1_bias: bool = False,
    include_preprocessing: bool = True,
    name: str = "resnet50",
) -> keras.Model:
    """Build ResNet-50 of He et al. (2015).

    25,557,032 trainable parameters with the classifier.

    Args:
        include_top: Whether to add pool5, fc1000 and prob. Without it the
            network ends with the last residual block.
        weights: None for random ones; "imagenet" for those of
            keras.applications (a download, `stride_in="1x1"`); or a file that
            `kcv.weights.load_weights` takes.
        input_shape: (height, width, 3); (224, 224, 3) by default with the
            classifier, any size without. None is a free size.
        classes: Number of classes. Defaults to 1000.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        stride_in: The convolution of the first block of the stages 3 to 5
            that has stride 2: "1x1", the first one (the paper, Caffe,
            keras.applications), or "3x3" (torchvision, "v1.5"). Weights of
            one give wrong outputs in the other.
        frozen_batch_norm: Whether batch normalization is constant: neither
            its scale and shift nor its statistics train. For fine-tuning with
            few images per step.
        conv1_bias: Whether conv1 has a bias, as in He's released ResNet-50
            alone: 64 parameters that normalization takes out again.
        include_preprocessing: Whether the model takes RGB in 0..255 and
            subtracts the mean (123.68, 116.779, 103.939) in a first layer,
            "preprocessing". False for images that are prepared already.
            Defaults to True.
        name: Name of the model.

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to maps (B, ceil(height / 32), ceil(width
        / 32), 2048).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `stride_in` is neither, or if the weights do not fit.

    Example:

    >>> ResNet50(include_top=False, stride_in="3x3").output_shape
    (None, None, None, 2048)
    """
    return _resnet(
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
            `stride_in="1x1"`, or a file that `kcv.weights.load_weights` takes.
            Defaults to None.
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
        include_preprocessing: Whether the model takes RGB in 0..255 and
            subtracts the mean (123.68, 116.779, 103.939) in a first layer,
            "preprocessing". False for images that are prepared already.
            Defaults to True.
        name: Name of the model.

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to maps
        (B, ceil(height / 32), ceil(width / 32), 2048).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `stride_in` is neither, or if the weights do not fit.

    Example:

    >>> model = ResNet101(include_top=False)
    >>> model.get_layer("res4b22_branch2c").output.shape
    (None, None, None, 1024)
    """
    return _resnet(
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
    )


def resnet_trunk(
    x: keras.KerasTensor,
    depth: int,
    through: int = 5,
    stride_in: str = "1x1",
    shortcut: str = "B",
    frozen_batch_norm: bool = False,
    conv1_bias: bool = False,
    padding: str = "zeros",
) -> keras.KerasTensor:
    """Apply a ResNet from conv1 through a stage.

    Args:
        x: Images (B, height, width, channels) less the mean.
        depth: 18, 34, 50 or 101.
        through: The last stage, 2 to 5. A detector takes 4 (stride 16).
        stride_in: The convolution of the first block of the stages 3 to 5 that
            has stride 2: "1x1", the first one (the paper, Caffe,
            keras.applications), or "3x3" (torchvision, "v1.5"). Weights of one
            give wrong outputs in the other. Defaults to "1x1".
        shortcut: Shortcut past a block that changes the shape: "B", a
            projection with batch normalization (the released networks), or "A",
            the paper's option without parameters, see
            `kcv.layers.IdentityShortcut`. Defaults to "B".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        conv1_bias: Whether conv1 has a bias, as in He's released ResNet-50.
            Defaults to False.
        padding: What surrounds the maps in front of 3x3 and 7x7 convolutions:
            "zeros", or "symmetric" for their own reflection, see
            `kcv.layers.SymmetricPadding2D`. Defaults to "zeros".

    Returns:
        The maps of the last stage, after its ReLU, at stride 2 ** through.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    >>> images = keras.Input((None, None, 3))
    >>> resnet_trunk(images, 50, through=4).shape
    (None, None, None, 1024)
    """
    return resnet_levels(
        x,
        depth,
        through,
        stride_in,
        shortcut,
        frozen_batch_norm,
        conv1_bias,
        padding,
    )[-1]


def resnet_levels(
    x: keras.KerasTensor,
    depth: int,
    through: int = 5,
    stride_in: str = "1x1",
    shortcut: str = "B",
    frozen_batch_norm: bool = False,
    conv1_bias: bool = False,
    padding: str = "zeros",
) -> list[keras.KerasTensor]:
    """Apply a ResNet from conv1 through a stage and return each level.

    Args:
        x: Images (B, height, width, channels) less the mean.
        depth: 18, 34, 50 or 101.
        through: The last stage, 2 to 5. Defaults to 5.
        stride_in: The convolution of the first block of the stages 3 to 5 that
            has stride 2: "1x1", the first one, or "3x3". Defaults to "1x1".
        shortcut: Shortcut past a block that changes the shape: "B", a
            projection with batch normalization, or "A", the paper's option
            without parameters. Defaults to "B".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. Defaults to False.
        conv1_bias: Whether conv1 has a bias, as in He's released ResNet-50.
            Defaults to False.
        padding: What surrounds the maps in front of 3x3 and 7x7 convolutions:
            "zeros", or "symmetric" for their own reflection, see
            `kcv.layers.SymmetricPadding2D`. Defaults to "zeros".

    Returns:
        The maps of conv1 and of every stage, each after its ReLU: strides 2,
        4, 8 and so on.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    >>> levels = resnet_levels(keras.Input((64, 64, 3)), 18, through=3)
    >>> [level.shape[1:] for level in levels]
    [(32, 32, 64), (16, 16, 64), (8, 8, 128)]
    """
    if through not in (2, 3, 4, 5):
        raise ValueError(f"through must be 2 to 5, received {through}.")
    x = convolution(x, 64, 7, 2, "conv1", conv1_bias, padding)
    x = batch_norm(x, "bn_conv1", frozen_batch_norm)
    x = keras.layers.ReLU(name="conv1_relu")(x)  # stride 2
    levels = [x]
    # After a ReLU zeros never win over a map's own values.
    x = keras.layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = keras.layers.MaxPooling2D(3, 2, name="pool1")(x)  # stride 4
    for stage in range(2, through + 1):
        x = resnet_stage(
            x,
            depth,
            stage,
            stride_in=stride_in,
            shortcut=shortcut,
            frozen_batch_norm=frozen_batch_norm,
            padding=padding,
        )
        levels.append(x)
    return levels


def resnet_stage(
    x: keras.KerasTensor,
    depth: int,
    stage: int,
    stride: int | None = None,
    stride_in: str = "1x1",
    shortcut: str = "B",
    frozen_batch_norm: bool = False,
    padding: str = "zeros",
) -> keras.KerasTensor:
    """Apply one stage, conv<stage>_x, of a ResNet.

    Args:
        x: The maps of the stage before, (B, height, width, channels). A
            detector applies stage 5 to every region, (B, 14, 14, 1024).
        depth: 18, 34, 50 or 101.
        stage: 2 to 5.
        stride: Of the first block; None is the paper's: 1 in stage 2, else 2.
        stride_in: The convolution of the first block of the stages 3 to 5 that
            has stride 2: "1x1", the first one (the paper, Caffe,
            keras.applications), or "3x3" (torchvision, "v1.5"). Weights of one
            give wrong outputs in the other. Defaults to "1x1".
        shortcut: Shortcut past a block that changes the shape: "B", a
            projection with batch normalization (the released networks), or "A",
            the paper's option without parameters, see
            `kcv.layers.IdentityShortcut`. Defaults to "B".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        padding: What surrounds the maps in front of 3x3 and 7x7 convolutions:
            "zeros", or "symmetric" for their own reflection, see
            `kcv.layers.SymmetricPadding2D`. Defaults to "zeros".

    Returns:
        Maps (B, ceil(height / stride), ceil(width / stride), channels) with
        64 * 2 ** (stage - 2) channels, four times as many from depth 50 on.

    Raises:
        ValueError: If an argument is none of these.

    Example:

    >>> regions = keras.Input((14, 14, 1024))
    >>> resnet_stage(regions, 50, stage=5).shape
    (None, 7, 7, 2048)
    """
    if depth not in _BLOCKS:
        raise ValueError(f"depth must be one of {[*_BLOCKS]}, got {depth}.")
    if stage not in (2, 3, 4, 5):
        raise ValueError(f"stage must be 2 to 5, received {stage}.")
    if stride_in not in ("1x1", "3x3"):
        raise ValueError(
            f'stride_in must be "1x1" or "3x3", received {stride_in!r}.'
        )
    if stride is None:
        stride = 1 if stage == 2 else 2
    filters = 64 * 2 ** (stage - 2)
    for block in range(_BLOCKS[depth][stage - 2]):
        options: dict[str, Any] = {
            "stride": stride if block == 0 else 1,
            "name": residual_block_name(stage, block, _BLOCKS[depth]),
            "shortcut": shortcut,
            "frozen_batch_norm": frozen_batch_norm,
            "padding": padding,
        }
        if depth in _BOTTLENECK:
            x = bottleneck_block(x, filters, stride_in=stride_in, **options)
        else:
            x = basic_block(x, filters, **options)
    return x


def basic_block(
    x: keras.KerasTensor,
    filters: int,
    stride: int = 1,
    name: str = "2a",
    shortcut: str = "B",
    frozen_batch_norm: bool = False,
    padding: str = "zeros",
) -> keras.KerasTensor:
    """Apply a residual block of two 3x3 convolutions.

    Args:
        x: Maps (B, height, width, channels).
        filters: Channels of the block's output.
        stride: Of the first convolution and of the projection.
        name: Stage and block, "2a".
        shortcut: Shortcut past a block that changes the shape: "B", a
            projection with batch normalization (the released networks), or "A",
            the paper's option without parameters, see
            `kcv.layers.IdentityShortcut`. Defaults to "B".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        padding: What surrounds the maps in front of 3x3 and 7x7 convolutions:
            "zeros", or "symmetric" for their own reflection, see
            `kcv.layers.SymmetricPadding2D`. Defaults to "zeros".

    Returns:
        Maps (B, ceil(height / stride), ceil(width / stride), filters).

    Example:

    >>> basic_block(keras.Input((8, 8, 64)), 128, stride=2, name="3a").shape
    (None, 4, 4, 128)
    """
    past = _shortcut(x, filters, stride, name, shortcut, frozen_batch_norm)
    for branch, branch_stride in (("2a", stride), ("2b", 1)):
        address = f"{name}_branch{branch}"
        x = convolution(
            x, filters, 3, branch_stride, f"res{address}", padding=padding
        )
        x = batch_norm(x, f"bn{address}", frozen_batch_norm)
        if branch == "2a":
            x = keras.layers.ReLU(name=f"res{address}_relu")(x)
    return _merge(x, past, name)


def bottleneck_block(
    x: keras.KerasTensor,
    filters: int,
    stride: int = 1,
    name: str = "2a",
    stride_in: str = "1x1",
    shortcut: str = "B",
    frozen_batch_norm: bool = False,
    padding: str = "zeros",
) -> keras.KerasTensor:
    """Apply a residual block of a 1x1, a 3x3 and a widening 1x1 convolution.

    Args:
        x: Maps (B, height, width, channels).
        filters: Channels of the first two; the output has four times as many.
        stride: Of the convolution that `stride_in` names and the projection.
        name: Stage and block, "2a".
        stride_in: The convolution that has the stride: "1x1", the first one, or
            "3x3". Defaults to "1x1".
        shortcut: Shortcut past a block that changes the shape: "B", a
            projection with batch normalization (the released networks), or "A",
            the paper's option without parameters, see
            `kcv.layers.IdentityShortcut`. Defaults to "B".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        padding: What surrounds the maps in front of 3x3 and 7x7 convolutions:
            "zeros", or "symmetric" for their own reflection, see
            `kcv.layers.SymmetricPadding2D`. Defaults to "zeros".

    Returns:
        Maps (B, ceil(height / stride), ceil(width / stride), 4 * filters).

    Example:

    >>> bottleneck_block(keras.Input((8, 8, 256)), 64).shape
    (None, 8, 8, 256)
    """
    past = _shortcut(x, 4 * filters, stride, name, shortcut, frozen_batch_norm)
    for branch, width, size, branch_stride in (
        ("2a", filters, 1, stride if stride_in == "1x1" else 1),
        ("2b", filters, 3, stride if stride_in == "3x3" else 1),
        ("2c", 4 * filters, 1, 1),
    ):
        address = f"{name}_branch{branch}"
        x = convolution(
            x, width, size, branch_stride, f"res{address}", padding=padding
        )
        x = batch_norm(x, f"bn{address}", frozen_batch_norm)
        if branch != "2c":
            x = keras.layers.ReLU(name=f"res{address}_relu")(x)
    return _merge(x, past, name)


def convolution(
    x: keras.KerasTensor,
    filters: int,
    size: int,
    stride: int,
    name: str,
    use_bias: bool = False,
    padding: str = "zeros",
) -> keras.KerasTensor:
    """Apply a convolution in front of a batch normalization.

    Args:
        x: Maps (B, height, width, channels).
        filters: Channels of the output.
        size: Side of the filters. Those of more than one pixel are padded on
            all sides.
        stride: Of the convolution.
        name: Of the layer; the padding in front is `<name>_pad`.
        use_bias: Whether there is a bias, which normalization has one for.
        padding: What surrounds the maps in front of 3x3 and 7x7 convolutions:
            "zeros", or "symmetric" for their own reflection, see
            `kcv.layers.SymmetricPadding2D`. Defaults to "zeros".

    Returns:
        Maps with that many filters, before normalization.

    Raises:
        ValueError: If `padding` is neither.
    """
    if padding not in _PADDINGS:
        raise ValueError(
            f"`padding` must be one of {[*_PADDINGS]}. Received: "
            f"padding={padding!r}"
        )
    # "same" padding of stride 1 is the same as zeros on all sides.
    is_same = size == 3 and stride == 1 and padding == "zeros"
    if size > 1 and not is_same:
        pad = _PADDINGS[padding]
        x = pad(size // 2, name=f"{name}_pad")(x)
    return keras.layers.Conv2D(
        filters,
        size,
        stride,
        padding="same" if is_same else "valid",
        use_bias=use_bias,
        # MSRA: N(0, 2 / fan_out) keeps the gradients' variance.
        kernel_initializer=keras.initializers.VarianceScaling(
            2.0, "fan_out", "untruncated_normal"
        ),
        name=name,
    )(x)


def batch_norm(
    x: keras.KerasTensor, name: str, frozen: bool
) -> keras.KerasTensor:
    """Apply the batch normalization of the ResNets.

    Args:
        x: Maps (B, height, width, channels).
        name: Of the layer.
        frozen: Whether neither scale and shift nor statistics train.

    Returns:
        Maps of the same shape.
    """
    return keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, trainable=not frozen, name=name
    )(x)


def _shortcut(x, filters, stride, name, option, frozen_batch_norm):
    """Add the shortcut past a block, the input itself if shapes agree."""
    if option not in ("A", "B"):
        raise ValueError(f'shortcut must be "A" or "B", received {option!r}.')
    if stride == 1 and x.shape[-1] == filters:
        return x
    if option == "A":
        return IdentityShortcut(filters, stride, name=f"res{name}_branch1")(x)
    x = convolution(x, filters, 1, stride, f"res{name}_branch1")
    return batch_norm(x, f"bn{name}_branch1", frozen_batch_norm)


def _merge(x, past, name):
    x = keras.layers.Add(name=f"res{name}")([past, x])
    return keras.layers.ReLU(name=f"res{name}_relu")(x)


def _resnet(
    depth,
    include_top,
    weights,
    input_shape,
    classes,
    classifier_activation,
    include_preprocessing,
    name,
    **options,
):
    images = image_input(input_shape, include_top)
    x = preprocess(images, include_preprocessing, VGG_MEAN)
    x = resnet_trunk(x, depth, **options)
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="pool5")(x)
        x = probabilities(x, classes, classifier_activation, "fc1000")
    model = keras.Model(images, x, name=name)
    return initialize(model, weights, () if include_top else ("fc1000",))
