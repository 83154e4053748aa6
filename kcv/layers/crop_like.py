"""Crop maps to the size of an image."""

from collections.abc import Sequence
from typing import ClassVar

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import keep_channels
from kcv.layers.image_layer import set_shape


@keras.saving.register_keras_serializable("kcv")
class CropLike(ImageLayer):
    """Crop maps to the pixels of an image.

    Call with `[maps, images]`, (B, H', W', C) and (B, H, W, 3). Returns maps
    (B, H, W, C).

    Args:
        offset: Row and column of the maps that lie on the first pixel of the
            image. Integer. Defaults to 0.
        **kwargs: Options of `keras.layers.Layer`.

    Example:

    >>> CropLike(1)([tf.zeros((1, 9, 9, 5)), tf.zeros((1, 6, 7, 3))]).shape
    TensorShape([1, 6, 7, 5])
    """

    INPUTS: ClassVar = {
        "maps": "(B, H', W', C)",
        "images": "(B, H, W, C)",
    }

    def __init__(self, offset: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.offset = offset

    def call(self, inputs):
        maps, images = inputs
        begin = [self.offset, self.offset]
        cropped = crop(maps, begin, tf.shape(images)[1:3])
        shape = self.compute_output_shape([t.shape for t in inputs])
        return keep_channels(set_shape(cropped, shape))

    def compute_output_shape(self, input_shape):
        maps, images = input_shape
        return (*images[:3], maps[3])

    def get_config(self):
        return {**super().get_config(), "offset": self.offset}


def crop(
    maps: tf.Tensor,
    begin: Sequence[int] | tf.Tensor,
    sides: Sequence[int] | tf.Tensor,
) -> tf.Tensor:
    """Crop rows and columns out of maps.

    The result is that of `maps[:, top:bottom, left:right]`, whose gradient
    takes seven times as long on a CPU.

    Args:
        maps: Maps (B, H, W, C) of any dtype.
        begin: First row and column, (2,) integers.
        sides: Number of rows and columns, (2,) integers.

    Returns:
        Maps (B, *sides, C).

    Raises:
        tf.errors.InvalidArgumentError: If the maps are too small.
    """
    begin = tf.pad(tf.convert_to_tensor(begin), [[1, 1]])
    size = tf.pad(tf.convert_to_tensor(sides), [[1, 1]], constant_values=-1)
    return tf.slice(maps, begin, size)
