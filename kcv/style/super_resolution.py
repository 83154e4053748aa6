"""Single-image super-resolution (Johnson, Alahi and Li 2016).

Supplementary material, table 2: 64 of 9x9, four residual blocks, one
transposed convolution for each doubling, 3 of 9x9, 150 tanh. Then the histogram
of the output is matched to that of the input.
"""

import keras
import tensorflow as tf

from kcv.classification import Preprocessing
from kcv.layers import HistogramMatching
from kcv.style.feedforward import convolution
from kcv.style.feedforward import residual_block
from kcv.style.feedforward import to_image
from kcv.style.feedforward import transposed_convolution
from kcv.training.image_model import image_model

BLUR = 1.0  # standard deviation of the blur before images are downsampled
REACH = 3  # radius of the blur, in pixels


def SuperResolutionNet(
    factor: int = 4,
    blocks: int = 4,
    normalization: str | None = "batch",
    match_histogram: bool = True,
    name: str = "super_resolution_net",
) -> keras.Model:
    """Build the network that enlarges an image in one pass.

    The transposed convolutions have Keras's "same" padding, whose maps are
    shifted by one cell from those of the authors' code. A network can learn
    either.

    The network has 401,859 trainable parameters for a factor of 4, and 438,915
    for a factor of 8.

    Args:
        factor: Factor of the sides. Power of two, at least 2. Defaults to 4.
        blocks: Number of residual blocks. Defaults to 4.
        normalization: "batch", as in the paper, "instance", or None for no
            normalization. Defaults to "batch".
        match_histogram: Whether to match the histogram of the output to that of
            the input, except in training, as in the paper. Defaults to True.
        name: Name of the model. Defaults to "super_resolution_net".

    Returns:
        Keras model that maps images (B, H, W, 3), RGB in [0, 255], to float32
        images (B, factor * H, factor * W, 3), neither clipped nor rounded.

    Raises:
        ValueError: If the factor is not a power of two above 1.

    Example:

    >>> net = SuperResolutionNet(4)
    >>> net(keras.ops.zeros((1, 8, 10, 3))).shape
    TensorShape([1, 32, 40, 3])
    """
    doublings = factor.bit_length() - 1
    if factor < 2 or factor != 2**doublings:
        raise ValueError(
            f"`factor` must be 2, 4, 8, ... Received: factor={factor}"
        )
    images = keras.Input((None, None, 3), name="images")
    x = Preprocessing.caffe(name="preprocessing")(images)
    x = convolution(x, 64, 9, normalization, name="conv1")
    for number in range(1, blocks + 1):
        x = residual_block(x, normalization, f"res{number}", padded=True)
    for number in range(1, doublings + 1):
        x = transposed_convolution(x, 64, normalization, name=f"up{number}")
    x = to_image(x)
    if match_histogram:
        x = HistogramMatching(name="match_histogram")([x, images])
    return image_model(images, x, name)


def low_resolution(images: tf.Tensor, factor: int) -> tf.Tensor:
    """Downsample images as the paper does: blur, then bicubic interpolation.

    Args:
        images: Images (B, H, W, 3) in [0, 255]. The sides are multiples of
            `factor`.
        factor: Factor by which the sides are divided.

    Returns:
        Images (B, H / factor, W / factor, 3) float32 of whole numbers in
        [0, 255], as an image file has them.

    Raises:
        ValueError: If a side is not a multiple of `factor`.

    Example:

    >>> low_resolution(tf.zeros((1, 32, 48, 3)), 4).shape
    TensorShape([1, 8, 12, 3])
    """
    for side in images.shape[1:3]:
        if side is not None and side % factor:
            raise ValueError(
                f"`images` must have sides that are multiples of {factor}. "
                f"Received: images of "
                f"{images.shape[1]} x {images.shape[2]}"
            )
    # Without padding, the blur would mix black into the border.
    around = [[0, 0], [REACH, REACH], [REACH, REACH], [0, 0]]
    blurred = keras.ops.image.gaussian_blur(
        tf.pad(tf.cast(images, tf.float32), around, "SYMMETRIC"),
        2 * (2 * REACH + 1,),
        (BLUR, BLUR),
    )[:, REACH:-REACH, REACH:-REACH]
    small = tf.image.resize(blurred, tf.shape(images)[1:3] // factor, "bicubic")
    return tf.round(tf.clip_by_value(small, 0, 255))


def bicubic(images: tf.Tensor, factor: int) -> tf.Tensor:
    """Enlarge images by bicubic interpolation.

    Args:
        images: Images (B, h, w, 3), RGB in 0..255.
        factor: Factor by which both sides grow. Positive integer.

    Returns:
        Images (B, factor * h, factor * w, 3) float32, clipped to 0..255.
    """
    large = tf.image.resize(images, tf.shape(images)[1:3] * factor, "bicubic")
    return tf.clip_by_value(large, 0, 255)


def luminance(images: tf.Tensor) -> tf.Tensor:
    """Compute Y of YCbCr, on which super-resolution is measured.

    The conversion is ITU-R BT.601 with values in [16, 235], as in MATLAB's
    rgb2ycbcr.

    Args:
        images: Images (B, H, W, 3), RGB in [0, 255].

    Returns:
        Luminance (B, H, W, 1) float32.
    """
    shares = tf.constant([65.481, 128.553, 24.966])[:, None] / 255
    return 16 + tf.cast(images, tf.float32) @ shares


def super_resolution_scores(
    truth: tf.Tensor, found: tf.Tensor, border: int
) -> dict[str, tf.Tensor]:
    """Compare enlarged images with the true ones, on Y of YCbCr.

    Args:
        truth: True images (B, H, W, 3), RGB in [0, 255].
        found: Enlarged images of the same shape. They are clipped and rounded
            first.
        border: Number of pixels that are removed on each side, usually the
            factor of the enlargement. At least 0.

    Returns:
        Dict of `psnr` in dB and `ssim`, at most 1 (Wang et al. 2004), (B,)
        each.

    Example:

    >>> image = tf.fill((1, 32, 32, 3), 100.0)
    >>> scores = super_resolution_scores(image, image, 4)
    >>> float(scores["ssim"][0])
    1.0
    """
    found = tf.round(tf.clip_by_value(found, 0, 255))
    height, width = (side - border for side in found.shape[1:3])
    truth, found = (
        luminance(x)[:, border:height, border:width] for x in (truth, found)
    )
    return {
        "psnr": tf.image.psnr(truth, found, 255),
        "ssim": tf.image.ssim(truth, found, 255),
    }
