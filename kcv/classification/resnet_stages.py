"""The stages of the ResNets for ImageNet (He et al., arXiv:1512.03385, 2015).

Stages are the paper's conv2_x to conv5_x, with 64, 128, 256 and 512 filters
at strides 4, 8, 16 and 32. Layers have the names of He's released networks:
conv1, bn_conv1, res2a_branch2a, bn2a_branch2a, ..., res2a_branch1 (the
projection), res4f_branch2c (ResNet-50), res4b22_branch2c (ResNet-101, whose
stages 3 and 4 count where the others have letters).
"""

import os
from typing import Any

import keras

from kcv.classification.classifier import image_input
from kcv.classification.classifier import initialize
from kcv.classification.classifier import probabilities
from kcv.classification.pooling import ceil_max_pooling
from kcv.classification.preprocessing import VGG_MEAN
from kcv.classification.preprocessing import preprocess
from kcv.classification.residual_blocks import basic_block
from kcv.classification.residual_blocks import batch_norm
from kcv.classification.residual_blocks import bottleneck_block
from kcv.classification.residual_blocks import convolution
from kcv.training.image_model import image_model
from kcv.weights.reference import residual_block_name

# Residual blocks in the stages 2, 3, 4, 5.
_BLOCKS = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
_BOTTLENECK = (50, 101, 152)


def resnet_trunk(
    x: keras.KerasTensor,
    depth: int,
    through: int = 5,
    stride_in: str = "1x1",
    shortcut: str | None = "B",
    frozen_batch_norm: bool = False,
    conv1_bias: bool = False,
    padding: str = "zeros",
    pool1: str = "padded",
) -> keras.KerasTensor:
    """Apply a ResNet from conv1 through a stage.

    Args:
        x: Images (B, height, width, channels) less the mean.
        depth: 18, 34, 50, 101 or 152.
        through: The last stage, 2 to 5. A detector takes 4 (stride 16).
            Defaults to 5.
        stride_in: The convolution of the first block of the stages 3 to 5 that
            has stride 2: "1x1", the first one (the paper, Caffe,
            keras.applications), or "3x3" (torchvision, "v1.5"). Weights of one
            give wrong outputs in the other. Defaults to "1x1".
        shortcut: Shortcuts past the blocks: "B" with a projection where the
            shape changes (the released networks), "A" with zeros there and no
            parameters, "C" with a projection at every block, or None for the
            paper's plain network. Defaults to "B".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        conv1_bias: Whether conv1 has a bias, as in He's released ResNet-50.
            Defaults to False.
        padding: Border of the maps before 3x3 and 7x7 convolutions: "zeros", or
            "symmetric" for their own reflection, see
            `kcv.layers.SymmetricPadding2D`. Defaults to "zeros".
        pool1: Pooling behind conv1: "padded", with a border of one zero on
            every side (torchvision, keras.applications), or "ceil", with none,
            whose sizes are rounded up (He's code and released networks).
            Defaults to "padded".

    Returns:
        The maps of the last stage, after its ReLU, at stride 2 ** through.

    Raises:
        ValueError: If an argument has an unsupported value.

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
        pool1,
    )[-1]


def resnet_levels(
    x: keras.KerasTensor,
    depth: int,
    through: int = 5,
    stride_in: str = "1x1",
    shortcut: str | None = "B",
    frozen_batch_norm: bool = False,
    conv1_bias: bool = False,
    padding: str = "zeros",
    pool1: str = "padded",
) -> list[keras.KerasTensor]:
    """Apply a ResNet from conv1 through a stage and return each level.

    Args:
        x: Images (B, height, width, channels) less the mean.
        depth: 18, 34, 50, 101 or 152.
        through: The last stage, 2 to 5. Defaults to 5.
        stride_in: The convolution of the first block of the stages 3 to 5 that
            has stride 2: "1x1", the first one, or "3x3". Defaults to "1x1".
        shortcut: Shortcuts past the blocks: "B" with a projection where the
            shape changes (the released networks), "A" with zeros there and no
            parameters, "C" with a projection at every block, or None for the
            paper's plain network. Defaults to "B".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. Defaults to False.
        conv1_bias: Whether conv1 has a bias, as in He's released ResNet-50.
            Defaults to False.
        padding: Border of the maps before 3x3 and 7x7 convolutions: "zeros", or
            "symmetric" for their own reflection, see
            `kcv.layers.SymmetricPadding2D`. Defaults to "zeros".
        pool1: Pooling behind conv1: "padded", with a border of one zero on
            every side (torchvision, keras.applications), or "ceil", with none,
            whose sizes are rounded up (He's code and released networks).
            Defaults to "padded".

    Returns:
        The maps of conv1 and of every stage, each after its ReLU: strides 2,
        4, 8 and so on.

    Raises:
        ValueError: If an argument has an unsupported value.

    Example:

    >>> levels = resnet_levels(keras.Input((64, 64, 3)), 18, through=3)
    >>> [level.shape[1:] for level in levels]
    [(32, 32, 64), (16, 16, 64), (8, 8, 128)]
    """
    if through not in (2, 3, 4, 5):
        raise ValueError(f"through must be 2 to 5, received {through}.")
    if pool1 not in ("padded", "ceil"):
        raise ValueError(
            f'`pool1` must be "padded" or "ceil". Received: pool1={pool1!r}'
        )
    x = convolution(x, 64, 7, 2, "conv1", conv1_bias, padding)
    x = batch_norm(x, "bn_conv1", frozen_batch_norm)
    x = keras.layers.ReLU(name="conv1_relu")(x)  # stride 2
    levels = [x]
    if pool1 == "ceil":
        x = ceil_max_pooling(x, "pool1")
    else:
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
    shortcut: str | None = "B",
    frozen_batch_norm: bool = False,
    padding: str = "zeros",
) -> keras.KerasTensor:
    """Apply one stage, conv<stage>_x, of a ResNet.

    Args:
        x: The maps of the stage before, (B, height, width, channels). A
            detector applies stage 5 to every region, (B, 14, 14, 1024).
        depth: 18, 34, 50, 101 or 152.
        stage: 2 to 5.
        stride: Stride of the first block. Defaults to the paper's: 1 in stage
            2, otherwise 2.
        stride_in: The convolution of the first block of the stages 3 to 5 that
            has stride 2: "1x1", the first one (the paper, Caffe,
            keras.applications), or "3x3" (torchvision, "v1.5"). Weights of one
            give wrong outputs in the other. Defaults to "1x1".
        shortcut: Shortcuts past the blocks: "B" with a projection where the
            shape changes (the released networks), "A" with zeros there and no
            parameters, "C" with a projection at every block, or None for the
            paper's plain network. Defaults to "B".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        padding: Border of the maps before 3x3 and 7x7 convolutions: "zeros", or
            "symmetric" for their own reflection, see
            `kcv.layers.SymmetricPadding2D`. Defaults to "zeros".

    Returns:
        Maps (B, ceil(height / stride), ceil(width / stride), channels) with
        64 * 2 ** (stage - 2) channels, four times as many from depth 50 on.

    Raises:
        ValueError: If an argument has an unsupported value.

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


def resnet_classifier(
    depth: int,
    include_top: bool,
    weights: str | os.PathLike | None,
    input_shape: tuple[int | None, int | None, int] | None,
    classes: int,
    classifier_activation: str | None,
    include_preprocessing: bool,
    name: str,
    **options: Any,
) -> keras.Model:
    """Build a ResNet for ImageNet of any depth.

    Args:
        depth: 18, 34, 50, 101 or 152.
        include_top: Whether to add pool5, fc1000 and prob.
        weights: None, "imagenet" or a file.
        input_shape: Shape (height, width, 3) of the images, or None.
        classes: Number of classes.
        classifier_activation: Activation of the last layer. If None, the model
            returns logits.
        include_preprocessing: Whether the model subtracts the mean.
        name: Name of the model.
        **options: Arguments of `resnet_trunk`.

    Returns:
        A model from images (B, height, width, 3) to probabilities
        (B, classes), or to the maps of the last stage.

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If an argument has an unsupported value.
    """
    images = image_input(input_shape, include_top)
    x = preprocess(images, include_preprocessing, VGG_MEAN)
    x = resnet_trunk(x, depth, **options)
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="pool5")(x)
        x = probabilities(x, classes, classifier_activation, "fc1000")
    model = image_model(images, x, name, include_preprocessing)
    return initialize(model, weights, () if include_top else ("fc1000",))
