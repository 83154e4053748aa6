"""Maps that are larger than what they are of."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("kcv")
class CropLike(keras.layers.Layer):
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
        rows, columns = tf.unstack(self.offset + tf.shape(images)[1:3])
        maps = maps[:, self.offset : rows, self.offset : columns]
        return tf.ensure_shape(
            maps, self.compute_output_shape([t.shape for t in inputs])
        )

    def compute_output_shape(self, input_shape):
        maps, images = input_shape
        return (*images[:3], maps[3])

    def get_config(self):
        return {**super().get_config(), "offset": self.offset}
