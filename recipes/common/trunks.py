"""Small convolutional trunks that learn from random weights in minutes."""

import dataclasses

import keras

import kcv
from kcv.layers import BatchNormalization
from kcv.training import QUICK_MOMENTUM
from recipes.common.starting import StartOptions


def scale_width(count: int, width: float) -> int:
    """Scale a number of filters or units, at least to one.

    Example:

    >>> scale_width(128, 0.5)
    64
    """
    return max(round(count * width), 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class WidthOptions(StartOptions):
    """Options of the recipes whose small network can be narrower.

    Attributes:
        width: Factor of the numbers of filters and units of the small network.
            The models that come with kcv have 0.5.
    """

    width: float = 1.0

    def __post_init__(self):
        super().__post_init__()
        preset, backbone = (
            getattr(self, name, None) for name in ("preset", "backbone")
        )
        if not self.width > 0:
            raise ValueError(
                f"`width` must be positive. Received: width={self.width}"
            )
        if self.width != 1 and (preset != "small" or backbone is not None):
            raise ValueError(
                "`width` must be 1 for the networks of the papers: it scales "
                f"the one of preset small. Received: width={self.width}"
            )


def small_parts(
    trunk: keras.Model | None = None, roi_size: int = 7, width: float = 1.0
) -> kcv.detection.Parts:
    """Build the parts of a small detector.

    Args:
        trunk: Convolutions of the detector. If None, they are
            `small_trunk(width=width)`. Defaults to None.
        roi_size: Number of bins along each side of a pooled region. Defaults
            to 7.
        width: Factor of the numbers of filters and units. Positive float.
            Defaults to 1.

    Returns:
        The parts, whose head has two dense layers of 256 units at width 1.
    """
    return kcv.detection.custom_parts(
        small_trunk(width=width) if trunk is None else trunk,
        kcv.classification.Preprocessing(kcv.detection.CAFFE_MEAN, 64.0),
        roi_size,
        units=(scale_width(256, width),) * 2,
        batch_norm=True,
    )


def small_trunk(
    filters: tuple[int, ...] = (32, 64, 64, 128, 128, 128, 128),
    strides: tuple[int, ...] = (2, 2, 1, 2, 1, 1, 1),
    size: int | None = None,
    width: float = 1.0,
) -> keras.Model:
    """Build a stack of 3x3 convolutions with batch normalization.

    This is not the network of a paper. A laptop's CPU trains it on some twenty
    images of 192 x 256 pixels per second, and its stride of 8 separates
    objects of 24 pixels, which a stride of 16 would not. A convolution that
    keeps the shape learns a residual (He et al. 2015).

    Args:
        filters: Number of filters of each convolution. Defaults to `(32, 64,
            64, 128, 128, 128, 128)`.
        strides: Stride of each convolution. Defaults to `(2, 2, 1, 2, 1, 1,
            1)`.
        size: Side of the images, in pixels. If None, it is free. Defaults to
            None.
        width: Factor of the numbers of filters. Positive float. Defaults to 1.

    Returns:
        Model from images (B, H, W, 3) to features (B, H / 8, W / 8, 128) at
        width 1.

    Example:

    >>> small_trunk().compute_output_shape((1, 192, 256, 3))
    (1, 24, 32, 128)
    """
    images = x = keras.Input((size, size, 3), name="pixels")
    for number, (count, stride) in enumerate(
        zip(filters, strides, strict=True), start=1
    ):
        before = x
        if stride == 2:
            # Padding "same" begins with a row of zeros where the size is odd,
            # so that what is seen there would be shifted by a pixel.
            x = keras.layers.ZeroPadding2D(
                ((0, 2), (0, 2)), name=f"conv{number}_pad"
            )(x)
        x = keras.layers.Conv2D(
            scale_width(count, width),
            3,
            stride,
            padding="valid" if stride == 2 else "same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"conv{number}",
        )(x)
        x = BatchNormalization(
            momentum=QUICK_MOMENTUM, synchronized=True, name=f"bn{number}"
        )(x)
        if x.shape[1:] == before.shape[1:] and stride == 1:
            x = keras.layers.Add(name=f"add{number}")([before, x])
        x = keras.layers.ReLU(name=f"relu{number}")(x)
    return keras.Model(images, x, name="small_trunk")


def small_strided(
    blocks: tuple[tuple[int, int], ...] = (
        (1, 16),
        (1, 48),
        (4, 96),
        (4, 160),
        (3, 160),
    ),
    width: float = 1.0,
) -> keras.Model:
    """Build a small residual network, for FCN.

    No paper's network. Where VGG pools, the first convolution of a block has
    stride 2: a kernel of 4x4, so that cells lie as those of a pooling. The
    others of the block learn residuals (He et al. 2015).

    Args:
        blocks: Pairs of the number of convolutions and of filters, at strides
            2, 4, 8, 16 and 32. Defaults to `((1, 16), (1, 48), (4, 96), (4,
            160), (3, 160))`.
        width: Factor of the numbers of filters. Positive float. Defaults to 1.

    Returns:
        Model from images (B, H, W, 3), the mean subtracted, to the map of
        stride 32, whose layers `pool3`, `pool4` and `pool5` FCN takes up.

    Example:

    >>> small_strided().get_layer("pool3").output.shape
    (None, None, None, 96)
    """
    images = keras.Input((None, None, 3), name="pixels")
    x = keras.layers.Rescaling(1 / 64, name="scale")(images)
    for block, (count, filters) in enumerate(blocks, start=1):
        for number in range(1, count + 1):
            first, name = number == 1, f"{block}_{number}"
            before = x
            x = keras.layers.Conv2D(
                scale_width(filters, width),
                4 if first else 3,
                2 if first else 1,
                padding="same",
                use_bias=False,
                kernel_initializer="he_normal",
                name=f"conv{name}",
            )(x)
            x = BatchNormalization(
                momentum=QUICK_MOMENTUM, synchronized=True, name=f"bn{name}"
            )(x)
            if not first:
                x = keras.layers.Add(name=f"add{name}")([before, x])
            last = number == count
            x = keras.layers.ReLU(
                # The name that FCN knows for what a block ends with.
                name=f"pool{block}" if last else f"relu{name}"
            )(x)
    return keras.Model(images, x, name="small_strided")
