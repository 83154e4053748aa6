"""Backbones: the parts that a detector's `backbone` argument stands for.

Shapes: B images of H x W pixels, features of H' x W' cells and C channels, N
regions of P x P bins.
"""

import os
from collections.abc import Callable
from collections.abc import Sequence
from typing import TypeAlias

import keras

from kcv.classification.preprocessing import Preprocessing
from kcv.classification.preprocessing import as_preprocessing_layer
from kcv.classification.preprocessing import check_preprocessing
from kcv.classification.resnet_stages import resnet_stage
from kcv.classification.resnet_stages import resnet_trunk
from kcv.classification.vgg import vgg_head
from kcv.classification.vgg import vgg_trunk
from kcv.detection.parts.parts import Parts
from kcv.training.batch_norm import QUICK_MOMENTUM
from kcv.weights.files import load_weights
from kcv.weights.trained import is_trained
from kcv.weights.trained import load_trained

#: The mean that py-faster-rcnn subtracts, RGB in 0..255.
CAFFE_MEAN = (122.7717, 115.9465, 102.9801)
_HEAD_LAYERS = ("fc6/", "fc7/")
# Layers that the trained weights of another network may lack or have in another
# shape: all behind the trunk. Each class has a score and a box, after those of
# background; an SVM has no background.
_BEHIND_TRUNK = r"(rpn_|fc|bn_fc|res5|bn5|cls_score|bbox_pred|svm|bbox_reg)"
_CLASS_LAYERS = {
    "cls_score": 1,
    "bbox_pred": 1,
    "fc8": 1,
    "svm": 0,
    "bbox_regression": 0,
}

_PreprocessingArgument: TypeAlias = keras.layers.Layer | Callable


def vgg16_parts(pretrained: bool = False) -> Parts:
    """Split VGG-16 as Fast and Faster R-CNN do.

    The trunk ends at conv5_3 (stride 16), the head is fc6 and fc7 on 7 x 7
    bins.

    Args:
        pretrained: Whether conv1_1 to conv2_2 are fixed, as the papers do
            with a pretrained network. Defaults to False.

    Returns:
        `Parts` with random weights.
    """
    images = keras.Input((None, None, 3), name="pixels")
    trunk = keras.Model(images, vgg_trunk(images)["conv5_3"], name="vgg16")
    if pretrained:
        for name in ("conv1_1", "conv1_2", "conv2_1", "conv2_2"):
            trunk.get_layer(name).trainable = False
    regions = keras.Input((7, 7, 512), name="regions")
    head = keras.Model(regions, vgg_head(regions), name="vgg16_head")
    return Parts(_less_the_mean(), trunk, head)


def resnet_parts(
    depth: int,
    pretrained: bool = False,
    frozen_batch_norm: bool = True,
    stride_in: str = "1x1",
    pool1: str = "padded",
) -> Parts:
    """Split a ResNet at stride 16 (He et al. 2015, appendix A).

    The trunk ends after conv4_x, the head is conv5_x and the average pooling
    on 14 x 14 bins.

    Args:
        depth: Number of layers: 18, 34, 50, 101 or 152.
        pretrained: Whether conv1 and conv2_x are fixed, as the paper does
            with a pretrained network. Defaults to False.
        frozen_batch_norm: Whether batch normalization keeps its stored
            statistics, scale and shift. A network with random weights must
            learn them and needs False. Defaults to True.
        stride_in: Convolution of a bottleneck that has the stride: "1x1" as in
            the paper and keras.applications, "3x3" as in torchvision.
            Defaults to "1x1".
        pool1: Pooling behind conv1: "padded" as in keras.applications and
            torchvision, "ceil" as in He's released networks. Defaults to
            "padded".

    Returns:
        `Parts` with random weights.
    """
    images = keras.Input((None, None, 3), name="pixels")
    features = resnet_trunk(
        images,
        depth,
        through=4,
        pool1=pool1,
        stride_in=stride_in,
        frozen_batch_norm=frozen_batch_norm,
    )
    trunk = keras.Model(images, features, name=f"resnet{depth}")
    if pretrained:
        for layer in trunk.layers:
            if layer.name.startswith(("conv1", "bn_conv1", "res2", "bn2")):
                layer.trainable = False
    regions = keras.Input((14, 14, features.shape[-1]), name="regions")
    x = resnet_stage(
        regions,
        depth,
        stage=5,
        stride_in=stride_in,
        frozen_batch_norm=frozen_batch_norm,
    )
    x = keras.layers.GlobalAveragePooling2D(name="pool5")(x)
    head = keras.Model(regions, x, name=f"resnet{depth}_head")
    return Parts(_less_the_mean(), trunk, head)


def custom_parts(
    trunk: keras.Model,
    preprocessing: _PreprocessingArgument,
    roi_size: int = 7,
    units: tuple[int, ...] = (1024, 1024),
    dropout: float = 0.0,
    batch_norm: bool = False,
) -> Parts:
    """Make parts from any convolutional Keras model and a head of dense layers.

    A trunk that starts from random weights needs a head with batch
    normalization, which then learns much sooner (He, Girshick and Dollár 2018,
    "Rethinking ImageNet Pre-training", section 3.1).

    Args:
        trunk: Model from images (B, H, W, 3) to features (B, H', W', C).
        preprocessing: Layer, or function of a tensor, from RGB 0..255 to what
            the trunk expects; `keras.layers.Identity()` if it expects RGB
            0..255. Inputs about one suit a trunk with random weights.
        roi_size: P, number of bins along each side of a pooled region.
            Defaults to 7.
        units: Units of the dense layers fc6, fc7, and so on. Defaults to
            `(1024, 1024)`.
        dropout: Probability with which a unit is dropped in training. Float in
            [0, 1). Defaults to 0.
        batch_norm: Whether the dense layers are normalized over the regions of
            a batch and have no bias. Defaults to False.

    Returns:
        `Parts` of the trunk and a head with random weights.

    Raises:
        ValueError: If `trunk` does not return features of a known number of
            channels.

    Example:

    ```python
    trunk = keras.applications.MobileNetV2(
        include_top=False, input_shape=(None, None, 3)
    )
    rescaling = keras.layers.Rescaling(1 / 127.5, offset=-1)
    parts = custom_parts(trunk, rescaling, units=(256, 256))
    model = kcv.detection.FasterRCNN(20, parts)
    ```
    """
    if len(trunk.output_shape) != 4 or trunk.output_shape[-1] is None:
        raise ValueError(
            "`trunk` must return features (batch, height, width, channels). "
            f"Received: trunk.output_shape={trunk.output_shape}"
        )
    regions = keras.Input(
        (roi_size, roi_size, trunk.output_shape[-1]), name="regions"
    )
    x = keras.layers.Flatten(name="flatten")(regions)
    for number, width in enumerate(units, start=6):
        x = keras.layers.Dense(
            width,
            use_bias=not batch_norm,
            kernel_initializer="he_normal",
            name=f"fc{number}",
        )(x)
        if batch_norm:
            x = keras.layers.BatchNormalization(
                momentum=QUICK_MOMENTUM,
                synchronized=True,
                name=f"bn_fc{number}",
            )(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"drop{number}")(x)
    return Parts(
        as_preprocessing_layer(preprocessing),
        trunk,
        keras.Model(regions, x, name="head"),
    )


def detector_parts(
    backbone: str | keras.Model | Parts,
    weights: str | os.PathLike | None,
    frozen_batch_norm: bool | None,
    preprocessing: _PreprocessingArgument | None,
) -> Parts:
    """Return the parts that a detector's `backbone` stands for.

    Args:
        backbone: "vgg16", "resnet18", "resnet50", a keras.Model from images to
            features, or `Parts`.
        weights: The detector's argument. Unless it is None, lower layers of a
            named backbone are fixed.
        frozen_batch_norm: Whether the batch normalization of a ResNet keeps
            its statistics. None freezes it if there are weights.
        preprocessing: Layer or function from RGB 0..255 to what a keras.Model
            expects. Must be None for any other backbone.

    Returns:
        The parts, with random weights unless they were given.

    Raises:
        ValueError: If `backbone` is unknown, or `preprocessing` is missing or
            has no use.
    """
    check_preprocessing(backbone, preprocessing)
    if isinstance(backbone, keras.Model):
        return custom_parts(backbone, preprocessing)
    if isinstance(backbone, Parts):
        return backbone
    pretrained = weights is not None
    if backbone == "vgg16":
        return vgg16_parts(pretrained)
    if frozen_batch_norm is None:
        frozen_batch_norm = pretrained
    if backbone in ("resnet18", "resnet50"):
        depth = int(backbone.removeprefix("resnet"))
        return resnet_parts(depth, pretrained, frozen_batch_norm)
    raise ValueError(
        '`backbone` must be "vgg16", "resnet18", "resnet50", a keras.Model or '
        f"Parts. Received: backbone={backbone!r}"
    )


def load_backbone(
    model: keras.Model, weights: str | os.PathLike, own_layers: Sequence[str]
) -> None:
    """Load a classifier's or a trained detector's weights into a detector.

    Of a detector that kcv has trained, everything is loaded. Layers behind the
    trunk that it lacks or has in another shape keep their random weights.

    Args:
        model: The detector.
        weights: Source as `kcv.weights.load_weights` takes it. A file without
            the classifier has no fc6 and fc7, which then keep their random
            weights.
        own_layers: Prefixes of the names of layers that no classifier has
            weights for, and of those that the detector lacks.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the weights are of another network.
    """
    if is_trained(weights):
        load_trained(model, weights, _BEHIND_TRUNK, _CLASS_LAYERS)
        return
    report = load_weights(model, weights, strict=False, skip=own_layers)
    missing = [x for x in report.missing if not x.startswith(_HEAD_LAYERS)]
    if missing or report.left_over:
        raise ValueError(
            "`weights` must be of the same network as `backbone`. Received: "
            f"weights={str(weights)!r}\n{report}"
        )


def _less_the_mean():
    return Preprocessing(CAFFE_MEAN, name="normalization")
