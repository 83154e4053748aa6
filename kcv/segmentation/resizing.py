"""Models that resize images to the size a segmenter was trained at."""

from typing import ClassVar

import keras
import tensorflow as tf

from kcv.data.transforms.resizing import compute_scaled_size
from kcv.layers.image_layer import ImageLayer
from kcv.training.image_model import image_model


def resize_inputs(
    model: keras.Model, short_side: int, long_side: int | None = None
) -> keras.Model:
    """Make a model that scales images to the size a segmenter was trained at.

    Args:
        model: Model from images (B, H, W, 3) of any size to logits
            (B, H, W, C).
        short_side: Short side that images are scaled to, bilinearly, in pixels.
        long_side: Maximum long side, in pixels. Defaults to 5/3 of
            `short_side`.

    Returns:
        A model from images of any size to logits of that size: those of
        `model`, interpolated.

    Raises:
        ValueError: If `long_side` is below `short_side`.

    Example:

    ```python
    whole = kcv.segmentation.resize_inputs(model, 320)
    labels = whole.predict(photograph[None])[0].argmax(-1)
    ```
    """
    long_side = long_side or short_side * 5 // 3
    if not 1 <= short_side <= long_side:
        raise ValueError(
            "The sides must be 1 <= `short_side` <= `long_side`. "
            f"Received: short_side={short_side}, long_side={long_side}"
        )
    images = keras.Input((None, None, 3), name="images")
    # Under mixed precision, interpolated pixels and logits would be rounded.
    scaled = ScaledTo(short_side, long_side, dtype="float32", name="scaled")
    logits = ResizedLike(dtype="float32", name="logits")
    logits = logits([model(scaled(images)), images])
    return image_model(images, logits, model.name)


@keras.saving.register_keras_serializable("kcv")
class ScaledTo(ImageLayer):
    """Scale images as `kcv.data.resize` does.

    Args:
        short_side: Short side that images are scaled to, in pixels. Positive
            integer.
        long_side: Maximum long side, in pixels. Positive integer.
        **kwargs: Options of `keras.layers.Layer`.
    """

    def __init__(self, short_side, long_side, **kwargs):
        super().__init__(**kwargs)
        self.short_side = short_side
        self.long_side = long_side

    def call(self, images):
        sides, _ = compute_scaled_size(
            tf.shape(images)[1:3], self.short_side, self.long_side
        )
        return tf.round(tf.image.resize(images, sides))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], None, None, input_shape[3])

    def get_config(self):
        return {
            **super().get_config(),
            "short_side": self.short_side,
            "long_side": self.long_side,
        }


@keras.saving.register_keras_serializable("kcv")
class ResizedLike(ImageLayer):
    """Interpolate maps to the size of images. Call with [maps, images]."""

    INPUTS: ClassVar = {
        "maps": "(B, H', W', C)",
        "images": "(B, H, W, C)",
    }

    def call(self, inputs):
        maps, images = inputs
        return tf.image.resize(maps, tf.shape(images)[1:3])

    def compute_output_shape(self, input_shape):
        maps, images = input_shape
        return (*images[:3], maps[3])
