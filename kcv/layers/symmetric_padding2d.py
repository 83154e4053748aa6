"""Padding by repetition of the border."""

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import set_shape


@keras.saving.register_keras_serializable("kcv")
class SymmetricPadding2D(ImageLayer):
    """Pad maps by their reflection, repeating the pixels of the border.

    A row "abcd" that is padded by 2 becomes "ba abcd dc", as by `numpy.pad`
    with `mode="symmetric"`. `ReflectionPadding2D` does not repeat the border
    and gives "cb abcd cb". DeepMask (Pinheiro et al. 2016) pads in this way in
    front of its convolutions. The gradient here is that of the function. The
    reference in Torch takes the padding as constant in its backward pass.

    Call with maps (B, H, W, C). Returns maps (B, H + 2 * padding,
    W + 2 * padding, C) in the dtype of the maps.

    Args:
        padding: Number of rows and columns on every side. Integer of at least
            0, and at most H and W. Defaults to 1.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If `padding` is negative.
        tf.errors.InvalidArgumentError: In a call, if the maps have fewer than
            `padding` rows or columns.

    Example:

    >>> x = tf.reshape([1.0, 2.0, 3.0], (1, 1, 3, 1))
    >>> row = tf.repeat(x, 2, axis=1)
    >>> SymmetricPadding2D(2)(row)[0, 0, :, 0].numpy()
    array([2., 1., 1., 2., 3., 3., 2.], dtype=float32)
    """

    def __init__(self, padding: int = 1, **kwargs):
        super().__init__(**kwargs)
        if padding < 0:
            raise ValueError(
                f"`padding` must be at least 0. Received: padding={padding}"
            )
        self.padding = padding

    def call(self, x):
        margins = [self.padding, self.padding]
        padded = tf.pad(x, [[0, 0], margins, margins, [0, 0]], "SYMMETRIC")
        return set_shape(padded, self.compute_output_shape(x.shape))

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [side and side + 2 * self.padding for side in sides]
        return (batch, *sides, channels)

    def compute_output_spec(self, x):
        shape = self.compute_output_shape(x.shape)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}
