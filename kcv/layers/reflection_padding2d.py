"""Padding by reflection."""

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import keep_channels
from kcv.layers.image_layer import set_shape


@keras.saving.register_keras_serializable("kcv")
class ReflectionPadding2D(ImageLayer):
    """Pad maps by their reflection, without repeating the pixels of the border.

    Call with maps (B, H, W, C). Returns maps with `2 * padding` more rows and
    columns, and up to `multiple` - 1 more below and to the right.

    Args:
        padding: Number of rows and columns on every side. Integer. Defaults to
            0.
        multiple: Number of which H and W would be multiples after the padding
            below and to the right. Integer. Defaults to 1.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If `padding` is negative or `multiple` below 1.
        tf.errors.InvalidArgumentError: In a call, if the maps are too small to
            be reflected that far.

    Example:

    >>> x = tf.reshape([1.0, 2.0, 3.0], (1, 1, 3, 1))
    >>> row = tf.repeat(x, 2, axis=1)
    >>> ReflectionPadding2D(1)(row)[0, 0, :, 0].numpy()
    array([2., 1., 2., 3., 2.], dtype=float32)
    """

    def __init__(self, padding: int = 0, multiple: int = 1, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if padding < 0 or multiple < 1:
            raise ValueError(
                "padding must be 0 or more and multiple 1 or more. Received: "
                f"padding={padding}, multiple={multiple}"
            )
        self.padding = padding
        self.multiple = multiple

    def call(self, x):
        sides = tf.shape(x)[1:3]
        after = self.padding + (-sides) % self.multiple
        tf.debugging.assert_less(
            after,
            sides,
            f"{self.name} cannot reflect {self.padding} pixels, and those "
            f"that are missing to a multiple of {self.multiple}, of an image "
            "that has no more: pass a larger one",
        )
        before = tf.fill((2,), self.padding)
        paddings = tf.pad(tf.stack([before, after], 1), [[1, 1], [0, 0]])
        padded = tf.pad(x, paddings, "REFLECT")
        shape = self.compute_output_shape(x.shape)
        return keep_channels(set_shape(padded, shape))

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [
            side and side + 2 * self.padding + (-side) % self.multiple
            for side in sides
        ]
        return (batch, *sides, channels)

    def get_config(self):
        return {
            **super().get_config(),
            "padding": self.padding,
            "multiple": self.multiple,
        }
