"""Normalization by the activations around a position (cuda-convnet, Caffe)."""

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer


@keras.saving.register_keras_serializable("kcv")
class WithinChannelNormalization(ImageLayer):
    """Normalization of activations by those around them in their channel.

    Caffe's LRN layer with `norm_region: WITHIN_CHANNEL`. At each position,

        y = x / (1 + alpha * mean of x ** 2) ** beta

    over the square of `size` x `size` positions around it. Positions outside
    of the map count as zeros, so that the mean is always that of
    `size` ** 2 numbers. `LocalResponseNormalization` normalizes across
    channels.

    Squares are summed in float32 under every policy.

    Call with maps (B, H, W, C) of any float dtype. Returns maps of the same
    shape and dtype.

    Args:
        size: Side of the square in cells. Odd integer. Defaults to 5.
        alpha: Weight of the mean square. Non-negative float. Defaults to
            5e-5.
        beta: Exponent. Non-negative float. Defaults to 0.75.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> layer = WithinChannelNormalization(1, alpha=3.0, beta=0.5)
    >>> layer(tf.constant([[[[1.0]], [[0.0]]]])).numpy().ravel()
    array([0.5, 0. ], dtype=float32)
    """

    def __init__(
        self,
        size: int = 5,
        alpha: float = 5e-5,
        beta: float = 0.75,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if int(size) != size or size < 1 or size % 2 == 0:
            raise ValueError(
                f"`size` must be an odd positive integer. Received: size={size}"
            )
        for argument, value in (("alpha", alpha), ("beta", beta)):
            if not value >= 0:
                raise ValueError(
                    f"`{argument}` must not be negative. "
                    f"Received: {argument}={value}"
                )
        self.size = int(size)
        self.alpha = float(alpha)
        self.beta = float(beta)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        x = tf.cast(inputs, "float32")
        # TensorFlow's "SAME" leaves padding out of the mean, so pad first.
        reach = self.size // 2
        around = [[0, 0], [reach, reach], [reach, reach], [0, 0]]
        mean = tf.nn.avg_pool2d(
            tf.pad(tf.square(x), around), self.size, 1, "VALID"
        )
        normalized = x * (1.0 + self.alpha * mean) ** -self.beta
        return tf.cast(normalized, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "alpha": self.alpha,
            "beta": self.beta,
        }
