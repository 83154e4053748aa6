"""Padding that continues a picture as a mirror would."""

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import set_shape


@keras.saving.register_keras_serializable("kcv")
class ReflectionPadding2D(ImageLayer):
    """Pad maps by their reflection; the pixels of the border are not repeated.

    Args:
        padding: rows and columns on every side.
        multiple: pad below and to the right until the sides of what was given
            would be multiples of this, too.

    Call with x (B, H, W, C), sides above `padding` and what is missing to a
    multiple. Returns x with `2 * padding` rows and columns more, and up to
    `multiple` - 1 besides.

    Raises:
        ValueError: if `padding` is negative or `multiple` below 1.
        tf.errors.InvalidArgumentError: in a call, if x is too small to be
            reflected that far.

    Example:

    >>> x = tf.reshape([1.0, 2.0, 3.0], (1, 1, 3, 1))
    >>> row = tf.repeat(x, 2, axis=1)
    >>> ReflectionPadding2D(1)(row)[0, 0, :, 0].numpy()
    array([2., 1., 2., 3., 2.], dtype=float32)
    """

    def __init__(self, padding=0, multiple=1, **kwargs):
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
        return set_shape(padded, self.compute_output_shape(x.shape))

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
