"""The image transformation network (Johnson, Alahi and Li 2016).

"Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV
2016, supplementary material, table 1. For an image of 256 x 256 pixels:

    reflection padding 40         336 x 336 x 3
    32 of 9x9                     336 x 336 x 32
    64 of 3x3, stride 2           168 x 168 x 64
    128 of 3x3, stride 2           84 x 84 x 128
    5 residual blocks of 128       64 x 64 x 128     each removes 4 cells
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
from kcv.training.image_model import image_model

# Five blocks of two unpadded convolutions remove 20 cells at a quarter of the
# resolution, half of them on each side.
PADDING = 40
PADDINGS = ("same", "torch")
BLOCKS = 5


def StyleTransformNet(
    normalization: Literal["instance", "batch"] | None = "instance",
    upsampling: Literal["transposed", "resize"] = "transposed",
    widths: Sequence[int] = (32, 64, 128),
    padding: Literal["same", "torch"] = "same",
    name: str = "style_transform_net",
) -> keras.Model:
    """Build the network that paints an image in one pass.

    Weights are initialized as in Keras (Glorot and Bengio 2010), biases with 0,
    and the scales of instance normalization with 1. The authors use Torch's
    initialization. It draws weights and biases uniformly up to 1 /
    sqrt(fan_in), which is 0.5 to 1.4 times as much, and scales of instance
    normalization from [0, 1].

    The network has 1,679,235 trainable parameters. With widths (16, 32, 64), as
    in the models that the authors released with instance normalization, it has
    424,899.

    Args:
        normalization: "batch", as in the paper, "instance" (Ulyanov et al.
            2016), which the authors used later, or None for no normalization.
            Defaults to "instance".
        upsampling: "transposed" for transposed convolutions, as in the paper,
            which tend to leave a grid, or "resize" for nearest neighbors and a
            convolution, which do not (Odena et al. 2016). Defaults to
            "transposed".
        widths: Channels of the first three convolutions. The last layers mirror
            them. Defaults to (32, 64, 128).
        padding: Alignment of the two strided and the two transposed
            convolutions. "torch" is that of the authors' code, which the
            weights of their painters need: one row of zeros before and after
            the input of a strided convolution. "same" is Keras's. With it, the
            same weights paint an image as Torch paints it if it is shifted by
            three pixels to the left and up. Defaults to "same".
        name: Name of the model. Defaults to "style_transform_net".

    Returns:
        Keras model that maps images (B, H, W, 3), RGB in [0, 255], with sides
        of at least 43 pixels, to float32 images of the same size. Their values
        are within 150 of ImageNet's mean, and neither clipped nor rounded.

    Raises:
        ValueError: If an option has an unknown value.

    Example:

    >>> net = StyleTransformNet()
    >>> net.count_params()
    1679235
    """
    if upsampling not in ("transposed", "resize"):
        raise ValueError(
            "`upsampling` must be 'transposed' or 'resize'. Received: "
            f"upsampling={upsampling!r}"
        )
    if padding not in PADDINGS:
        raise ValueError(
            f"`padding` must be one of {PADDINGS}. Received: "
            f"padding={padding!r}"
        )
    narrow, middle, wide = widths
    images = keras.Input((None, None, 3), name="images")
    x = Preprocessing.caffe(name="preprocessing")(images)
    x = ReflectionPadding2D(PADDING, multiple=4, name="reflect")(x)

    x = convolution(x, narrow, 9, normalization, name="conv1")
    x = convolution(
        x, middle, 3, normalization, stride=2, padding=padding, name="conv2"
    )
    x = convolution(
        x, wide, 3, normalization, stride=2, padding=padding, name="conv3"
    )
    for number in range(1, BLOCKS + 1):
        x = residual_block(x, normalization, f"res{number}", padded=False)
    if upsampling == "transposed":
        x = transposed_convolution(
            x, middle, normalization, padding=padding, name="up1"
        )
        x = transposed_convolution(
            x, narrow, normalization, padding=padding, name="up2"
        )
    else:
        x = keras.layers.UpSampling2D(2, name="enlarge1")(x)
        x = convolution(x, middle, 3, normalization, name="up1")
        x = keras.layers.UpSampling2D(2, name="enlarge2")(x)
        x = convolution(x, narrow, 3, normalization, name="up2")
    x = to_image(x)
    x = CropLike(dtype="float32", name="crop")([x, images])
    return image_model(images, x, name)


def convolution(
    x: keras.KerasTensor,
    filters: int,
    size: int,
    normalization: str | None,
    *,
    stride: int = 1,
    padding: str = "same",
    name: str,
) -> keras.KerasTensor:
    """Apply a convolution that keeps the size, normalization and ReLU.

    Args:
        x: Maps (B, H, W, C).
        filters: Channels of the output.
        size: Side of the filters.
        normalization: "instance", "batch" or None.
        stride: Stride of the convolution. Defaults to 1.
        padding: "same" or "torch". They differ for a stride above 1. Defaults
            to "same".
        name: Name of the convolution.

    Returns:
        Maps (B, H / stride, W / stride, filters).
    """
    if stride > 1 and padding == "torch":
        x = keras.layers.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
        padding = "valid"
    else:
        padding = "same"
    x = keras.layers.Conv2D(filters, size, stride, padding=padding, name=name)(
        x
    )
    return _activate(x, normalization, name)


def transposed_convolution(
    x: keras.KerasTensor,
    filters: int,
    normalization: str | None,
    *,
    padding: str = "same",
    name: str,
) -> keras.KerasTensor:
    """Apply a transposed convolution of 3x3 that doubles the size.

    Args:
        x: Maps (B, H, W, C).
        filters: Number of channels of the output.
        normalization: "instance", "batch" or None.
        padding: "same", or "torch" for the maps of a SpatialFullConvolution
            with padding 1 and adj 1. Defaults to "same".
        name: Name of the convolution.

    Returns:
        Maps (B, 2 * H, 2 * W, filters).
    """
    is_torch = padding == "torch"
    x = keras.layers.Conv2DTranspose(
        filters, 3, 2, padding="valid" if is_torch else "same", name=name
    )(x)
    if is_torch:
        # Of 2 H + 1 rows, the first is removed. "same" removes the last.
        x = keras.layers.Cropping2D(((1, 0), (1, 0)), name=f"{name}_crop")(x)
    return _activate(x, normalization, name)


def residual_block(
    x: keras.KerasTensor, normalization: str | None, name: str, *, padded: bool
) -> keras.KerasTensor:
    """Apply a residual block without a ReLU after the sum.

    Args:
        x: Maps (B, H, W, C).
        normalization: "instance", "batch" or None.
        name: Name of the block.
        padded: Whether the two convolutions keep the size. If False, two cells
            on each side are removed, also from the shortcut.

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


def to_image(x: keras.KerasTensor) -> keras.KerasTensor:
    """Convert the last maps to an image whose center is ImageNet's mean.

    Args:
        x: Maps (B, H, W, C).

    Returns:
        Images (B, H, W, 3) float32, RGB, up to 150 gray levels from the mean.
    """
    x = keras.layers.Conv2D(
        3,
        9,
        padding="same",
        # Torch's initialization, as in the authors' code. It is smaller than
        # Keras's, so tanh starts inside the range where its slope is not small.
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
        "`normalization` must be 'instance', 'batch' or None. Received: "
        f"normalization={normalization!r}"
    )
