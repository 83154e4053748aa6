"""DeconvNet (Noh, Hong and Han 2015).

The encoder is VGG-16 down to a single cell. The decoder is its mirror image,
with unpooling by the switches and transposed convolutions. The convolutions of
the encoder have the names of the authors' Caffe models. The convolutions of a
block of the decoder are numbered downward in kcv, and upward in their models.
`kcv.weights` translates the names of their files.
"""

import os
from collections.abc import Sequence

import keras

from kcv.classification.preprocessing import Preprocessing
from kcv.segmentation.encoder_decoder import VGG16_BLOCKS
from kcv.segmentation.encoder_decoder import decode
from kcv.segmentation.encoder_decoder import encode
from kcv.segmentation.encoder_decoder import load_pretrained
from kcv.segmentation.encoder_decoder import normalize
from kcv.segmentation.fcn import FCN_MEAN
from kcv.training.image_model import image_model


def DeconvNet(
    classes: int = 21,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    blocks: Sequence[tuple[int, int]] = VGG16_BLOCKS,
    units: int = 4096,
    weights: str | os.PathLike | None = None,
    kernel_initializer: str | keras.initializers.Initializer | None = None,
    name: str = "deconvnet",
) -> keras.Model:
    """Build DeconvNet for windows of one size.

    The network has 251,805,653 trainable parameters for VOC. Batch
    normalization follows every convolution except for the last one. The authors
    compute its statistics again after training, see
    `kcv.segmentation.recompute_batch_norm`.

    Args:
        classes: Number of classes C, with background. Defaults to 21.
        input_shape: Shape (height, width, 3) of the windows. The filters of fc6
            cover the last feature map of the encoder. Defaults to (224, 224,
            3).
        blocks: Number of convolutions and of filters of each block of the
            encoder. Defaults to those of VGG-16.
        units: Number of filters of fc6 and fc7. Defaults to 4096.
        weights: "imagenet" for the weights of VGG-16 of keras.applications,
            which are downloaded and initialize the encoder, fc6 and fc7, or the
            path of a file that `kcv.weights.load_weights` reads. The file of a
            VGG-16 initializes the encoder. That of a trained DeconvNet, such as
            the authors' "DeconvNet_trainval_inference.caffemodel", initializes
            all layers. Scores of another number of classes keep their random
            values, and a warning is logged. If None, weights are random.
            Defaults to None.
        kernel_initializer: Initializer of all kernels. If None, it is the
            authors' Gaussian with a standard deviation of 0.01. Defaults to
            None.
        name: Name of the model. Defaults to "deconvnet".

    Returns:
        A model from windows (B, H, W, 3), RGB in 0..255, to logits
        (B, H, W, C) float32.

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If `classes` is not a number of classes, `input_shape` is
            not fixed, or weights do not fit.

    Example:

    >>> small = ((1, 8), (1, 16))
    >>> DeconvNet(4, (64, 48, 3), small, units=32).output_shape
    (None, 64, 48, 4)
    """
    if int(classes) != classes or classes < 2:
        raise ValueError(
            "`classes` must be the number of classes with background, at "
            f"least 2. Received: classes={classes}"
        )
    if None in input_shape:
        raise ValueError(
            "`input_shape` must be fixed, since fc6 covers all of a window. "
            f"Received: input_shape={input_shape}"
        )
    if kernel_initializer is None:
        kernel_initializer = keras.initializers.RandomNormal(stddev=0.01)
    initializer = keras.initializers.get(kernel_initializer)

    def down(x, filters, layer, size=3, padding="same"):
        convolution = keras.layers.Conv2D(
            filters,
            size,
            padding=padding,
            kernel_initializer=initializer.clone(),
            name=layer,
        )
        return normalize(x, convolution)

    def up(x, filters, layer, size=3, padding="same"):
        convolution = keras.layers.Conv2DTranspose(
            filters,
            size,
            padding=padding,
            kernel_initializer=initializer.clone(),
            name=layer,
        )
        return normalize(x, convolution)

    images = keras.Input(input_shape, name="images")
    x = Preprocessing(FCN_MEAN, name="normalization")(images)
    x, pooled = encode(x, blocks, down)
    cells, filters = x.shape[1:3], x.shape[3]
    x = down(x, units, "fc6", cells, "valid")  # (B, 1, 1, 4096)
    x = down(x, units, "fc7", 1)
    x = up(x, filters, "fc6-deconv", cells, "valid")
    x = decode(x, pooled, blocks, up, "deconv{block}_{number}")
    logits = keras.layers.Conv2D(
        classes,
        1,
        kernel_initializer=initializer.clone(),
        dtype="float32",
        name="seg-score",
    )(x)
    model = image_model(images, logits, name)
    if weights is not None:
        load_pretrained(model, weights, "seg-score")
    return model
