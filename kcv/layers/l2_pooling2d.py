"""Pooling by the Euclidean norm of windows."""

import math

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer


@keras.saving.register_keras_serializable("kcv")
class L2Pooling2D(ImageLayer):
    """Pool the Euclidean norms of windows.

    FaceNet (Schroff, Kalenichenko and Philbin 2015) has it in place of max
    pooling in most of its inception modules:

        y = sqrt(sum of x ** 2 over the window + epsilon)

    It is the sum and not the mean of the squares, as in Torch's
    `SpatialLPPooling`. Squares are summed in float32 under every half
    precision. Positions outside the map count as zeros.

    Call with maps (B, H, W, C) of any float dtype. Returns maps
    (B, H', W', C) of the same dtype.

    Args:
        pool_size: Height and width of the window in pixels. Positive integer.
            Defaults to 3.
        strides: Step between windows in pixels. Positive integer. Defaults to
            1.
        padding: "same" adds on each side as many zeros as a window covers
            outside of the map when its center is on the border. "valid" adds
            none. Defaults to "same".
        epsilon: Number under the root, which keeps the gradient of a window of
            zeros finite. Positive float. Defaults to 1e-12.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> L2Pooling2D()(keras.ops.ones((1, 3, 3, 1)))[0, :, :, 0].numpy().round(3)
    array([[2.   , 2.449, 2.   ],
           [2.449, 3.   , 2.449],
           [2.   , 2.449, 2.   ]], dtype=float32)
    """

    def __init__(
        self,
        pool_size: int = 3,
        strides: int = 1,
        padding: str = "same",
        epsilon: float = 1e-12,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for argument, value in (("pool_size", pool_size), ("strides", strides)):
            if int(value) != value or value < 1:
                raise ValueError(
                    f"`{argument}` must be a positive integer. Received: "
                    f"{argument}={value!r}"
                )
        if padding not in ("same", "valid"):
            raise ValueError(
                "`padding` must be 'same' or 'valid'. Received: "
                f"padding={padding!r}"
            )
        if not (math.isfinite(epsilon) and epsilon > 0):
            raise ValueError(
                f"`epsilon` must be positive. Received: epsilon={epsilon!r}"
            )
        self.pool_size = int(pool_size)
        self.strides = int(strides)
        self.padding = padding
        self.epsilon = float(epsilon)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        half = inputs.dtype in (tf.float16, tf.bfloat16)
        x = tf.cast(inputs, tf.float32) if half else inputs
        x = tf.square(x)
        if self.padding == "same":
            x = tf.pad(x, [[0, 0], self._margins(), self._margins(), [0, 0]])
        x = tf.nn.avg_pool2d(x, self.pool_size, self.strides, "VALID")
        x = tf.sqrt(x * self.pool_size**2 + self.epsilon)
        return tf.cast(x, inputs.dtype)

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        added = sum(self._margins()) if self.padding == "same" else 0
        size = [
            None
            if side is None
            else (side + added - self.pool_size) // self.strides + 1
            for side in size
        ]
        return (batch, *size, channels)

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
            "epsilon": self.epsilon,
        }

    def _margins(self):
        return [(self.pool_size - 1) // 2, self.pool_size // 2]
