"""The networks that a region-based detector is made of."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np

from kcv.classification.preprocessing import Preprocessing
from kcv.classification.resnet import resnet_stage
from kcv.classification.resnet import resnet_trunk
from kcv.classification.vgg import vgg_head
from kcv.classification.vgg import vgg_trunk
from kcv.weights.files import load_weights

# The mean that py-faster-rcnn subtracts, in RGB.
CAFFE_MEAN = (122.7717, 115.9465, 102.9801)
# Of batch normalisation that is learned from nothing: a run of some thousand
# steps has no time for Keras's 0.99.
QUICK_MOMENTUM = 0.97
_HEAD_LAYERS = ("fc6/", "fc7/")


class Parts(NamedTuple):
    """The replaceable parts of a region-based detector.

    Attributes:
        normalization: Layer from RGB 0..255 to what the trunk expects.
        trunk: Model from images (B, H, W, 3) to features (B, H', W', C),
            computed once per image.
        head: Model from pooled regions (N, P, P, C) to vectors (N, F),
            computed per region; None for a network that only proposes.
    """

    normalization: keras.layers.Layer
    trunk: keras.Model
    head: keras.Model | None

    @property
    def stride(self) -> int:
        """Pixels from cell to cell of the features."""
        side = 1024  # large enough for the rounding of sizes not to matter
        cells = self.trunk.compute_output_shape((1, side, side, 3))[1]
        return 2 ** round(np.log2(side / cells))

    @property
    def roi_size(self) -> int:
        """Bins along each side of a pooled region."""
        return self.head.input_shape[1]


def vgg16_parts(pretrained: bool = False) -> Parts:
    """Split VGG-16 as Fast and Faster R-CNN do.

    The trunk ends at conv5_3 (stride 16), the head is fc6 and fc7 on 7 x 7
    bins. Of a pretrained network conv1_1 to conv2_2 stay as they are.
    """
    images = keras.Input((None, None, 3), name="pixels")
    trunk = keras.Model(images, vgg_trunk(images)["conv5_3"], name="vgg16")
    if pretrained:
        for name in ("conv1_1", "conv1_2", "conv2_1", "conv2_2"):
            trunk.get_layer(name).trainable = False
    regions = keras.Input((7, 7, 512), name="regions")
    head = keras.Model(regions, vgg_head(regions), name="vgg16_head")
    return Parts(_normalization(), trunk, head)


def resnet_parts(
    depth: int,
    pretrained: bool = False,
    frozen_batch_norm: bool = True,
    stride_in: str = "1x1",
) -> Parts:
    """Split a ResNet at stride 16 (He et al. 2015, appendix A).

    The trunk ends after conv4_x, the head is conv5_x and the average pooling
    on 14 x 14 bins. Of a pretrained network conv1 and conv2_x stay as they
    are.

    Args:
        depth: 18, 34, 50 or 101.
        pretrained: whether conv1 and conv2_x stay fixed.
        stride_in: which convolution of a bottleneck has the stride: "1x1" as in
            the paper and keras.applications, "3x3" as in torchvision.
        frozen_batch_norm: whether batch normalisation uses its stored
            statistics, scale and shift unchanged; from random weights it
            must learn: set False.
    """
    options = {"stride_in": stride_in, "frozen_batch_norm": frozen_batch_norm}
    images = keras.Input((None, None, 3), name="pixels")
    features = resnet_trunk(images, depth, through=4, **options)
    trunk = keras.Model(images, features, name=f"resnet{depth}")
    if pretrained:
        for layer in trunk.layers:
            if layer.name.startswith(("conv1", "bn_conv1", "res2", "bn2")):
                layer.trainable = False
    regions = keras.Input((14, 14, features.shape[-1]), name="regions")
    x = resnet_stage(regions, depth, stage=5, **options)
    x = keras.layers.GlobalAveragePooling2D(name="pool5")(x)
    head = keras.Model(regions, x, name=f"resnet{depth}_head")
    return Parts(_normalization(), trunk, head)


def custom_parts(
    trunk: keras.Model,
    roi_size: int = 7,
    units: tuple[int, ...] = (1024, 1024),
    dropout: float = 0.0,
    batch_norm: bool = False,
    std: float = 64.0,
) -> Parts:
    """Make parts from any convolutional Keras model and a head of dense layers.

    A trunk that begins from random weights wants a head with batch
    normalisation, which then learns much sooner (He, Girshick and Dollár 2018,
    "Rethinking ImageNet Pre-training", section 3.1).

    Args:
        trunk: Model from images (B, H, W, 3), RGB 0..255 less the Caffe mean
            and over `std`, to features (B, H', W', C).
        roi_size: bins along each side of a pooled region.
        units: of the dense layers fc6, fc7, ...
        dropout: probability with which a unit is dropped in training.
        batch_norm: whether dense layers are normalised over the regions of a
            batch, in place of a bias.
        std: by which pixels are divided. Inputs about one suit a trunk that is
            trained from random weights; one with Caffe's weights, such as
            `VGG16(weights="imagenet")`, wants 1.

    Raises:
        ValueError: if `trunk` gives no features of a known width.

    Example:

    ```python
    trunk = kcv.classification.VGG16(include_top=False, weights="imagenet")
    model = FasterRCNN(20, custom_parts(trunk, std=1.0))
    ```
    """
    if len(trunk.output_shape) != 4 or trunk.output_shape[-1] is None:
        raise ValueError(
            "trunk must give features (batch, height, width, channels). "
            f"Received: output_shape={trunk.output_shape}"
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
        _normalization(std),
        trunk,
        keras.Model(regions, x, name="head"),
    )


def detector_parts(backbone, weights, frozen_batch_norm) -> Parts:
    """Find the parts that a detector's `backbone` stands for.

    Args:
        backbone: "vgg16", "resnet18", "resnet50", a keras.Model from images to
            features, or `Parts`.
        weights: as of the detector; with any, lower layers are fixed.
        frozen_batch_norm: whether the ResNets' batch normalisation keeps its
            statistics; None freezes it where there are weights.

    Returns:
        The parts.

    Raises:
        ValueError: if `backbone` is none of these.
    """
    if isinstance(backbone, Parts):
        return backbone
    if isinstance(backbone, keras.Model):
        return custom_parts(backbone)
    pretrained = weights is not None
    if backbone == "vgg16":
        return vgg16_parts(pretrained)
    if frozen_batch_norm is None:
        frozen_batch_norm = pretrained
    if backbone in ("resnet18", "resnet50"):
        depth = int(backbone.removeprefix("resnet"))
        return resnet_parts(depth, pretrained, frozen_batch_norm)
    raise ValueError(
        'backbone must be "vgg16", "resnet18", "resnet50", a keras.Model or '
        f"Parts. Received: backbone={backbone!r}"
    )


def copy_parts(parts: Parts) -> Parts:
    """Copy parts with their weights, so that training leaves these alone."""
    copies = []
    for part in parts:
        config = keras.saving.serialize_keras_object(part)
        copy = keras.saving.deserialize_keras_object(config)
        copy.set_weights(part.get_weights())
        copies.append(copy)
    return Parts(*copies)


def load_backbone(
    model: keras.Model, weights: str | os.PathLike, own_layers: Sequence[str]
) -> None:
    """Load a classifier's weights into the parts of a detector.

    Args:
        model: the detector.
        weights: a source that `kcv.weights.load_weights` takes. A file
            without the classifier has no fc6 and fc7: they start anew.
        own_layers: beginnings of the names of layers that no classifier has
            weights for, or that the detector has none of.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the weights are of another network.
    """
    report = load_weights(model, weights, strict=False, skip=own_layers)
    missing = [x for x in report.missing if not x.startswith(_HEAD_LAYERS)]
    if missing or report.left_over:
        raise ValueError(
            f"weights={str(weights)!r} are of another network.\n{report}"
        )


def _normalization(std=1.0):
    return Preprocessing(CAFFE_MEAN, std, name="normalization")
