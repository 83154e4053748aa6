"""Vectors of unit length."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("kcv")
class UnitVector(keras.layers.Layer):
    """Divide vectors by their Euclidean length.

    The length of the output is 1 to the precision of float32, also under a
    policy of half precision, and for vectors whose squares overflow or
    underflow. A vector of zeros has no direction and becomes the vector whose
    components are all equal; no gradient passes through it.
    `keras.layers.UnitNormalization` rounds to the compute dtype and keeps
    zeros.

    Call with vectors (..., n). Returns vectors (..., n), float32, or float64
    for inputs in float64.

    Args:
        **kwargs: Options of `keras.layers.Layer`.

    Example:

    >>> UnitVector()(keras.ops.array([[3.0, 4.0], [0.0, 0.0]])).numpy().round(3)
    array([[0.6  , 0.8  ],
           [0.707, 0.707]], dtype=float32)
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs):
        return unit_vectors(inputs)

    def compute_output_spec(self, inputs):
        dtype = "float64" if inputs.dtype == "float64" else "float32"
        return keras.KerasTensor(inputs.shape, dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


def unit_vectors(x: tf.Tensor) -> tf.Tensor:
    """Divide vectors by their Euclidean length.

    Args:
        x: Vectors (..., n) of any float dtype. A vector of zeros becomes the
            vector whose components are all equal.

    Returns:
        Vectors of length 1, (..., n), float64 if `x` is and else float32.

    Example:

    >>> unit_vectors(tf.constant([3.0, 4.0])).numpy().round(3)
    array([0.6, 0.8], dtype=float32)
    """
    x = tf.convert_to_tensor(x)
    if x.dtype != tf.float64:
        x = tf.cast(x, tf.float32)
    largest = tf.reduce_max(tf.abs(x), -1, keepdims=True)
    nowhere = largest == 0
    # Ones in place of zeros: their gradient is finite, and it is not used.
    x = tf.where(nowhere, tf.ones_like(x), x)
    # The direction is independent of this factor, and so is its gradient.
    x /= tf.stop_gradient(tf.where(nowhere, tf.ones_like(largest), largest))
    return x * tf.math.rsqrt(tf.reduce_sum(tf.square(x), -1, keepdims=True))
