"""The crops by which the networks of ILSVRC are measured."""

import functools
from typing import Any
from typing import Literal

import keras
import tensorflow as tf

import kcv
from kcv.visualize.report import Published
from recipes.common.classification.imagenet_plans import Training

#: One crop in the middle, ten crops, GoogLeNet's 144 crops, the whole image at
#: one scale, and the whole image at several.
Crops = Literal["center", "ten", "144", "dense", "dense-scales"]


def take_crops(
    crops: Crops, authors: Training, model: keras.Model
) -> dict[str, Any]:
    """Choose how a network is applied to an image that is held out.

    Args:
        crops: Name of the crops.
        authors: How the authors trained and measured the network.
        model: Classifier of one image size, whose last layer is "prob".

    Returns:
        Arguments `crops` and `predict` of `evaluate_classifier`.
    """
    if crops == "center":
        cut = functools.partial(kcv.classification.single_crop, short_side=256)
    elif crops == "ten":
        cut = functools.partial(
            kcv.classification.ten_crops, central=authors.within is not None
        )
    elif crops == "144":
        cut = kcv.classification.googlenet_crops
    else:
        sides = authors.dense_sides
        if crops == "dense":
            sides = (sides[len(sides) // 2],)
        return {"predict": apply_densely(model, sides)}
    return {"crops": functools.partial(cut, size=authors.crop)}


def published_figures(crops: Crops, authors: Training) -> list[Published]:
    """List the published figures of a network that the same crops gave.

    Args:
        crops: Name of the crops.
        authors: How the authors trained and measured the network.

    Returns:
        Figures for the report, none if none was published.
    """
    if crops not in authors.published:
        return []
    figures = authors.published[crops]
    data = f"ILSVRC 2012, validation, crops: {crops}"
    return [
        Published(name, value, data, figures.source)
        for name, value in (("top1", figures.top1), ("top5", figures.top5))
        if value is not None
    ]


def apply_densely(model: keras.Model, short_sides: tuple[int, ...]) -> Any:
    """Make a function from whole images of any size to probabilities.

    Args:
        model: Classifier of one image size, whose last layer is "prob".
        short_sides: Short sides to which images are scaled, in pixels.

    Returns:
        A function from images (B, H, W, 3) to probabilities (B, classes).
    """
    (images,) = model.inputs
    scores = keras.Model(images, model.get_layer("prob").input)
    dense = kcv.classification.fully_convolutional(scores)

    @tf.function(
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)]
    )
    def predict(images):
        return kcv.classification.dense_probabilities(
            dense, images, short_sides
        )

    return predict
