"""One encoder-decoder network with four ways to enlarge a feature map."""

import keras

from kcv.initializers import Bilinear
from kcv.layers import CropLike
from kcv.layers import Interpolation2D
from kcv.segmentation.encoder_decoder import decode
from kcv.segmentation.encoder_decoder import encode
from kcv.segmentation.encoder_decoder import normalize
from kcv.segmentation.encoder_decoder import unpool
from recipes.common.segmentation.small_segnet import BLOCKS
from recipes.common.segmentation.small_segnet import LAST_OF_ENCODER

BILINEAR = "bilinear interpolation"
TRANSPOSED = "transposed convolution"
UNPOOLED = "unpooling + convolution"
UNPOOLED_TRANSPOSED = "unpooling + transposed convolution"
WAYS = (BILINEAR, TRANSPOSED, UNPOOLED, UNPOOLED_TRANSPOSED)


def build_enlarging(way: str, classes: int) -> keras.Model:
    """Build the network with one way to enlarge.

    Args:
        way: One of `WAYS`.
        classes: Number of classes with background.

    Returns:
        Model from images (B, H, W, 3) to class scores (B, H, W, classes).
    """

    def convolution(x, filters, name):
        return normalize(x, _layer(keras.layers.Conv2D, filters, name))

    def deconvolution(x, filters, name):
        layer = _layer(keras.layers.Conv2DTranspose, filters, name)
        return normalize(x, layer)

    images = keras.Input((None, None, 3), name="images")
    x = keras.layers.Rescaling(1 / 64, -2, name="scale")(images)
    x, pooled = encode(x, BLOCKS, convolution)
    x = decode(
        x,
        pooled,
        BLOCKS,
        deconvolution if way == UNPOOLED_TRANSPOSED else convolution,
        "conv{block}_{number}_D",
        enlarge={BILINEAR: _interpolate, TRANSPOSED: _transpose}.get(
            way, unpool
        ),
    )
    logits = keras.layers.Conv2D(classes, 1, dtype="float32", name="score")(x)
    return keras.Model(images, logits, name="enlarging")


def take_encoder(model: keras.Model, trained: keras.Model) -> None:
    """Give the encoder of a network the weights of another's."""
    for layer in trained.layers:
        model.get_layer(layer.name).set_weights(layer.get_weights())
        if layer.name == LAST_OF_ENCODER:
            break


def count_switches(way: str, height: int, width: int) -> int:
    """Count the switches of one image that a network stores, a byte each."""
    if way in (BILINEAR, TRANSPOSED):
        return 0
    return sum(
        (height >> block) * (width >> block) * filters
        for block, (_, filters) in enumerate(BLOCKS, start=1)
    )


def _layer(kind, filters, name):
    return kind(
        filters, 3, padding="same", kernel_initializer="he_normal", name=name
    )


def _interpolate(x, block, before, switches):
    x = Interpolation2D(2, name=f"upsample{block}")(x)
    return CropLike(name=f"crop{block}")([x, before])


def _transpose(x, block, before, switches):
    x = keras.layers.Conv2DTranspose(
        x.shape[-1],
        4,
        2,
        padding="same",
        use_bias=False,
        kernel_initializer=Bilinear(),
        name=f"upsample{block}",
    )(x)
    return CropLike(name=f"crop{block}")([x, before])
