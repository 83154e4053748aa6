"""Fully convolutional networks (Long, Shelhamer and Darrell 2015).

    image -> trunk -> fc6, fc7 -> score_fr ----> up ------> labels, stride 32
               |                               + score_pool4 -> up, stride 16
               '- pool4, pool3 ----------------'  + score_pool3 -> up, stride 8

B images, C classes with background. Layers have the names of the authors'
Caffe models. Which cell of one map lies on which cell of another follows from
the pixels on which the cells of each map have their centers.
"""

import logging
import os
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import keras

from kcv.classification.alexnet import alexnet_trunk
from kcv.classification.googlenet import googlenet_trunk
from kcv.classification.preprocessing import ILSVRC_MEAN
from kcv.classification.preprocessing import Preprocessing
from kcv.classification.preprocessing import as_preprocessing_layer
from kcv.classification.preprocessing import check_preprocessing
from kcv.classification.vgg import vgg_trunk
from kcv.initializers import Bilinear
from kcv.layers import CropLike
from kcv.segmentation.alignment import Fuse
from kcv.training.image_model import image_model
from kcv.weights import load_trained
from kcv.weights import load_weights
from kcv.weights.trained import is_trained

#: Mean of the authors' data layers, RGB in 0..255.
FCN_MEAN = ILSVRC_MEAN

_LOG = logging.getLogger(__name__)

# Prefixes of layer names: layers of classifiers that FCNs do not have, layers
# that classifiers have no weights for, layers that a file may lack (of
# classifiers without dense layers, and of coarser networks), and layers that a
# network may lack (the scores of finer networks).
_CLASSIFIERS = ("fc8", "loss")
_HEADS = ("score_", "upscore")
_MAY_BE_MISSING = ("fc6", "fc7", *_HEADS)
_MAY_BE_LEFT = (*_HEADS, "scale_")
_CLASS_LAYERS = {"score_fr": 0, "score_pool4": 0, "score_pool3": 0}


class Window(NamedTuple):
    """A convolution or pooling, which moves the centers of cells.

    Attributes:
        size: Side of the window.
        stride: Distance from window to window.
        before: Number of rows before the map at which the first window begins.
    """

    size: int
    stride: int
    before: int


class Padding(NamedTuple):
    """Numbers of zeros before and after a map, along both axes.

    Attributes:
        image: Zeros around the image, besides those of the trunk's layers.
        fc6: Zeros around the input of fc6. Defaults to `(0, 0)`.
    """

    image: tuple[int, int]
    fc6: tuple[int, int] = (0, 0)


class Backbone(NamedTuple):
    """A classifier as the trunk of an FCN.

    Attributes:
        trunk: Function from images (B, H, W, 3) to named maps (B, h, w, C).
        maps: Names of the maps, by stride.
        windows: Convolutions and poolings from the map of the stride before up
            to the map of each stride, 8, 16 and 32, other than those that
            leave centers where they are.
        fc6: Side of the kernel of fc6; 0 for a classifier without fc6, fc7.
        paddings: "same", under which an image of 32 m pixels has m cells, and
            "pad100", the authors'.
    """

    trunk: Callable[[keras.KerasTensor], dict[str, keras.KerasTensor]]
    maps: dict[int, str]
    windows: dict[int, tuple[Window, ...]]
    fc6: int
    paddings: dict[str, Padding]


_CONV3, _POOL2, _POOL3 = Window(3, 1, 1), Window(2, 2, 0), Window(3, 2, 0)

BACKBONES = {
    "vgg16": Backbone(
        vgg_trunk,
        {32: "pool5", 16: "pool4", 8: "pool3"},
        {8: 3 * (_CONV3, _POOL2), 16: (_POOL2,), 32: (_POOL2,)},
        fc6=7,
        # conv1_1 pads by 1 itself.
        paddings={
            "same": Padding((0, 0), (3, 3)),
            "pad100": Padding((99, 99)),
        },
    ),
    "alexnet": Backbone(
        lambda images: alexnet_trunk(images, "caffenet"),
        {32: "pool5", 16: "norm2", 8: "norm1"},
        {8: (Window(11, 4, 0), _POOL3), 16: (_POOL3,), 32: (_POOL3,)},
        fc6=6,
        paddings={
            "same": Padding((33, 33), (2, 3)),
            "pad100": Padding((100, 100)),
        },
    ),
    # The authors have not published a reference of it.
    "googlenet": Backbone(
        googlenet_trunk,
        {32: "inception_5b", 16: "inception_4e", 8: "inception_3b"},
        {8: (Window(7, 2, 3), _POOL3, _POOL3), 16: (_POOL3,), 32: (_POOL3,)},
        fc6=0,
        paddings={
            # The smallest number of zeros with which one row has a cell.
            "same": Padding((14, 16)),
            # conv1 pads by 3 itself.
            "pad100": Padding((97, 97)),
        },
    ),
}


class Alignment(NamedTuple):
    """Offsets between the maps of an FCN.

    Attributes:
        odd: Whether cells have their centers on a pixel and not between two.
            Kernels of 2 f - 1 then enlarge by f, otherwise kernels of 2 f.
        crops: Row of the last enlarged scores that lies on the first pixel,
            for strides 32, 16 and 8.
        fuse: Rows left out of the enlarged scores and of the skip, for strides
            16 and 8.
    """

    odd: bool
    crops: dict[int, int]
    fuse: dict[int, tuple[int, int]]


def find_centers(backbone: Backbone, padding: str) -> dict[int, float]:
    """Find the pixels on which the first cells of maps have their centers.

    Args:
        backbone: Entry of `BACKBONES`.
        padding: "same" or "pad100".

    Returns:
        Distances from the center of the first pixel, in pixels, by stride. The
        one of stride 32 belongs to the scores, behind fc6.

    Example:

    >>> find_centers(BACKBONES["vgg16"], "same")
    {8: 3.5, 16: 7.5, 32: 15.5}
    """
    zeros = backbone.paddings[padding]
    center, jump = -float(zeros.image[0]), 1
    centers = {}
    for stride, windows in backbone.windows.items():
        for size, step, before in windows:
            center += jump * ((size - 1) / 2 - before)
            jump *= step
        centers[stride] = center
    if backbone.fc6:
        centers[32] += 32 * ((backbone.fc6 - 1) / 2 - zeros.fc6[0])
    return centers


def align(centers: Mapping[int, float]) -> Alignment:
    """Compute which cells of enlarged scores lie on which cells of skips.

    Args:
        centers: Centers of the first cells of the maps of strides 8, 16 and
            32, as `find_centers` gives them.

    Returns:
        The alignment.

    Raises:
        ValueError: If the cells of enlarged scores lie between the pixels or
            between the cells of a skip, or if the first pixels have no scores.

    Example:

    >>> align({8: 3.5, 16: 7.5, 32: 15.5}).crops
    {32: 16, 16: 8, 8: 4}
    """
    odd = float(centers[32]).is_integer()

    def enlarge(center, stride, factor):
        """Find the center of the first cell after a transposed convolution."""
        return center - stride / factor * (2 * factor - odd - 1) / 2

    center = centers[32]
    crops, fuse = {32: -enlarge(center, 32, 32)}, {}
    for stride in (16, 8):
        center = enlarge(center, 2 * stride, 2)
        ahead = (centers[stride] - center) / stride
        fuse[stride] = (max(ahead, 0), max(-ahead, 0))
        center = max(center, centers[stride])
        crops[stride] = -enlarge(center, stride, stride)
    offsets = [*crops.values(), *fuse[16], *fuse[8]]
    if min(offsets) < 0 or not all(float(x).is_integer() for x in offsets):
        raise ValueError(
            "`centers` must be those of maps whose cells lie on each other. "
            f"Received: centers={[centers[8], centers[16], centers[32]]}"
        )
    return Alignment(
        odd,
        {stride: int(crop) for stride, crop in crops.items()},
        {stride: (int(x), int(y)) for stride, (x, y) in fuse.items()},
    )


def FCN32s(
    classes: int = 21, backbone: str | keras.Model = "vgg16", **options: Any
) -> keras.Model:
    """Build FCN-32s, which scores the last map only.

    Args:
        classes: Number of classes C, including background, which is class 0.
            Defaults to 21.
        backbone: "vgg16", "alexnet", "googlenet", or a keras.Model from images
            to maps. Defaults to "vgg16".
        **options: Further arguments of `FCN`, such as `weights`.

    Returns:
        Keras model that maps images (B, H, W, 3), RGB in [0, 255], to logits
        (B, H, W, C) float32.
    """
    return FCN(classes, backbone, 32, **options)


def FCN16s(
    classes: int = 21, backbone: str | keras.Model = "vgg16", **options: Any
) -> keras.Model:
    """Build FCN-16s, which also scores the map of stride 16.

    Args:
        classes: Number of classes C, including background, which is class 0.
            Defaults to 21.
        backbone: "vgg16", "alexnet", "googlenet", or a keras.Model from images
            to maps. Defaults to "vgg16".
        **options: Further arguments of `FCN`, such as `weights`.

    Returns:
        Keras model that maps images (B, H, W, 3), RGB in [0, 255], to logits
        (B, H, W, C) float32.
    """
    return FCN(classes, backbone, 16, **options)


def FCN8s(
    classes: int = 21, backbone: str | keras.Model = "vgg16", **options: Any
) -> keras.Model:
    """Build FCN-8s, which also scores the maps of strides 16 and 8.

    Args:
        classes: Number of classes C, including background, which is class 0.
            Defaults to 21.
        backbone: "vgg16", "alexnet", "googlenet", or a keras.Model from images
            to maps. Defaults to "vgg16".
        **options: Further arguments of `FCN`, such as `weights`.

    Returns:
        Keras model that maps images (B, H, W, 3), RGB in [0, 255], to logits
        (B, H, W, C) float32.
    """
    return FCN(classes, backbone, 8, **options)


def FCN(
    classes: int = 21,
    backbone: str | keras.Model = "vgg16",
    stride: int = 8,
    weights: str | os.PathLike | None = None,
    *,
    preprocessing: keras.layers.Layer | Callable | None = None,
    layers: Sequence[str] = ("pool3", "pool4", "pool5"),
    centers: Sequence[float] = (3.5, 7.5, 15.5),
    input_shape: tuple[int | None, int | None, int] = (None, None, 3),
    padding: str = "same",
    upsampling: str = "fixed",
    at_once: bool = False,
    dropout: float = 0.5,
    name: str | None = None,
) -> keras.Model:
    """Build a fully convolutional network, which labels every pixel.

    Long, Shelhamer and Darrell, CVPR 2015. fc6 and fc7 become convolutions
    with the classifier's weights, scores start at zero, and transposed
    convolutions at bilinear interpolation. The paper first trains FCN-32s,
    then FCN-16s from its weights and FCN-8s from those
    (`kcv.segmentation.continue_from`), or all three at once.

    Args:
        classes: Number of classes C, with background, which is class 0.
            Defaults to 21.
        backbone: "vgg16", "alexnet" (Caffe's reference network), "googlenet",
            or a keras.Model from images to maps, which needs `preprocessing`.
            Such a model has no fc6 and fc7. Defaults to "vgg16".
        stride: Stride of the finest map that is scored: 32, 16 or 8. Defaults
            to 8.
        weights: Pretrained weights. None for random ones; "imagenet" for the
            classifier of keras.applications, which is downloaded; or the path
            of a file that `kcv.weights.load_weights` reads: of the classifier,
            with or without its dense layers, or of a trained FCN, such as the
            authors' "fcn8s-heavy-pascal.caffemodel" for `FCN8s(21,
            padding="pad100")`. Scores of another number of classes and those
            that the file does not have begin at zero, and a warning is logged
            that names them. Defaults to None.
        preprocessing: Layer or function from RGB in 0..255 to what a
            keras.Model backbone expects; `keras.layers.Identity()` for a model
            that scales images itself. Required for a keras.Model, and refused
            otherwise. Defaults to None.
        layers: Names of the layers of a keras.Model backbone whose maps have
            strides 8, 16 and 32. Defaults to ("pool3", "pool4", "pool5").
        centers: Pixels on which the first cells of these maps have their
            centers, counted from the center of the first pixel. Defaults to
            (3.5, 7.5, 15.5), those of 2x2 poolings; networks that pad strided
            windows on all sides, as keras.applications' ResNets do, have
            (0, 0, 0).
        input_shape: Shape (height, width, 3) of the images. Defaults to any
            size.
        padding: "same", under which an image of 32 m pixels has m cells; or
            "pad100", the authors' 100 pixels of zeros around the image with
            their offsets. Both are exactly aligned. Defaults to "same".
        upsampling: "fixed", as in the authors' code; or "learned", as in the
            paper, where all but the last transposed convolution train.
            Defaults to "fixed".
        at_once: Whether skips are scaled by .01 and .0001, with which the
            authors train all strides at once. The authors' file of that
            network needs True. Defaults to False.
        dropout: Dropout rate behind fc6 and fc7. Float. Defaults to 0.5.
        name: Name of the model. Defaults to "fcn32s", "fcn16s" or "fcn8s".

    Returns:
        A model from images (B, H, W, 3), RGB in 0..255, to logits
        (B, H, W, C) float32. H and W may be any numbers.

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If an argument has an unsupported value, or weights do not
            fit.

    Example:

    >>> model = FCN8s(classes=21)
    >>> model(keras.ops.zeros((1, 33, 70, 3))).shape
    TensorShape([1, 33, 70, 21])

    With a network of keras.applications:

    ```python
    model = FCN8s(
        21,
        keras.applications.ResNet50(include_top=False),
        preprocessing=keras.applications.resnet.preprocess_input,
        layers=("conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
        centers=(0, 0, 0),
    )
    ```
    """
    if stride not in (32, 16, 8):
        raise ValueError(
            f"`stride` must be 32, 16 or 8. Received: stride={stride}"
        )
    if int(classes) != classes or classes < 2:
        raise ValueError(
            "`classes` must be the number of classes with background, at "
            f"least 2. Received: classes={classes}"
        )
    if padding not in ("same", "pad100"):
        raise ValueError(
            '`padding` must be "same" or "pad100". Received: '
            f"padding={padding!r}"
        )
    if upsampling not in ("fixed", "learned"):
        raise ValueError(
            '`upsampling` must be "fixed" or "learned". Received: '
            f"upsampling={upsampling!r}"
        )
    if isinstance(backbone, keras.Model):
        known = _foreign(backbone, layers)
        found = dict(zip((8, 16, 32), centers, strict=True))
    elif backbone in BACKBONES:
        known = BACKBONES[backbone]
        found = find_centers(known, padding)
    else:
        raise ValueError(
            f"`backbone` must be one of {[*BACKBONES]} or a keras.Model. "
            f"Received: backbone={backbone!r}"
        )
    if padding not in known.paddings:
        raise ValueError(
            'padding="pad100" is for the backbones of the paper, '
            f"{[*BACKBONES]}. Received: backbone={backbone!r}"
        )
    check_preprocessing(backbone, preprocessing)
    zeros, alignment = known.paddings[padding], align(found)

    def enlarge(x, factor, layer, fixed, dtype=None):
        return keras.layers.Conv2DTranspose(
            classes,
            2 * factor - alignment.odd,
            factor,
            use_bias=False,
            kernel_initializer=Bilinear(),
            trainable=not fixed,
            dtype=dtype,
            name=layer,
        )(x)

    # === Trunk ===
    images = keras.Input(input_shape, name="images")
    if preprocessing is None:
        preprocessing = Preprocessing(FCN_MEAN, name="normalization")
    x = as_preprocessing_layer(preprocessing)(images)
    if any(zeros.image):
        x = keras.layers.ZeroPadding2D(2 * (zeros.image,), name="pad")(x)
    maps = known.trunk(x)
    x = maps[known.maps[32]]

    # === fc6, fc7: (B, H / 32, W / 32, 4096) ===
    if known.fc6:
        if any(zeros.fc6):
            x = keras.layers.ZeroPadding2D(2 * (zeros.fc6,), name="fc6_pad")(x)
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
        x = Fuse(*alignment.fuse[finer], name=f"fuse_{pool}")([x, skip])
        current = finer

    # === Labels: (B, H, W, C) ===
    layer = "upscore" if current == 32 else f"upscore{current}"
    x = enlarge(x, current, layer, True, "float32")
    logits = CropLike(alignment.crops[current], dtype="float32", name="score")(
        [x, images]
    )
    model = image_model(images, logits, name or f"fcn{stride}s")
    if weights is not None:
        _load(model, weights, at_once)
    return model


def continue_from(model: keras.Model, trained: keras.Model) -> list[str]:
    """Initialize a network with the layers of another that have its shapes.

    FCN-16s begins with the layers of FCN-32s; layers that are new keep their
    values.

    Args:
        model: Model to initialize.
        trained: Model whose weights are copied.

    Returns:
        Names of the layers of `model` that have weights and keep their own.

    Raises:
        ValueError: If the models have no layer in common.

    Example:

    ```python
    finer = FCN16s(21)
    continue_from(finer, coarse)
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
    """Add a 1x1 scoring convolution with zero-initialized weights."""
    return keras.layers.Conv2D(
        classes, 1, kernel_initializer="zeros", name=name
    )(x)


def _foreign(backbone, layers):
    """Make a `Backbone` of a model with maps of these names."""
    there = {layer.name for layer in backbone.layers}
    missing = [name for name in layers if name not in there]
    if len(layers) != 3 or missing:
        raise ValueError(
            "`layers` must name three layers of `backbone`, of strides 8, 16 "
            f"and 32; {backbone.name} has no {', '.join(missing)}. "
            f"Received: layers={tuple(layers)}"
        )
    outputs = {name: backbone.get_layer(name).output for name in layers}
    trunk = keras.Model(backbone.input, outputs, name=backbone.name)
    names = dict(zip((8, 16, 32), layers, strict=True))
    return Backbone(trunk, names, {}, 0, {"same": Padding((0, 0))})


def _load(model, weights, at_once):
    """Load a classifier's weights, or those of a network of this family."""
    if is_trained(weights):
        load_trained(model, weights, "|".join(_MAY_BE_MISSING), _CLASS_LAYERS)
        return
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
            f"`at_once` must be True for weights={str(weights)!r}, which "
            f"belong to scaled skips. Received: at_once={at_once}"
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
