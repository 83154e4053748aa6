"""Histogram matching (Johnson, Alahi and Li 2016)."""

from typing import ClassVar

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.portable import is_portable


@keras.saving.register_keras_serializable("kcv")
class HistogramMatching(ImageLayer):
    """Match the histogram of each channel to that of a reference.

    A pixel that is brighter than a fraction q of all pixels takes the quantile
    q of the reference. Equal pixels stay equal. Johnson et al. (2016) match
    the output of their super-resolution network to its input, which corrects
    small errors of color. In training, images pass unchanged, since ranks have
    no gradient.

    Call with `[images, references]`, (B, H, W, C) and (B, h, w, C). Returns
    images (B, H, W, C) float32, within the range of their references.

    Args:
        **kwargs: Options of `keras.layers.Layer`. `dtype` defaults to
            "float32".

    Example:

    >>> image = tf.reshape([1.0, 3.0, 2.0, 4.0], (1, 2, 2, 1))
    >>> reference = tf.reshape([10.0, 20.0, 30.0, 40.0], (1, 1, 4, 1))
    >>> tf.reshape(HistogramMatching()([image, reference]), [-1]).numpy()
    array([10., 30., 20., 40.], dtype=float32)
    """

    INPUTS: ClassVar = {
        "images": "(B, H, W, C)",
        "references": "(B, h, w, C)",
    }

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})

    def call(self, inputs, training=False):
        images, references = (tf.cast(each, tf.float32) for each in inputs)
        if training:
            return images
        pixels, values = _channels(images), tf.sort(_channels(references))
        by_brightness = tf.sort(pixels)
        darker, not_brighter = (
            _search(by_brightness, pixels, side) for side in ("left", "right")
        )
        count, wanted = tf.shape(pixels)[-1], tf.shape(values)[-1]
        # A value stands in the middle of its share of a histogram.
        # LiteRT does not divide numbers of float64.
        wide = tf.float32 if is_portable() else tf.float64
        shares = tf.cast(darker + not_brighter, wide) / tf.cast(2 * count, wide)
        places = tf.cast(shares, tf.float32) * tf.cast(wanted, tf.float32) - 0.5
        places = tf.clip_by_value(places, 0, tf.cast(wanted - 1, tf.float32))
        below = tf.cast(places, tf.int32)
        above = tf.minimum(below + 1, wanted - 1)
        low, high = (
            tf.gather(values, each, batch_dims=2) for each in (below, above)
        )
        matched = low + (places - tf.cast(below, tf.float32)) * (high - low)
        return tf.reshape(tf.transpose(matched, (0, 2, 1)), tf.shape(images))

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])


def _search(ordered, values, side):
    """Count the numbers below each value, or up to it where side is right.

    Args:
        ordered: Increasing numbers (B, C, N).
        values: Values (B, C, M).
        side: "left" or "right".

    Returns:
        Numbers of numbers, (B, C, M) int32.
    """
    if not is_portable():
        return tf.searchsorted(ordered, values, side)
    is_before = tf.less if side == "left" else tf.less_equal
    count = tf.shape(ordered)[-1]
    low = tf.zeros_like(values, tf.int32)
    high = low + count
    # Each step halves what is left of up to 2 ** 24 numbers.
    for _ in range(25):
        middle = (low + high) // 2
        found = tf.gather(ordered, tf.minimum(middle, count - 1), batch_dims=2)
        is_lower = is_before(found, values) & (middle < high)
        low = tf.where(is_lower, middle + 1, low)
        high = tf.where(is_lower, high, middle)
    return low


def _channels(images):
    """Reshape images (B, H, W, C) to (B, C, H * W)."""
    batch, height, width, channels = tf.unstack(tf.shape(images))
    flat = tf.reshape(images, (batch, height * width, channels))
    return tf.transpose(flat, (0, 2, 1))
