"""The networks that R-CNN runs on its windows."""

import keras

from kcv.classification.alexnet import alexnet_head
from kcv.classification.alexnet import alexnet_trunk
from kcv.classification.preprocessing import Preprocessing
from kcv.classification.vgg import vgg_head
from kcv.classification.vgg import vgg_trunk
from kcv.detection.parts.backbones import CAFFE_MEAN
from kcv.detection.parts.parts import Parts

WINDOW_BACKBONES = ("alexnet", "caffenet", "vgg16")


def window_parts(backbone: str = "alexnet") -> Parts:
    """Split a classifier at pool5, as R-CNN does.

    The trunk goes from windows to pool5, from which boxes are regressed. The
    head is fc6 and fc7, from which classes are told. Both run once per window.
    One mean color is subtracted, as in Fast R-CNN. The authors' code subtracts
    the mean image of ILSVRC 2012, cropped to the size of a window.

    Args:
        backbone: "alexnet" or "caffenet" on windows of 227 x 227 pixels (the
            paper's network, in the two layouts that Caffe has of it), or
            "vgg16" on 224 x 224. Defaults to "alexnet".

    Returns:
        `Parts` whose trunk has a fixed input size.

    Raises:
        ValueError: If `backbone` is unknown.

    Example:

    >>> window_parts("alexnet").trunk.output_shape
    (None, 6, 6, 256)
    """
    if backbone not in WINDOW_BACKBONES:
        raise ValueError(
            f"`backbone` must be one of {WINDOW_BACKBONES} or Parts. Received: "
            f"backbone={backbone!r}"
        )
    side = 224 if backbone == "vgg16" else 227
    windows = keras.Input((side, side, 3), name="windows")
    if backbone == "vgg16":
        pool5, head = vgg_trunk(windows)["pool5"], vgg_head
    else:
        variant = "caffe" if backbone == "alexnet" else backbone
        pool5, head = alexnet_trunk(windows, variant)["pool5"], alexnet_head
    maps = keras.Input(pool5.shape[1:], name="pool5")
    return Parts(
        Preprocessing(CAFFE_MEAN, name="normalization"),
        keras.Model(windows, pool5, name=backbone),
        keras.Model(maps, head(maps), name=f"{backbone}_head"),
    )
