"""The parameter-free shortcut of residual networks (He et al. 2015)."""

import keras

from kcv.layers.image_layer import ImageLayer


@keras.saving.register_keras_serializable("kcv")
class IdentityShortcut(ImageLayer):
    """Shortcut past a residual block that changes the shape of maps.

    Option A of He et al. (arXiv:1512.03385), section 3.3: every `stride`-th
    row and column, and zeros for the channels that the block adds. The zeros
    come after the channels of the input.

    Call with maps (B, H, W, C). Returns maps
    (B, ceil(H / stride), ceil(W / stride), filters).

    Args:
        filters: Number of channels of the output, at least that of the input.
        stride: Stride of the block. Integer. Defaults to 1.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is not a positive integer.

    Example:

    >>> IdentityShortcut(4, stride=2)(keras.ops.ones((1, 3, 3, 2))).shape
    TensorShape([1, 2, 2, 4])
    """

    def __init__(self, filters: int, stride: int = 1, **kwargs):
        super().__init__(**kwargs)
        for argument, value in (("filters", filters), ("stride", stride)):
            if int(value) != value or value < 1:
                raise ValueError(
                    f"{argument} must be a positive integer. "
                    f"Received: {argument}={value}"
                )
        self.filters = int(filters)
        self.stride = int(stride)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        if input_shape[-1] > self.filters:
            raise ValueError(
                "filters must not be fewer than the channels of the input, "
                f"{input_shape[-1]}. Received: filters={self.filters}"
            )

    def call(self, inputs):
        x = inputs[:, :: self.stride, :: self.stride]
        added = self.filters - inputs.shape[-1]
        return keras.ops.pad(x, ((0, 0), (0, 0), (0, 0), (0, added)))

    def compute_output_shape(self, input_shape):
        batch, *size, _ = input_shape
        size = [None if n is None else -(-n // self.stride) for n in size]
        return (batch, *size, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "stride": self.stride,
        }
