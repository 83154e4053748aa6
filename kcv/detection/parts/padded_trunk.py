"""Features of a batch of images that were padded to a common size."""

import keras
import tensorflow as tf


class PaddedTrunk(keras.Model):
    """Run a convolutional trunk so that padding leaves no trace.

    Convolutions with a bias turn the zeros beyond an image into something
    else, which the next convolution carries back over the border: an image
    would get other features in a padded batch than alone. So when the images
    of a batch differ in size, each goes through the trunk by itself, cut to
    its own size; else, and in training, where padding is no more than a
    little noise, they go together.

    Args:
        trunk: keras.Model, (B, H, W, 3) to (B, H / stride, W / stride, C).
        stride: pixels from cell to cell.

    Call with `images` (B, H, W, 3) and `image_sizes` (B, 2) int32, or None
    where every image fills the batch. Returns features (B, H', W', C),
    feature_sizes (B, 2) int32, the rows and columns that belong to each
    image, and image_sizes (B, 2) int32.
    """

    def __init__(self, trunk, stride, **kwargs):
        super().__init__(**kwargs)
        self.trunk = trunk
        self.stride = stride

    def call(self, images, image_sizes=None, training=False):
        canvas = tf.shape(images)[1:3]
        if image_sizes is None:
            image_sizes = tf.tile(canvas[None], (tf.shape(images)[0], 1))
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
        features = self.trunk(images, training=training)
        cells = -(-image_sizes // self.stride)
        return features, tf.minimum(cells, tf.shape(features)[1:3])

    def _alone(self, images, image_sizes):
        channels = self.trunk.compute_output_shape((1, *images.shape[1:]))[-1]
        cells = -(-tf.shape(images)[1:3] // self.stride)

        def run(image_and_size):
            image, size = image_and_size
            image = image[None, : size[0], : size[1]]
            features = self.trunk(image, training=False)[0]
            size = tf.shape(features)[:2]
            beyond = [[0, cells[0] - size[0]], [0, cells[1] - size[1]], [0, 0]]
            return tf.pad(features, beyond), size

        return tf.map_fn(
            run,
            (images, image_sizes),
            fn_output_signature=(
                tf.TensorSpec((None, None, channels), self.compute_dtype),
                tf.TensorSpec((2,), "int32"),
            ),
        )

    def compute_output_spec(self, images, image_sizes=None, training=False):
        shape = self.trunk.compute_output_shape(images.shape)
        return (
            keras.KerasTensor(shape, dtype=self.compute_dtype),
            keras.KerasTensor((images.shape[0], 2), dtype="int32"),
            keras.KerasTensor((images.shape[0], 2), dtype="int32"),
        )


def _inside(images, image_sizes):
    """Mask (B, H, W, 1) of the pixels that belong to each image."""
    height, width = tf.unstack(tf.shape(images)[1:3])
    rows = tf.range(height) < image_sizes[:, :1]
    columns = tf.range(width) < image_sizes[:, 1:]
    inside = rows[:, :, None, None] & columns[:, None, :, None]
    return tf.cast(inside, images.dtype)


def with_sizes(inputs):
    """Bring images that come alone, or without sizes, into one form.

    Args:
        inputs: images (B, H, W, 3), or a dict of `images` and, where they
            differ in size, `image_sizes` (B, 2).

    Returns:
        A dict of both, with None for sizes that are not given.
    """
    if not isinstance(inputs, dict):
        inputs = {"images": inputs}
    return {
        "image_sizes": inputs.get("image_sizes"),
        "images": inputs["images"],
    }
