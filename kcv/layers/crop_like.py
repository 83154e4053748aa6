"""Maps that are larger than what they are of."""

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import set_shape


@keras.saving.register_keras_serializable("kcv")
class CropLike(ImageLayer):
    """Cut maps to the pixels of an image.

    Args:
        offset: row and column of the maps that lie on the first pixel.

    Call with `[maps, images]`, (B, H', W', C) and (B, H, W, 3). Returns
    (B, H, W, C).

    Example:

    >>> CropLike(1)([tf.zeros((1, 9, 9, 5)), tf.zeros((1, 6, 7, 3))]).shape
    TensorShape([1, 6, 7, 5])
    """

    def __init__(self, offset=0, **kwargs):
        super().__init__(**kwargs)
        self.offset = offset

    def call(self, inputs):
        maps, images = inputs
        begin = [self.offset, self.offset]
        return set_shape(
            crop(maps, begin, tf.shape(images)[1:3]),
            self.compute_output_shape([t.shape for t in inputs]),
        )

    def compute_output_shape(self, input_shape):
        maps, images = input_shape
        return (*images[:3], maps[3])

    def get_config(self):
        return {**super().get_config(), "offset": self.offset}


def crop(maps, begin, sides):
    """Cut rows and columns out of maps (B, H, W, C).

    As `maps[:, top:bottom, left:right]` does, whose gradient takes seven times
    as long on a CPU.

    Args:
        maps: of any dtype.
        begin: first row and column, integers (2,).
        sides: number of rows and columns, integers (2,).

    Returns:
        (B, *sides, C).

    Raises:
        tf.errors.InvalidArgumentError: if the maps do not have them all.
    """
    begin = tf.pad(tf.convert_to_tensor(begin), [[1, 1]])
    size = tf.pad(tf.convert_to_tensor(sides), [[1, 1]], constant_values=-1)
    return tf.slice(maps, begin, size)
