"""The networks that a mask model is made of.

Shapes: B images of H x W pixels, h x w cells of features, C channels, V
features of a patch, M rows and columns of a mask.
"""

from typing import NamedTuple

import keras

from kcv.classification import Preprocessing
from kcv.classification.resnet_stages import resnet_levels
from kcv.classification.vgg import vgg_trunk
from kcv.masks.settings import PatchGeometry

# Convolutions of VGG-A in each of the five blocks.
_VGG_A = (1, 1, 2, 2, 2)


class MaskParts(NamedTuple):
    """The networks of a mask model, and the patch that they look at.

    Attributes:
        preprocessing: Layer from RGB 0..255 to what the trunk expects.
        trunk: Model from images (B, H, W, 3) to a list of feature maps, the
            finest first and that of the geometry's stride last. A cell must
            see the same pixels in images of all sizes, which strided
            convolutions with `padding="same"` do not.
        head: Model from the last features (B, h, w, C) to `[vectors, scores]`
            of all patches, (B, h - k + 1, w - k + 1, V) and (B, h - k + 1,
            w - k + 1, 1), with k = `geometry.cells`. Scores are logits.
        mask: Dense layer from vectors (..., V) to the logits of masks
            (..., M * M), row by row. None in a SharpMask, which has
            refinement modules instead.
        geometry: `PatchGeometry`.
    """

    preprocessing: keras.layers.Layer
    trunk: keras.Model
    head: keras.Model
    mask: keras.layers.Dense | None
    geometry: PatchGeometry

    @property
    def dtype_policy(self) -> keras.DTypePolicy:
        """Policy under which the trunk was built."""
        return self.trunk.layers[-1].dtype_policy

    @property
    def mask_size(self) -> int:
        """Rows and columns M of a mask, before it is enlarged."""
        return round(self.mask.units**0.5)


def resnet50_mask_parts(
    frozen_batch_norm: bool = True, dropout: float = 0.5
) -> MaskParts:
    """Build the networks of DeepMask of 2016.

    ResNet-50 through conv4_x, with its stride in the 3x3 convolutions and
    symmetric padding, and a head of 512 features that mask and score share.
    17,363,713 parameters besides the statistics of batch normalization.

    Args:
        frozen_batch_norm: Whether batch normalization is constant, as in the
            authors' code. Defaults to True.
        dropout: Probability with which a feature of the score is dropped in
            training. Defaults to 0.5.

    Returns:
        The `MaskParts`.

    Example:

    ```python
    model = kcv.masks.DeepMask(kcv.masks.resnet50_mask_parts(dropout=0.0))
    ```
    """
    images = keras.Input((None, None, 3), name="images")
    levels = resnet_levels(
        images,
        50,
        through=4,
        stride_in="3x3",
        frozen_batch_norm=frozen_batch_norm,
        padding="symmetric",
    )
    trunk = keras.Model(images, levels, name="trunk")
    geometry = PatchGeometry()
    return MaskParts(
        Preprocessing.caffe(name="preprocessing"),
        trunk,
        shared_head(trunk, geometry, 128, 512, 1024, dropout),
        keras.layers.Dense(56 * 56, name="mask"),
        geometry,
    )


def vgg11_mask_parts(dropout: float = 0.5) -> MaskParts:
    """Build the networks of DeepMask of 2015.

    The convolutions of VGG-A without the last pooling, on patches of 224
    pixels without context, and two heads. 75,844,545 parameters. The head of
    the score pools the features once more. In a scene it does so at every
    cell, with holes in the filters of the next layer, so that its scores have
    the stride of the masks. The paper shifts and interleaves its maps to the
    same effect.

    Args:
        dropout: Probability with which a feature of the score is dropped in
            training. Defaults to 0.5.

    Returns:
        The `MaskParts`.

    Example:

    ```python
    model = kcv.masks.DeepMask(kcv.masks.vgg11_mask_parts(dropout=0.0))
    ```
    """
    images = keras.Input((None, None, 3), name="images")
    outputs = vgg_trunk(images, _VGG_A)
    names = [f"conv{block}_{count}" for block, count in enumerate(_VGG_A, 1)]
    levels = [outputs[name] for name in names]
    trunk = keras.Model(images, levels, name="trunk")
    geometry = PatchGeometry(224, 0)
    cells = geometry.cells

    features = keras.Input(trunk.output[-1].shape[1:], name="features")
    conv = keras.layers.Conv2D
    x = conv(512, 1, activation="relu", name="mask_reduce")(features)
    vectors = conv(512, cells, name="vector")(x)

    x = keras.layers.MaxPooling2D(2, 1, name="score_pool")(features)
    x = conv(
        512, cells // 2, dilation_rate=2, activation="relu", name="score1"
    )(x)
    x = keras.layers.Dropout(dropout, name="score1_drop")(x)
    x = conv(1024, 1, activation="relu", name="score2")(x)
    x = keras.layers.Dropout(dropout, name="score2_drop")(x)
    scores = conv(1, 1, name="score3")(x)
    return MaskParts(
        Preprocessing.caffe(name="preprocessing"),
        trunk,
        keras.Model(features, [vectors, scores], name="head"),
        keras.layers.Dense(56 * 56, name="mask"),
        geometry,
    )


def small_mask_parts(dropout: float = 0.5) -> MaskParts:
    """Build networks that learn digit scenes in minutes.

    Patches of 64 pixels with 16 pixels of context, eight convolutions with
    batch normalization, the head of 2016 with half of its features, and masks
    of 32 x 32. 1.4 million parameters.

    Args:
        dropout: Probability with which a feature of the score is dropped in
            training. Defaults to 0.5.

    Returns:
        The `MaskParts`.

    Example:

    >>> small_mask_parts().geometry.input_size
    96
    """
    x = images = keras.Input((None, None, 3), name="images")
    levels = []
    for number, (filters, stride) in enumerate(
        (
            (24, 2),
            (32, 2),
            (32, 1),
            (64, 2),
            (64, 1),
            (128, 2),
            (128, 1),
            (128, 1),
        ),
        start=1,
    ):
        if stride == 2:
            if number > 1:
                levels.append(x)
            # Padding "same" puts the row and the column that are missing after
            # maps of even sizes, and on both sides of maps of odd sizes. These
            # occur in scenes alone, and what is seen there would be shifted.
            x = keras.layers.ZeroPadding2D(
                ((0, 1), (0, 1)), name=f"conv{number}_pad"
            )(x)
        x = keras.layers.Conv2D(
            filters,
            3,
            stride,
            padding="valid" if stride == 2 else "same",
            use_bias=False,
            kernel_initializer="he_normal",
            name=f"conv{number}",
        )(x)
        x = keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, name=f"bn{number}"
        )(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
    trunk = keras.Model(images, [*levels, x], name="trunk")
    geometry = PatchGeometry(64)
    return MaskParts(
        Preprocessing(127.5, 63.75, name="preprocessing"),
        trunk,
        shared_head(trunk, geometry, 128, 256, 512, dropout),
        keras.layers.Dense(32 * 32, name="mask"),
        geometry,
    )


def shared_head(
    trunk: keras.Model,
    geometry: PatchGeometry,
    reduced: int,
    vector: int,
    hidden: int,
    dropout: float = 0.5,
) -> keras.Model:
    """Build the head of 2016, whose features mask and score share.

    Args:
        trunk: Model whose last output the head is applied to.
        geometry: `PatchGeometry` of the trunk.
        reduced: Number of channels of the 1x1 convolution.
        vector: Number V of features of a patch, which are linear.
        hidden: Number of hidden units of the score.
        dropout: Probability with which a feature of the score is dropped in
            training. Defaults to 0.5.

    Returns:
        Model from features (B, h, w, C) to `[vectors, scores]`, see
        `MaskParts`.

    Example:

    >>> images = keras.Input((None, None, 3))
    >>> trunk = keras.Model(images, [keras.layers.Conv2D(8, 16, 16)(images)])
    >>> head = shared_head(trunk, PatchGeometry(64), 4, 6, 5)
    >>> [output.shape for output in head(keras.Input((7, 9, 8)))]
    [(None, 4, 6, 6), (None, 4, 6, 1)]
    """
    features = keras.Input(trunk.output[-1].shape[1:], name="features")
    conv = keras.layers.Conv2D
    x = conv(reduced, 1, activation="relu", name="reduce")(features)
    vectors = conv(vector, geometry.cells, name="vector")(x)
    x = keras.layers.Dropout(dropout, name="score1_drop")(vectors)
    x = conv(hidden, 1, activation="relu", name="score1")(x)
    x = keras.layers.Dropout(dropout, name="score2_drop")(x)
    scores = conv(1, 1, name="score2")(x)
    return keras.Model(features, [vectors, scores], name="head")
