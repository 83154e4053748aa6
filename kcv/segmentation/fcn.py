"""Fully convolutional networks (Long, Shelhamer and Darrell 2015).

    image -> trunk -> fc6, fc7 -> score_fr ----> up ------> labels, stride 32
               |                               + score_pool4 -> up, stride 16
               '- pool4, pool3 ----------------'  + score_pool3 -> up, stride 8

B images, C classes with background. Layers have the names of the authors'
Caffe models. Which cell of one map lies on which cell of another is in
`BACKBONES`; all of it follows from where the cells of each map have their
centres.
"""

import logging
import os
from collections.abc import Callable
from typing import NamedTuple

import keras

from kcv.classification.alexnet import alexnet_trunk
from kcv.classification.googlenet import googlenet_trunk
from kcv.classification.preprocessing import Preprocessing
from kcv.classification.vgg import vgg_trunk
from kcv.initializers import Bilinear
from kcv.layers import CropLike
from kcv.segmentation.alignment import Fuse
from kcv.weights import load_weights

#: Of the authors' data layers, RGB in 0..255.
FCN_MEAN = (122.67892, 116.66877, 104.00699)

_LOG = logging.getLogger(__name__)

# Beginnings of names of layers: those of classifiers that have no place here;
# those that a classifier has no weights for; those that a file may lack, as
# classifiers without dense layers and coarser networks do; and those that a
# network may lack, as finer networks' scores.
_CLASSIFIERS = ("fc8", "loss")
_HEADS = ("score_", "upscore")
_MAY_BE_MISSING = ("fc6", "fc7", *_HEADS)
_MAY_BE_LEFT = (*_HEADS, "scale_")


class Geometry(NamedTuple):
    """Where maps lie on each other, for one padding of a backbone.

    Attributes:
        pad: zeros in front of and behind the image, before the trunk, which
            pads further by itself.
        fc6: zeros in front of and behind what fc6 sees.
        crops: row of the last enlarged scores that lies on the first pixel,
            for strides 32, 16 and 8.
        fuse: of strides 16 and 8, rows left out of the enlarged scores and of
            the skip.
    """

    pad: tuple[int, int]
    fc6: tuple[int, int]
    crops: dict[int, int]
    fuse: dict[int, tuple[int, int]]


class Backbone(NamedTuple):
    """A classifier that labels every pixel.

    Attributes:
        trunk: from images to named maps.
        maps: the names of the maps of strides 32, 16 and 8.
        fc6: side of the kernel of fc6; 0 for a classifier without fc6, fc7.
        odd: whether cells have their centres on a pixel, not between two:
            kernels of 2 f - 1 enlarge by f then, else of 2 f.
        same: of padding "same".
        pad100: of padding "pad100".
    """

    trunk: Callable[[keras.KerasTensor], dict[str, keras.KerasTensor]]
    maps: dict[int, str]
    fc6: int
    odd: bool
    same: Geometry
    pad100: Geometry | None


BACKBONES = {
    "vgg16": Backbone(
        vgg_trunk,
        {32: "pool5", 16: "pool4", 8: "pool3"},
        fc6=7,
        odd=False,
        same=Geometry(
            (0, 0), (3, 3), {32: 16, 16: 8, 8: 4}, {16: (1, 0), 8: (1, 0)}
        ),
        # conv1_1 pads by 1 itself.
        pad100=Geometry(
            (99, 99), (0, 0), {32: 19, 16: 27, 8: 31}, {16: (0, 5), 8: (0, 9)}
        ),
    ),
    "alexnet": Backbone(
        lambda images: alexnet_trunk(images, "caffenet"),
        {32: "pool5", 16: "norm2", 8: "norm1"},
        fc6=6,
        odd=True,
        same=Geometry(
            (33, 33), (2, 3), {32: 15, 16: 15, 8: 15}, {16: (0, 1), 8: (0, 2)}
        ),
        pad100=Geometry(
            (100, 100),
            (0, 0),
            {32: 18, 16: 18, 8: 18},
            {16: (0, 5), 8: (0, 10)},
        ),
    ),
    # Whose reference never appeared.
    "googlenet": Backbone(
        googlenet_trunk,
        {32: "inception_5b", 16: "inception_4e", 8: "inception_3b"},
        fc6=0,
        odd=True,
        # The least zeros behind for which one row already has a cell.
        same=Geometry(
            (14, 16), (0, 0), {32: 15, 16: 15, 8: 15}, {16: (0, 0), 8: (0, 0)}
        ),
        # conv1 pads by 3 itself.
        pad100=Geometry(
            (97, 97), (0, 0), {32: 98, 16: 98, 8: 98}, {16: (0, 0), 8: (0, 0)}
        ),
    ),
}


def FCN32s(classes: int = 21, backbone="vgg16", **options) -> keras.Model:
    """Build FCN-32s: labels from the last map alone. See `FCN`."""
    return FCN(classes, backbone, 32, **options)


def FCN16s(classes: int = 21, backbone="vgg16", **options) -> keras.Model:
    """Build FCN-16s: with a skip from the map of stride 16. See `FCN`."""
    return FCN(classes, backbone, 16, **options)


def FCN8s(classes: int = 21, backbone="vgg16", **options) -> keras.Model:
    """Build FCN-8s: with skips from strides 16 and 8. See `FCN`."""
    return FCN(classes, backbone, 8, **options)


def FCN(
    classes: int = 21,
    backbone: str | keras.Model = "vgg16",
    stride: int = 8,
    weights: str | os.PathLike | None = None,
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    padding: str = "same",
    upsampling: str = "fixed",
    at_once: bool = False,
    dropout: float = 0.5,
    name: str | None = None,
) -> keras.Model:
    """Label every pixel by a classifier turned into convolutions.

    Long, Shelhamer and Darrell, CVPR 2015. fc6 and fc7 become convolutions
    with the classifier's weights, scores start at zero, transposed
    convolutions at bilinear interpolation. The paper trains 32s first, then
    16s from its weights and 8s from those (`kcv.segmentation.go_on_from`), or
    all three at once.

    Args:
        classes: C, with background, which is class 0.
        backbone: "vgg16", "alexnet" (Caffe's reference network), "googlenet",
            or a keras.Model from images to maps with layers of the names
            `pool3`, `pool4` and `pool5` at strides 8, 16 and 32, whose cells
            lie side by side as those of 2x2 poolings do; it is scored as it
            is, without fc6 and fc7.
        stride: 32, 16 or 8.
        weights: Pretrained weights. None for random ones; "imagenet" for the
            classifier of keras.applications, which is downloaded; or a file
            that `kcv.weights.load_weights` takes: of the classifier, with or
            without its dense layers, or of a trained FCN, such as the
            authors' "fcn8s-heavy-pascal.caffemodel" for
            `FCN8s(21, padding="pad100")`. Scores of another number of classes
            and those that the file does not have begin at zero, and a warning
            is logged that names them. Defaults to None.
        input_shape: (height, width, 3); any size by default.
        padding: "same", where an image of 32 m pixels has m cells; or
            "pad100", the authors' 100 pixels of zeros around the image with
            their offsets. Both are exactly aligned.
        upsampling: "fixed", as in the authors' code; or "learned": all but the
            last transposed convolution go on from bilinear, as in the paper.
        at_once: Whether skips are scaled by .01 and .0001, with which the
            authors train all strides at once. The authors' file of that
            network needs True. Defaults to False.
        dropout: of fc6 and fc7.
        name: of the model.

    Returns:
        A model from images (B, H, W, 3), RGB in 0..255, to logits
        (B, H, W, C) float32. H and W may be any numbers.

    Raises:
        FileNotFoundError: if `weights` is a file that does not exist.
        ValueError: if an argument is none of these, or weights do not fit.

    Example:

    >>> model = FCN8s(classes=21)
    >>> model(keras.ops.zeros((1, 33, 70, 3))).shape
    TensorShape([1, 33, 70, 21])
    """
    if stride not in (32, 16, 8):
        raise ValueError(
            f"stride must be 32, 16 or 8. Received: stride={stride}"
        )
    if int(classes) != classes or classes < 2:
        raise ValueError(
            "classes must be the number of classes with background, 2 at "
            f"least. Received: classes={classes}"
        )
    if padding not in ("same", "pad100"):
        raise ValueError(
            f'padding must be "same" or "pad100". Received: {padding!r}'
        )
    if upsampling not in ("fixed", "learned"):
        raise ValueError(
            f'upsampling must be "fixed" or "learned". Received: {upsampling!r}'
        )
    known = _backbone(backbone)
    geometry = known.same if padding == "same" else known.pad100
    if geometry is None:
        raise ValueError(
            'padding="pad100" is for the backbones of the paper, '
            f"{[*BACKBONES]}. Received: backbone={backbone!r}"
        )

    def enlarge(x, factor, layer, fixed, dtype=None):
        return keras.layers.Conv2DTranspose(
            classes,
            2 * factor - known.odd,
            factor,
            use_bias=False,
            kernel_initializer=Bilinear(),
            trainable=not fixed,
            dtype=dtype,
            name=layer,
        )(x)

    # === Trunk ===
    images = keras.Input(input_shape, name="images")
    x = Preprocessing(FCN_MEAN, name="normalization")(images)
    if any(geometry.pad):
        x = keras.layers.ZeroPadding2D(2 * (geometry.pad,), name="pad")(x)
    maps = known.trunk(x)
    x = maps[known.maps[32]]

    # === fc6, fc7: (B, H / 32, W / 32, 4096) ===
    if known.fc6:
        if any(geometry.fc6):
            x = keras.layers.ZeroPadding2D(2 * (geometry.fc6,), name="fc6_pad")(
                x
            )
        for layer, side in (("6", known.fc6), ("7", 1)):
            x = keras.layers.Conv2D(
                4096,
                side,
                activation="relu",
                kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
                name=f"fc{layer}",
            )(x)
            x = keras.layers.Dropout(dropout, name=f"drop{layer}")(x)

    # === Scores, from coarse to fine ===
    x = _scores(x, classes, "score_fr")
    current = 32
    for finer, pool, scale, layer in (
        (16, "pool4", 0.01, "upscore2"),
        (8, "pool3", 0.0001, "upscore_pool4"),
    ):
        if stride > finer:
            break
        x = enlarge(x, 2, layer, upsampling == "fixed")
        skip = maps[known.maps[finer]]
        if at_once:
            skip = keras.layers.Rescaling(scale, name=f"scale_{pool}")(skip)
        skip = _scores(skip, classes, f"score_{pool}")
        x = Fuse(*geometry.fuse[finer], name=f"fuse_{pool}")([x, skip])
        current = finer

    # === Labels: (B, H, W, C) ===
    layer = "upscore" if current == 32 else f"upscore{current}"
    x = enlarge(x, current, layer, True, "float32")
    logits = CropLike(geometry.crops[current], dtype="float32", name="score")(
        [x, images]
    )
    model = keras.Model(images, logits, name=name or f"fcn{stride}s")
    if weights is not None:
        _load(model, weights, at_once)
    return model


def go_on_from(model: keras.Model, trained: keras.Model) -> list[str]:
    """Begin a network with the layers of another that have the same shape.

    As FCN-16s begins with those of FCN-32s: what is new keeps its values.

    Args:
        model: to begin.
        trained: to begin with.

    Returns:
        Names of the layers of `model` that have weights and keep their own.

    Raises:
        ValueError: if they have no layer in common.

    Example:

    ```python
    finer = FCN16s(21)
    go_on_from(finer, coarse)
    ```
    """
    known = {layer.name: layer for layer in trained.layers if layer.weights}
    new, common = [], 0
    for layer in model.layers:
        if not layer.weights:
            continue
        values = known[layer.name].get_weights() if layer.name in known else []
        if [v.shape for v in values] != [w.shape for w in layer.weights]:
            new.append(layer.name)
            continue
        layer.set_weights(values)
        common += 1
    if not common:
        raise ValueError(
            f"{model.name} and {trained.name} have no layer in common, of the "
            f"same name and shape. Received: {new} and {[*known]}"
        )
    return new


def _scores(x, classes, name):
    """1x1 convolution from zero, without the say of random numbers."""
    return keras.layers.Conv2D(
        classes, 1, kernel_initializer="zeros", name=name
    )(x)


def _backbone(backbone):
    if isinstance(backbone, keras.Model):
        names = {32: "pool5", 16: "pool4", 8: "pool3"}
        missing = [
            name
            for name in names.values()
            if name not in {layer.name for layer in backbone.layers}
        ]
        if missing:
            raise ValueError(
                "backbone must have layers pool3, pool4 and pool5; "
                f"{', '.join(missing)} missing in {backbone.name}"
            )
        outputs = {n: backbone.get_layer(n).output for n in names.values()}
        maps = keras.Model(backbone.inputs, outputs, name=backbone.name)
        same = BACKBONES["vgg16"].same
        return Backbone(maps, names, 0, odd=False, same=same, pad100=None)
    if backbone not in BACKBONES:
        raise ValueError(
            f"backbone must be one of {[*BACKBONES]} or a keras.Model. "
            f"Received: backbone={backbone!r}"
        )
    return BACKBONES[backbone]


def _load(model, weights, at_once):
    """Load a classifier's weights, or those of a network of this family."""
    report = load_weights(
        model,
        weights,
        strict=False,
        skip=_CLASSIFIERS,
        skip_mismatch=_HEADS,
    )
    missing = [x for x in report.missing if not x.startswith(_MAY_BE_MISSING)]
    left_over = [x for x in report.left_over if not x.startswith(_MAY_BE_LEFT)]
    if missing or left_over:
        raise ValueError(
            f"weights={str(weights)!r} are of another network.\n{report}"
        )
    # A classifier has no scores: all begin at zero, as in the paper.
    own = {layer.name for layer in model.layers if layer.weights}
    own = {name for name in own if name.startswith(_HEADS)}
    trained = own & {name.split("/")[0] for name in report.matched}
    if not trained and not report.mismatched:
        return
    scaled = any(x.startswith("scale_") for x in report.left_over)
    if scaled and not at_once:
        raise ValueError(
            f"at_once must be True for weights={str(weights)!r}, which belong "
            f"to scaled skips. Received: at_once={at_once}"
        )
    if trained < own:
        _LOG.warning(
            "%s: weights=%r have no %s of %s classes, which keep their initial "
            "values.",
            model.name,
            str(weights),
            ", ".join(sorted(own - trained)),
            model.output_shape[-1],
        )
