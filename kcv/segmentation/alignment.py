"""Alignment of maps of different strides."""

from typing import ClassVar

import keras
import tensorflow as tf

from kcv.layers.crop_like import crop
from kcv.layers.image_layer import ImageLayer


@keras.saving.register_keras_serializable("kcv")
class Fuse(ImageLayer):
    """Add the scores of a skip to enlarged scores, cell by cell.

    Call with `[scores, skip]`, (B, H, W, C) and (B, H', W', C). Returns their
    sum over the cells that both have.

    Args:
        offset: Number of rows and columns that are cropped from the top left
            of the enlarged scores. Integer. Defaults to 0.
        skip_offset: Number of rows and columns that are cropped from the top
            left of the skip. Integer. Defaults to 0.
        **kwargs: Options of `keras.layers.Layer`.
    """

    INPUTS: ClassVar = {
        "scores": "(B, H, W, C)",
        "skip": "(B, H', W', C)",
    }

    def __init__(self, offset=0, skip_offset=0, **kwargs):
        super().__init__(**kwargs)
        self.offset = offset
        self.skip_offset = skip_offset

    def call(self, inputs):
        scores, skip = inputs
        begin, skip_begin = 2 * [self.offset], 2 * [self.skip_offset]
        sides = tf.minimum(
            tf.shape(scores)[1:3] - begin, tf.shape(skip)[1:3] - skip_begin
        )
        return crop(scores, begin, sides) + crop(skip, skip_begin, sides)

    def compute_output_shape(self, input_shape):
        (batch, *sides, channels), (_, *others, _) = input_shape
        sides = [
            None if None in pair else self._common(*pair)
            for pair in zip(sides, others, strict=True)
        ]
        return (batch, *sides, channels)

    def _common(self, side, other):
        return min(side - self.offset, other - self.skip_offset)

    def get_config(self):
        return {
            **super().get_config(),
            "offset": self.offset,
            "skip_offset": self.skip_offset,
        }
