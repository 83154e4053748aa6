"""Convolution in groups of channels (Krizhevsky et al., 2012)."""

import keras


@keras.saving.register_keras_serializable("kcv")
class GroupedConv2D(keras.layers.Conv2D):
    """Convolution in groups of channels, each with its own filters.

    It computes what `keras.layers.Conv2D(groups=...)` computes, with a kernel
    of the same shape, as one convolution for each group. The gradient of
    TensorFlow's own kernel for groups is slow on a CPU: a training step of
    AlexNet's conv2 takes five times as long as the two convolutions.

    Call with maps (B, H, W, C). Returns maps (B, H', W', filters), whose first
    filters / groups channels see the first C / groups channels of the input.

    Args:
        filters: Number of channels of the output, a multiple of `groups`.
        kernel_size: Size of the filters. Integer or (height, width).
        groups: Number of groups, a divisor of the number of channels of the
            input. Defaults to 2.
        **kwargs: Options of `keras.layers.Conv2D`.

    Example:

    >>> layer = GroupedConv2D(256, 5, groups=2, padding="same")
    >>> layer(keras.ops.zeros((1, 27, 27, 96))).shape
    TensorShape([1, 27, 27, 256])
    >>> layer.count_params()  # 5 * 5 * 48 * 256 + 256
    307456
    """

    def __init__(self, filters, kernel_size, groups=2, **kwargs):
        super().__init__(filters, kernel_size, groups=groups, **kwargs)

    def convolution_op(self, inputs, kernel):
        channels = 1 if self.data_format == "channels_first" else -1
        parts = zip(
            keras.ops.split(inputs, self.groups, axis=channels),
            keras.ops.split(kernel, self.groups, axis=-1),
            strict=True,
        )
        convolve = super().convolution_op
        return keras.ops.concatenate(
            [convolve(x, filters) for x, filters in parts], axis=channels
        )
