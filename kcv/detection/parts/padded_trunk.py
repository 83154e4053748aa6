"""Features of a batch of images that were padded to a common size.

Shapes: B images of H x W pixels, features of H' x W' cells and C channels.
"""

import keras
import tensorflow as tf

from kcv.layers.nested_config import NestedConfig
from kcv.layers.region_warp import checked_sizes


@keras.saving.register_keras_serializable("kcv")
class PaddedTrunk(NestedConfig, keras.layers.Layer):
    """Run a convolutional trunk so that padding leaves no trace.

    Convolutions with a bias turn the zeros beyond an image into something
    else, which the next convolution carries back over the border, so that an
    image would get other features in a padded batch than alone. Therefore, if
    the images of a batch differ in size, each goes through the trunk by
    itself, cut to its own size. Images of one size go together, and so do all
    images in training, where padding adds no more than a little noise.

    Args:
        network: keras.Model from images (B, H, W, 3) to features
            (B, H / stride, W / stride, C).
        stride: Distance between neighboring cells of the features, in pixels.
            Positive integer.
        **kwargs: Options of `keras.layers.Layer`.

    Call with `images` (B, H, W, 3) and `image_sizes` (B, 2) int32, height and
    width, or None if every image fills the batch. Returns the features
    (B, H', W', C); `feature_sizes` (B, 2) int32, the rows and columns that
    belong to each image; and `image_sizes` (B, 2) int32.
    """

    def __init__(self, network, stride, **kwargs):
        super().__init__(**kwargs)
        self.network = network
        self.stride = stride

    def call(self, images, image_sizes=None, training=False):
        canvas = tf.shape(images)[1:3]
        is_full = image_sizes is None
        image_sizes = checked_sizes(images, image_sizes)
        if is_full:
            features, cells = self._together(images, image_sizes, training)
        elif training:
            images = images * _inside(images, image_sizes)
            features, cells = self._together(images, image_sizes, training)
        else:
            features, cells = tf.cond(
                tf.reduce_all(image_sizes == canvas),
                lambda: self._together(images, image_sizes, training),
                lambda: self._alone(images, image_sizes),
            )
        return features, cells, image_sizes

    def _together(self, images, image_sizes, training):
        features = self.network(images, training=training)
        cells = -(-image_sizes // self.stride)
        return features, tf.minimum(cells, tf.shape(features)[1:3])

    def _alone(self, images, image_sizes):
        cells = -(-tf.shape(images)[1:3] // self.stride)

        def run(image_and_size):
            image, size = image_and_size
            image = image[None, : size[0], : size[1]]
            features = self.network(image, training=False)[0]
            size = tf.shape(features)[:2]
            beyond = [[0, cells[0] - size[0]], [0, cells[1] - size[1]], [0, 0]]
            return tf.pad(features, beyond), size

        features = self._features(images)
        return tf.map_fn(
            run,
            (images, image_sizes),
            fn_output_signature=(
                tf.TensorSpec((None, None, features.shape[-1]), features.dtype),
                tf.TensorSpec((2,), "int32"),
            ),
        )

    def _features(self, images):
        """Describe the features without computing them."""
        return self.network.compute_output_spec(
            keras.KerasTensor(images.shape, self.compute_dtype)
        )

    def compute_output_spec(self, images, image_sizes=None, training=False):
        batch = images.shape[0]
        return (
            self._features(images),
            keras.KerasTensor((batch, 2), dtype="int32"),
            keras.KerasTensor((batch, 2), dtype="int32"),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(self.network),
            "stride": self.stride,
        }


def _inside(images, image_sizes):
    """Mask (B, H, W, 1) of the pixels that belong to each image."""
    height, width = tf.unstack(tf.shape(images)[1:3])
    rows = tf.range(height) < image_sizes[:, :1]
    columns = tf.range(width) < image_sizes[:, 1:]
    inside = rows[:, :, None, None] & columns[:, None, :, None]
    return tf.cast(inside, images.dtype)
