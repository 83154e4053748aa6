"""SegNet and SegNet-Basic (Badrinarayanan, Kendall and Cipolla 2015).

Maps are enlarged by the switches of the poolings that reduced them, which has
no weights and stores little. The layers of SegNet have the names of the
authors' Caffe model. SegNet-Basic has names of its own, into which
`kcv.weights` translates those of the authors' files.
"""

import os
from collections.abc import Sequence

from kcv.backend import require_channels_last

import keras

from kcv.layers import LocalResponseNormalization
from kcv.segmentation.encoder_decoder import VGG16_BLOCKS
from kcv.segmentation.encoder_decoder import decode
from kcv.segmentation.encoder_decoder import encode
from kcv.segmentation.encoder_decoder import load_pretrained
from kcv.segmentation.encoder_decoder import normalize
from kcv.training.image_model import image_model


def SegNet(
    classes: int = 11,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    blocks: Sequence[tuple[int, int]] = VGG16_BLOCKS,
    weights: str | os.PathLike | None = None,
    dropout: float = 0.0,
    separate_scores: bool = False,
    name: str = "segnet",
) -> keras.Model:
    """Build SegNet: VGG-16 without its dense layers, and its mirror image.

    29,449,355 trainable parameters for CamVid's 11 classes. Batch
    normalization follows every convolution but the last. The authors measure
    its statistics again when training is done: see
    `kcv.segmentation.recompute_batch_norm`.

    The eight files of the authors' model zoo load as `weights`. The one of
    Bayesian SegNet for CamVid needs `separate_scores=True`; its samples of
    dropout at test time are not built here.

    The network is that of the authors' tutorial. The local contrast
    normalization of the input that the paper's section 3.2 describes is in
    neither. Kernels begin by He's rule like the authors' "msra", but without
    values beyond two standard deviations.

    Args:
        classes: Number of classes C, with background if the set has one.
            Defaults to 11.
        input_shape: Shape (height, width, 3) of the images, 360 x 480 in the
            paper. Defaults to any size.
        blocks: Number of convolutions and of filters of each block of the
            encoder. Defaults to those of VGG-16.
        weights: Pretrained weights. None for random ones; "imagenet" for the
            encoder of VGG-16 of keras.applications, which is downloaded; or the
            path of a file that `kcv.weights.load_weights` reads: of a VGG-16
            for the encoder, or of a trained SegNet for all layers. Scores of
            another number of classes keep their random values, and a warning is
            logged. Defaults to None.
        dropout: Dropout rate behind the last three poolings and the first
            three blocks of the decoder, float in [0, 1). The tutorial has
            none. The paper's best figures were trained with 0.5. Defaults to
            0.
        separate_scores: Whether conv1_1_D is a convolution as all others, and
            one more of 3x3 follows that scores the classes. Defaults to False,
            under which conv1_1_D scores them.
        name: Name of the model. Defaults to "segnet".

    Returns:
        A model from images (B, H, W, 3), RGB in 0..255, from which nothing is
        subtracted, to logits (B, H, W, C) float32.

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `classes` is not a number of classes, `dropout` is not
            in [0, 1), or weights do not fit.

    Example:

    >>> model = SegNet(4, blocks=((1, 8), (2, 16)))
    >>> model(keras.ops.zeros((1, 45, 30, 3))).shape
    TensorShape([1, 45, 30, 4])
    """
    _check(classes)
    if not 0 <= dropout < 1:
        raise ValueError(
            f"`dropout` must be in [0, 1). Received: dropout={dropout}"
        )

    def convolution(x, filters, layer):
        return normalize(
            x,
            keras.layers.Conv2D(
                filters,
                3,
                padding="same",
                kernel_initializer="he_normal",
                name=layer,
            ),
        )

    def drop(layer):
        def apply(x, block):
            if not dropout or block <= len(blocks) - 3:
                return x
            return keras.layers.Dropout(dropout, name=f"{layer}{block}")(x)

        return apply

    scores = "score" if separate_scores else "conv1_1_D"
    images = keras.Input(input_shape, name="images")
    x, pooled = encode(images, blocks, convolution, drop("encdrop"))
    x = decode(
        x,
        pooled,
        blocks,
        convolution,
        "conv{block}_{number}_D",
        leave_out=0 if separate_scores else 1,
        after=drop("decdrop"),
    )
    logits = keras.layers.Conv2D(
        classes,
        3,
        padding="same",
        kernel_initializer="he_normal",
        dtype="float32",
        name=scores,
    )(x)
    model = image_model(images, logits, name)
    if weights is not None:
        load_pretrained(model, weights, scores)
    return model


def SegNetBasic(
    classes: int = 11,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    filters: int = 64,
    depth: int = 4,
    weights: str | os.PathLike | None = None,
    name: str = "segnet_basic",
) -> keras.Model:
    """Build SegNet-Basic: four wide convolutions down, and four up.

    1,416,587 trainable parameters for CamVid's 11 classes, biases included as
    in the authors' Caffe model; their paper says 1.425 million. The decoder
    has no ReLU. Kernels begin by He's rule like the authors' "msra", but
    without values beyond two standard deviations.

    Args:
        classes: Number of classes C, with background if the set has one.
            Defaults to 11.
        input_shape: Shape (height, width, 3) of the images. Defaults to any
            size.
        filters: Number of filters of every convolution. Defaults to 64.
        depth: Number of poolings. Defaults to 4.
        weights: File of a trained SegNet-Basic that `kcv.weights.load_weights`
            takes, such as the authors' "segnet_basic_camvid.caffemodel", or
            None for random weights. Scores of another number of classes keep
            their random values, and a warning is logged. Defaults to None.
        name: Name of the model. Defaults to "segnet_basic".

    Returns:
        A model from images (B, H, W, 3), RGB in 0..255, from which nothing is
        subtracted, to logits (B, H, W, C) float32.

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `classes` is not a number of classes, or weights do not
            fit.

    Example:

    >>> SegNetBasic(4, filters=8)(keras.ops.zeros((1, 50, 31, 3))).shape
    TensorShape([1, 50, 31, 4])
    """
    _check(classes)

    def convolution(layer):
        return keras.layers.Conv2D(
            filters,
            7,
            padding="same",
            kernel_initializer="he_normal",
            name=layer,
        )

    blocks = depth * ((1, filters),)
    images = keras.Input(input_shape, name="images")
    x = LocalResponseNormalization(name="norm")(images)
    x, pooled = encode(
        x, blocks, lambda x, _, layer: normalize(x, convolution(layer))
    )
    x = decode(
        x,
        pooled,
        blocks,
        lambda x, _, layer: normalize(x, convolution(layer), relu=False),
        "conv_decode{block}",
    )
    logits = keras.layers.Conv2D(
        classes,
        1,
        kernel_initializer="he_normal",
        dtype="float32",
        name="score",
    )(x)
    model = image_model(images, logits, name)
    if weights is not None:
        load_pretrained(model, weights, "score")
    return model


def _check(classes):
    require_channels_last()
    if int(classes) != classes or classes < 2:
        raise ValueError(
            "`classes` must be the number of classes, at least 2. Received: "
            f"classes={classes}"
        )
