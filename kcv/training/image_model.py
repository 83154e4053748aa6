"""Models of images, which name two usual mistakes in what they are given.

Many packages scale images to 0..1. All models of kcv take 0..255, and would see
such images as black.

Keras takes the examples of kcv, which are dicts, for inputs without targets,
and would fail in an operation of the model.
"""

import functools
import warnings
from collections.abc import Mapping
from typing import Any
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

_LOOK_AT = 8  # images of an array


@keras.saving.register_keras_serializable("kcv")
class ImageModel(keras.Model):
    """Functional model from images in 0..255, which warns of other ones.

    `predict` warns once if the images of an array or a `tf.data.Dataset` look
    like images in 0..1. `fit` and `evaluate` raise a ValueError if they are
    given examples without targets, and name the mapping that makes pairs of
    them. It is a functional `keras.Model` in all other ways.

    Args:
        *args: Arguments of `keras.Model`: inputs and outputs.
        **kwargs: Options of `keras.Model`.

    Example:

    >>> images = keras.Input((4, 4, 3))
    >>> pooled = keras.layers.GlobalAveragePooling2D()(images)
    >>> model = ImageModel(images, pooled)
    >>> model.predict(np.full((2, 4, 4, 3), 255.0), verbose=0).shape
    (2, 3)
    """

    #: How a dataset becomes one of pairs, by what its elements have. The first
    #: that fits counts.
    MAPPINGS: ClassVar[Mapping[str, str]] = {
        "segmentation_masks": "dataset.map(kcv.data.segmentation_inputs)",
        "labels": 'dataset.map(lambda x: (x["images"], x["labels"]))',
        "bounding_boxes": "dataset.map(kcv.data.detection_inputs)",
    }

    # `help` shows the arguments of Keras, and not its long texts.
    @functools.wraps(keras.Model.fit, assigned=(), updated=())
    def fit(self, x=None, y=None, *args, **kwargs):
        """Train the model, see `keras.Model.fit`."""
        self._require_targets(x, y)
        return super().fit(x, y, *args, **kwargs)

    @functools.wraps(keras.Model.evaluate, assigned=(), updated=())
    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Compute losses and metrics, see `keras.Model.evaluate`."""
        self._require_targets(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    @functools.wraps(keras.Model.predict, assigned=(), updated=())
    def predict(self, x, *args, **kwargs):
        """Compute the outputs of images, see `keras.Model.predict`."""
        if self.is_scaled:
            x = check_scale(self, x)
        return super().predict(x, *args, **kwargs)

    @property
    def is_scaled(self) -> bool:
        """Whether the model takes images in 0..255, which it scales."""
        return True

    def _require_targets(self, x: Any, y: Any) -> None:
        elements = x.element_spec if isinstance(x, tf.data.Dataset) else x
        if y is not None or not isinstance(elements, dict):
            return
        fitting = (m for key, m in self.MAPPINGS.items() if key in elements)
        mapping = next(fitting, None)
        if mapping is not None:
            raise ValueError(
                f"`x` of {self.name} must be batches of pairs of inputs and "
                f"targets, such as `{mapping}` for batches of examples. "
                f"Received: dicts of {', '.join(elements)}, without targets"
            )


def image_model(
    inputs: Any, outputs: Any, name: str, is_scaled: bool = True
) -> keras.Model:
    """Build a functional model of images.

    Args:
        inputs: Symbolic inputs.
        outputs: Symbolic outputs.
        name: Name of the model.
        is_scaled: Whether the images are in 0..255, which the model then
            scales by itself. Defaults to True.

    Returns:
        An `ImageModel`, or a `keras.Model` for images of another scale.
    """
    kind = ImageModel if is_scaled else keras.Model
    return kind(inputs, outputs, name=name)


def check_scale(model: keras.Model, x: Any) -> Any:
    """Warn once if images that a model predicts look like images in 0..1.

    Args:
        model: Model of images in 0..255.
        x: Input of `predict`. The first images of an array are looked at, and
            the first batches of a `tf.data.Dataset`. Generators are not, since
            they would lose them.

    Returns:
        `x`, or a dataset of the same elements that is looked at as it is read.
    """
    if getattr(model, "has_warned_of_scale", False):
        return x
    if isinstance(x, tf.data.Dataset):
        return x.map(lambda *element: _look(model, element))
    images = x.get("images") if isinstance(x, dict) else x
    if isinstance(images, (np.ndarray, tf.Tensor)) and len(images.shape) > 2:
        _warn(model, np.asarray(images[:_LOOK_AT]))
    return x


def _look(model, element):
    """Return an element of a dataset, at which Python has looked."""
    x = element[0]
    while isinstance(x, tuple):
        x = x[0]
    images = x.get("images") if isinstance(x, dict) else x
    if images is None or images.dtype == tf.string:
        return element if len(element) > 1 else element[0]

    def warn(low, high):
        _warn(model, np.stack([low, high]))
        return np.True_

    ends = tf.reduce_min(images), tf.reduce_max(images)
    looked = tf.numpy_function(warn, ends, tf.bool)
    with tf.control_dependencies([looked]):
        element = tf.nest.map_structure(tf.identity, element)
    return element if len(element) > 1 else element[0]


def _warn(model, values):
    """Warn if values have 1 as their end, unless all are zero."""
    if getattr(model, "has_warned_of_scale", False) or not values.size:
        return
    if values.min() >= 0 and 0 < values.max() <= 1:
        model.has_warned_of_scale = True
        warnings.warn(
            f"{model.name} takes images in 0..255. The images that it predicts "
            f"look like images in 0..1: their greatest value is "
            f"{values.max():g}. Multiply them by 255",
            stacklevel=4,
        )
