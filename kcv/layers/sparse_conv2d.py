"""Convolution whose filters see some of the channels (LeCun et al. 1998)."""

import keras
import numpy as np

from kcv.layers.image_layer import ImageLayer


@keras.saving.register_keras_serializable("kcv")
class SparseConv2D(ImageLayer):
    """Convolution whose filters each see chosen channels of the input.

    C3 of LeNet-5 (LeCun et al. 1998, table I). Weights exist for the chosen
    channels alone: a kernel (size, size, connections), laid out by filter,
    and a bias for every filter.

    Call with maps (B, H, W, C). Returns maps
    (B, H - size + 1, W - size + 1, filters).

    Args:
        table: The channels that each filter sees, counted from 0. Sequence of
            sequences of integers.
        kernel_size: Side of the filters. Positive integer. There is no padding.
        kernel_initializer: Initializer of the kernel. Defaults to
            "glorot_uniform".
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If `table` has no filter or a filter without a channel, or
            `kernel_size` is not a positive integer.

    Example:

    >>> layer = SparseConv2D([(0, 1), (1, 2)], kernel_size=5)
    >>> layer(keras.ops.ones((1, 14, 14, 3))).shape
    TensorShape([1, 10, 10, 2])
    >>> layer.count_params()  # 5 * 5 * 4 + 2
    102
    """

    def __init__(
        self, table, kernel_size, kernel_initializer="glorot_uniform", **kwargs
    ):
        super().__init__(**kwargs)
        if not table or not all(table):
            raise ValueError(
                "table must name the channels of at least one filter, and at "
                f"least one channel of each. Received: table={table}"
            )
        if int(kernel_size) != kernel_size or kernel_size < 1:
            raise ValueError(
                "kernel_size must be a positive integer. "
                f"Received: kernel_size={kernel_size}"
            )
        self.table = [[int(channel) for channel in row] for row in table]
        self.kernel_size = int(kernel_size)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels, filters = input_shape[-1], len(self.table)
        if not all(0 <= c < channels for row in self.table for c in row):
            raise ValueError(
                "table must name channels of the input, which are "
                f"0 to {channels - 1}. Received: table={self.table}"
            )
        # Column c * filters + f of the row of a connection has its one.
        places = [
            channel * filters + f
            for f, row in enumerate(self.table)
            for channel in row
        ]
        self._placement = np.eye(channels * filters, dtype="float32")[places]
        size = self.kernel_size
        self.kernel = self.add_weight(
            (size, size, len(places)),
            initializer=self.kernel_initializer,
            name="kernel",
        )
        self.bias = self.add_weight(
            (filters,), initializer="zeros", name="bias"
        )

    def call(self, inputs):
        placement = keras.ops.cast(self._placement, self.compute_dtype)
        dense = keras.ops.reshape(
            keras.ops.matmul(self.kernel, placement),
            (self.kernel_size, self.kernel_size, -1, len(self.table)),
        )
        return keras.ops.conv(inputs, dense, padding="valid") + self.bias

    def compute_output_shape(self, input_shape):
        batch, *size, _ = input_shape
        size = [None if n is None else n - self.kernel_size + 1 for n in size]
        return (batch, *size, len(self.table))

    def get_config(self):
        return {
            **super().get_config(),
            "table": self.table,
            "kernel_size": self.kernel_size,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }
