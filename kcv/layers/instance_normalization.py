"""Instance normalization by a fused kernel (Ulyanov et al. 2016)."""

from kcv.backend import require_channels_last

import keras
import tensorflow as tf

from kcv.layers.image_layer import set_shape
from kcv.layers.portable import is_portable


@keras.saving.register_keras_serializable("kcv")
class InstanceNormalization(keras.layers.GroupNormalization):
    """Normalization of each channel of each image (Ulyanov et al. 2016).

    It gives the same maps as `keras.layers.GroupNormalization(groups=-1)`,
    whose weights it has, and is faster: Keras computes moments, scale and
    shift by separate operations, in float32 under every policy. Here the
    channels of all images are laid side by side as those of a single image,
    which TensorFlow's fused kernel for batch normalization normalizes.

    Call with maps (B, H, W, C), where C is static. Returns maps of the same
    shape and dtype.

    Args:
        epsilon: Number that is added to the variance. Float. Defaults to 1e-5.
        **kwargs: Options of `keras.layers.GroupNormalization` other than
            `groups` and `axis`.

    Example:

    >>> layer = InstanceNormalization()
    >>> maps = keras.ops.reshape(keras.ops.arange(4.0), (1, 2, 2, 1))
    >>> layer(maps).numpy().ravel().round(2)
    array([-1.34, -0.45,  0.45,  1.34], dtype=float32)
    """

    def __init__(self, epsilon: float = 1e-5, **kwargs):
        require_channels_last()
        super().__init__(groups=-1, axis=-1, epsilon=epsilon, **kwargs)

    def call(self, inputs):
        if self.compute_dtype == "float64":
            return super().call(inputs)  # the kernel does not take float64
        inputs = tf.cast(inputs, self.compute_dtype)
        if is_portable():
            return self._by_moments(inputs)
        batch, height, width, _ = tf.unstack(tf.shape(inputs))
        channels = inputs.shape[-1]
        side_by_side = tf.reshape(
            tf.transpose(inputs, (1, 2, 0, 3)),
            (1, height, width, batch * channels),
        )
        ones = tf.ones(channels)
        outputs, *_ = tf.raw_ops.FusedBatchNormV3(
            x=side_by_side,
            scale=tf.tile(self.gamma if self.scale else ones, [batch]),
            offset=tf.tile(self.beta if self.center else 0 * ones, [batch]),
            mean=[],
            variance=[],
            epsilon=self.epsilon,
        )
        outputs = tf.reshape(outputs, (height, width, batch, channels))
        return set_shape(tf.transpose(outputs, (2, 0, 1, 3)), inputs.shape)

    def _by_moments(self, x):
        mean, variance = tf.nn.moments(x, (1, 2), keepdims=True)
        x = (x - mean) * tf.math.rsqrt(variance + self.epsilon)
        if self.scale:
            x *= self.gamma
        return x + self.beta if self.center else x

    def get_config(self):
        config = super().get_config()
        del config["groups"], config["axis"]
        return config
