"""Clip given proposals to their images.

Shapes: B images of H x W pixels, P proposals per image.
"""

import keras
import tensorflow as tf
from keras import ops

from kcv import boxes as geometry
from kcv.layers.region_warp import checked_sizes


@keras.saving.register_keras_serializable("kcv")
class RegionsInside(keras.layers.Layer):
    """Clip proposals to their images, and mark those that are regions.

    Call with `proposals` (B, P, 4) xyxy, `images` (B, H, W, 3) and
    `image_sizes` (B, 2) int32, or None if every image fills the batch.
    Returns `(regions, exists, image_sizes)`: the clipped boxes (B, P, 4)
    float32; (B, P) bool, False for padding and for boxes outside the image;
    and the sizes (B, 2) int32. If P is 0, there is one empty row instead of
    none, since a convolution fails on an empty batch.

    Args:
        **kwargs: Options of `keras.layers.Layer`.

    Example:

    >>> proposals = tf.constant([[[-5.0, 2, 20, 30], [90, 90, 99, 99]]])
    >>> images = tf.zeros((1, 60, 80, 3))
    >>> regions, exists, _ = RegionsInside()(proposals, images)
    >>> regions[0, 0].numpy().tolist(), exists.numpy().tolist()
    ([0.0, 2.0, 20.0, 30.0], [[True, False]])
    """

    def __init__(self, **kwargs):
        kwargs["dtype"] = "float32"  # boxes are pixels: never bfloat16
        super().__init__(**kwargs)

    def call(self, proposals, images, image_sizes=None):
        image_sizes = checked_sizes(images, image_sizes)
        missing = tf.maximum(1 - tf.shape(proposals)[1], 0)
        proposals = tf.pad(proposals, [[0, 0], [0, missing], [0, 0]])
        regions = geometry.clip(ops.cast(proposals, "float32"), image_sizes)
        exists = ops.all(regions[..., 2:] > regions[..., :2], axis=-1)
        return regions, exists, image_sizes

    def compute_output_spec(self, proposals, images, image_sizes=None):
        shape = proposals.shape
        return (
            keras.KerasTensor(shape, dtype="float32"),
            keras.KerasTensor(shape[:2], dtype="bool"),
            keras.KerasTensor((shape[0], 2), dtype="int32"),
        )
