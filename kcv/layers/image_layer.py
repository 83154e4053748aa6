"""What the layers of kcv have in common."""

from kcv.backend import require_channels_last

import keras
import tensorflow as tf


class ImageLayer(keras.layers.Layer):
    """A layer for images or maps (batch, height, width, channels).

    Args:
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If Keras is set to have channels first.
    """

    def __init__(self, **kwargs):
        require_channels_last()
        super().__init__(**kwargs)


def set_shape(x: tf.Tensor, shape) -> tf.Tensor:
    """Tell TensorFlow what is known of the shape of a tensor.

    It adds no operation to the graph, where `tf.ensure_shape` adds one that
    LiteRT does not have.

    Args:
        x: Tensor.
        shape: Tuple of integers, with None for what is not known.

    Returns:
        The same tensor.
    """
    x.set_shape(shape)
    return x


def keep_channels(x: tf.Tensor) -> tf.Tensor:
    """Write the number of channels into the graph.

    Converters compute shapes again from the operations of a graph. Behind a
    slice or a padding whose extent is computed they find no number of channels,
    which a convolution needs.

    Args:
        x: Maps (B, H, W, C), where C is static.

    Returns:
        The same maps.
    """
    *sizes, _ = tf.unstack(tf.shape(x))
    return tf.reshape(x, (*sizes, x.shape[-1]))
