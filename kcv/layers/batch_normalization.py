"""Batch normalization by a fused kernel (Ioffe and Szegedy 2015)."""

import keras
import tensorflow as tf

_FUSED_DTYPES = ("float16", "bfloat16", "float32")


@keras.saving.register_keras_serializable("kcv")
class BatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization with TensorFlow's fused kernel.

    It gives the same maps, gradients and moving averages as
    `keras.layers.BatchNormalization`, and is faster: Keras computes moments,
    scale and shift by separate operations, in float32 under every policy, and
    each of them reads and writes all maps.

    The layer falls back to Keras's own computation where the kernel does not
    apply: with a mask, for inputs other than (B, H, W, C), in float64, and
    where several replicas of a strategy share their moments
    (`synchronized=True`).

    Call with maps (B, H, W, C). Returns maps of the same shape and dtype.

    Args:
        **kwargs: Options of `keras.layers.BatchNormalization`, whose weights
            and configuration the layer has.

    Example:

    >>> layer = BatchNormalization()
    >>> maps = keras.ops.reshape(keras.ops.arange(4.0), (1, 2, 2, 1))
    >>> layer(maps, training=True).numpy().ravel().round(2)
    array([-1.34, -0.45,  0.45,  1.34], dtype=float32)
    """

    def call(self, inputs, training=None, mask=None):
        if not self._fits(inputs, mask):
            return super().call(inputs, training=training, mask=mask)
        learns = bool(training) and self.trainable
        ones = tf.ones(inputs.shape[-1:])
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma if self.scale else ones,
            offset=self.beta if self.center else 0 * ones,
            mean=[] if learns else self.moving_mean,
            variance=[] if learns else self.moving_variance,
            epsilon=self.epsilon,
            is_training=learns,
        )
        if not learns:
            return outputs
        # The kernel returns the unbiased variance, and Keras keeps the biased.
        count = tf.cast(tf.size(inputs) // inputs.shape[-1], variance.dtype)
        variance *= (count - 1) / count
        for moving, now in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            moving.assign(moving * self.momentum + now * (1 - self.momentum))
        return outputs

    def _fits(self, inputs, mask):
        shared = (
            self.synchronized
            and tf.distribute.get_strategy().num_replicas_in_sync > 1
        )
        return (
            mask is None
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and not self.renorm
            and keras.backend.standardize_dtype(inputs.dtype) in _FUSED_DTYPES
            and not shared
        )
