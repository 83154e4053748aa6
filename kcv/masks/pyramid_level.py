"""An image at one scale, with the border that patches reach into."""

import math

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import set_shape

# What lies outside of an image, of RGB in 0..255.
OUTSIDE = 127.5


@keras.saving.register_keras_serializable("kcv")
class PyramidLevel(ImageLayer):
    """Scale images and surround them with gray.

    Call with images (B, H, W, 3), RGB in 0..255. Returns images (B,
    H' + 2 * padding, W' + 2 * padding, 3) float32, where H' and W' are the
    rounded products of H and W with the scale, at least 1.

    Args:
        scale: Factor by which images are scaled, bilinearly and without
            antialiasing. Positive float.
        padding: Number of gray pixels on every side. Integer.
        align_corners: Whether the centers of the corner pixels of both images
            coincide, as in Torch, instead of the corners of the images.
            Defaults to True.
        **kwargs: Options of `keras.layers.Layer`.
    """

    def __init__(
        self, scale: float, padding: int, align_corners: bool = True, **kwargs
    ):
        # Pixels of 0..255 lose digits in half precision.
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.scale = scale
        self.padding = padding
        self.align_corners = align_corners

    def call(self, images):
        sides = tf.cast(tf.shape(images)[1:3], tf.float32)
        sides = tf.cast(tf.floor(self.scale * sides + 0.5), tf.int32)
        scaled = tf.raw_ops.ResizeBilinear(
            images=images,
            size=tf.maximum(sides, 1),
            align_corners=self.align_corners,
            half_pixel_centers=not self.align_corners,
        )
        margins = [self.padding, self.padding]
        padded = tf.pad(
            scaled, [[0, 0], margins, margins, [0, 0]], constant_values=OUTSIDE
        )
        return set_shape(padded, self.compute_output_shape(images.shape))

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [side and self._length(side) for side in sides]
        return (batch, *sides, channels)

    def compute_output_spec(self, images):
        return keras.KerasTensor(self.compute_output_shape(images.shape))

    def get_config(self):
        return {
            **super().get_config(),
            "scale": self.scale,
            "padding": self.padding,
            "align_corners": self.align_corners,
        }

    def _length(self, side):
        return max(math.floor(self.scale * side + 0.5), 1) + 2 * self.padding
