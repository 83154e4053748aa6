"""The ResNets for CIFAR (He et al., arXiv:1512.03385, 2015, section 4.2).

Three stages of n basic blocks with 16, 32 and 64 filters at strides 1, 2 and
4: 6 n + 2 layers with weights. Layers are named as in the ResNets for
ImageNet, whose longer networks count their blocks: conv1, bn_conv1,
res2a_branch2a, ..., res2b1_branch2a, ..., and fc.
"""

import os

import keras

from kcv.classification.classifier import image_input
from kcv.classification.classifier import initialize
from kcv.classification.classifier import probabilities
from kcv.classification.preprocessing import CIFAR_MEAN
from kcv.classification.preprocessing import CIFAR_STD
from kcv.classification.preprocessing import preprocess
from kcv.classification.residual_blocks import basic_block
from kcv.classification.residual_blocks import batch_norm
from kcv.classification.residual_blocks import convolution
from kcv.training.image_model import image_model


def CIFARResNet(
    depth: int = 20,
    include_top: bool = True,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] | None = None,
    classes: int = 10,
    classifier_activation: str | None = "softmax",
    shortcut: str | None = "A",
    frozen_batch_norm: bool = False,
    include_preprocessing: bool = True,
    name: str | None = None,
) -> keras.Model:
    """Build a ResNet for small images of He et al. (2015).

    Trainable parameters at depth 20, 32, 44, 56 and 110: 269,722, 464,154,
    658,586, 853,018 and 1,727,962; 2,752 more with projections.

    Args:
        depth: Number of layers with weights, 6 n + 2. Defaults to 20.
        include_top: Whether to add pool, fc and prob. Without it the network
            ends with the last residual block. Defaults to True.
        weights: Path of a file that `kcv.weights.load_weights` reads. If None,
            weights are random. Defaults to None.
        input_shape: (height, width, 3); (32, 32, 3) by default with the
            classifier, any size without. None is a free size.
        classes: Number of classes. Defaults to 10.
        classifier_activation: Activation of the last layer. None gives logits.
            Defaults to "softmax".
        shortcut: Shortcuts past the blocks. "A", the paper's on CIFAR, pads
            with zeros where the shape changes and has no parameters, "B" has a
            projection with batch normalization there, "C" at every block, and
            None has no shortcuts: the paper's plain network. Defaults to "A".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        include_preprocessing: Whether the model takes RGB in 0..255 and brings
            channels to CIFAR-10's mean 0 and deviation 1 in a first layer,
            "preprocessing". False for images that are prepared already.
            Defaults to True.
        name: Name of the model. Defaults to "cifar_resnet" and the depth.

    Returns:
        A model from images (B, height, width, 3), RGB in 0..255, to
        probabilities (B, classes), or to maps (B, ceil(height / 4), ceil(width
        / 4), 64).

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `depth` or `shortcut` is unknown, or if the weights do
            not fit.

    Example:

    >>> CIFARResNet(20, classes=100).output_shape
    (None, 100)
    """
    blocks, rest = divmod(depth - 2, 6)
    if blocks < 1 or rest:
        raise ValueError(
            f"depth must be 6 n + 2 (8, 14, 20, ...), received {depth}."
        )
    images = image_input(input_shape, include_top, (32, 32, 3))
    x = preprocess(images, include_preprocessing, CIFAR_MEAN, CIFAR_STD)
    x = convolution(x, 16, 3, 1, "conv1")
    x = batch_norm(x, "bn_conv1", frozen_batch_norm)
    x = keras.layers.ReLU(name="conv1_relu")(x)
    for stage, filters in ((2, 16), (3, 32), (4, 64)):
        for block in range(blocks):
            x = basic_block(
                x,
                filters,
                stride=2 if block == 0 and stage > 2 else 1,
                name=f"{stage}b{block}" if block else f"{stage}a",
                shortcut=shortcut,
                frozen_batch_norm=frozen_batch_norm,
            )
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
        x = probabilities(x, classes, classifier_activation, "fc")
    model = image_model(
        images, x, name or f"cifar_resnet{depth}", include_preprocessing
    )
    return initialize(model, weights, () if include_top else ("fc",))
