"""The image transformation network (Johnson, Alahi and Li 2016).

"Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV
2016, supplementary material, table 1. Of an image of 256 x 256:

    reflection padding 40         336 x 336 x 3
    32 of 9x9                     336 x 336 x 32
    64 of 3x3, stride 2           168 x 168 x 64
    128 of 3x3, stride 2           84 x 84 x 128
    5 residual blocks of 128       64 x 64 x 128     4 cells less by each
    64 of 3x3, stride 1/2         128 x 128 x 64
    32 of 3x3, stride 1/2         256 x 256 x 32
    3 of 9x9, 150 tanh            256 x 256 x 3
"""

from collections.abc import Sequence
from typing import Literal

import keras

from kcv.classification import Preprocessing
from kcv.classification.preprocessing import VGG_MEAN
from kcv.layers import BatchNormalization
from kcv.layers import CropLike
from kcv.layers import InstanceNormalization
from kcv.layers import ReflectionPadding2D

# What five blocks of two unpadded convolutions take off each side: 20 cells at
# a quarter of the resolution, half of it left and right.
PADDING = 40
BLOCKS = 5


def StyleTransformNet(
    normalization: Literal["instance", "batch"] | None = "instance",
    upsampling: Literal["transposed", "resize"] = "transposed",
    widths: Sequence[int] = (32, 64, 128),
    name: str = "style_transform_net",
) -> keras.Model:
    """Build the network that paints an image in one pass.

    1,679,235 parameters that learn; of widths (16, 32, 64), as the models that
    the authors released with instance normalisation, 424,899.

    Args:
        normalization: "batch", the paper's; "instance" (Ulyanov et al. 2016),
            which the authors turned to; or None.
        upsampling: "transposed", the paper's, which tends to leave a grid; or
            "resize", nearest neighbours and a convolution, which does not
            (Odena et al. 2016).
        widths: channels of the three convolutions in front; the others mirror
            them.
        name: of the model.

    Returns:
        A model from images (B, H, W, 3), RGB 0..255, of 43 pixels or more on
        each side, to images of the same size, float32: within 150 of ImageNet's
        mean and neither clipped nor rounded.

    Raises:
        ValueError: if an option is none of these.

    Example:

    >>> net = StyleTransformNet()
    >>> net.count_params()
    1679235
    """
    if upsampling not in ("transposed", "resize"):
        raise ValueError(
            "upsampling must be 'transposed' or 'resize'. Received: "
            f"{upsampling!r}"
        )
    narrow, middle, wide = widths
    images = keras.Input((None, None, 3), name="images")
    x = Preprocessing.caffe(name="preprocessing")(images)
    x = ReflectionPadding2D(PADDING, multiple=4, name="reflect")(x)

    x = convolution(x, narrow, 9, normalization, name="conv1")
    x = convolution(x, middle, 3, normalization, stride=2, name="conv2")
    x = convolution(x, wide, 3, normalization, stride=2, name="conv3")
    for number in range(1, BLOCKS + 1):
        x = residual_block(x, normalization, f"res{number}", padded=False)
    if upsampling == "transposed":
        x = transposed(x, middle, normalization, name="up1")
        x = transposed(x, narrow, normalization, name="up2")
    else:
        x = keras.layers.UpSampling2D(2, name="enlarge1")(x)
        x = convolution(x, middle, 3, normalization, name="up1")
        x = keras.layers.UpSampling2D(2, name="enlarge2")(x)
        x = convolution(x, narrow, 3, normalization, name="up2")
    x = to_image(x)
    x = CropLike(dtype="float32", name="crop")([x, images])
    return keras.Model(images, x, name=name)


def convolution(x, filters, size, normalization, *, stride=1, name):
    """Apply a convolution that keeps the size, normalisation and ReLU."""
    x = keras.layers.Conv2D(filters, size, stride, padding="same", name=name)(x)
    return _activate(x, normalization, name)


def transposed(x, filters, normalization, *, name):
    """Apply a transposed convolution of 3x3 that doubles the size."""
    x = keras.layers.Conv2DTranspose(filters, 3, 2, padding="same", name=name)(
        x
    )
    return _activate(x, normalization, name)


def residual_block(x, normalization, name, *, padded):
    """Apply a residual block without a ReLU behind the sum.

    Args:
        x: maps (B, H, W, C).
        normalization: as of `StyleTransformNet`.
        name: of the block.
        padded: whether its two convolutions keep the size. Otherwise the
            shortcut loses the same two cells on each side.

    Returns:
        Maps (B, H, W, C), or (B, H - 4, W - 4, C).
    """
    filters = x.shape[-1]
    padding = "same" if padded else "valid"
    shortcut = x
    x = keras.layers.Conv2D(filters, 3, padding=padding, name=f"{name}_1")(x)
    x = _activate(x, normalization, f"{name}_1")
    x = keras.layers.Conv2D(filters, 3, padding=padding, name=f"{name}_2")(x)
    x = _normalize(x, normalization, f"{name}_2")
    if not padded:
        shortcut = keras.layers.Cropping2D(2, name=f"{name}_crop")(shortcut)
    return keras.layers.Add(name=f"{name}_add")([shortcut, x])


def to_image(x):
    """Make of the last maps an image about ImageNet's mean."""
    x = keras.layers.Conv2D(
        3,
        9,
        padding="same",
        # Torch's, as the authors have it: smaller than Keras's, it begins well
        # inside the range where tanh has a slope.
        kernel_initializer=keras.initializers.VarianceScaling(
            1 / 3, "fan_in", "uniform"
        ),
        name="conv_last",
    )(x)
    x = keras.layers.Activation("tanh", dtype="float32", name="tanh")(x)
    return keras.layers.Rescaling(
        150.0, list(VGG_MEAN), dtype="float32", name="pixels"
    )(x)


def _activate(x, normalization, name):
    x = _normalize(x, normalization, name)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def _normalize(x, normalization, name):
    if normalization is None:
        return x
    if normalization == "instance":
        return InstanceNormalization(name=f"{name}_norm")(x)
    if normalization == "batch":
        return BatchNormalization(
            momentum=0.9, epsilon=1e-5, name=f"{name}_norm"
        )(x)
    raise ValueError(
        "normalization must be 'instance', 'batch' or None. Received: "
        f"{normalization!r}"
    )
