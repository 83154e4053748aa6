"""Subsampling with weights (LeCun et al. 1998)."""

import keras

from kcv.layers.image_layer import ImageLayer


@keras.saving.register_keras_serializable("kcv")
class Subsampling2D(ImageLayer):
    """Sums of windows, times a trainable coefficient of each channel.

    S2 and S4 of LeNet-5 (LeCun et al. 1998, section II.B): windows do not
    overlap, their sum is multiplied by one trainable coefficient for each
    channel, and one bias for each channel is added.

    Call with maps (B, H, W, C). Returns maps (B, H // size, W // size, C).

    Args:
        size: Side of the windows, and the distance between them. Integer.
            Defaults to 2.
        kernel_initializer: Initializer of the coefficients, as Keras takes it.
            If None, the results are averages of the windows. Defaults to None.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If `size` is not a positive integer.

    Example:

    >>> layer = Subsampling2D(2, kernel_initializer="ones")
    >>> layer(keras.ops.ones((1, 2, 2, 1))).numpy().item()
    4.0
    """

    def __init__(self, size=2, kernel_initializer=None, **kwargs):
        super().__init__(**kwargs)
        if int(size) != size or size < 1:
            raise ValueError(
                f"size must be a positive integer. Received: size={size}"
            )
        self.size = int(size)
        if kernel_initializer is None:
            kernel_initializer = keras.initializers.Constant(1 / self.size**2)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = input_shape[-1]
        self.kernel = self.add_weight(
            (channels,), initializer=self.kernel_initializer, name="kernel"
        )
        self.bias = self.add_weight(
            (channels,), initializer="zeros", name="bias"
        )

    def call(self, inputs):
        average = keras.ops.average_pool(inputs, self.size, self.size)
        return average * self.size**2 * self.kernel + self.bias

    def compute_output_shape(self, input_shape):
        batch, *size, channels = input_shape
        size = [None if n is None else n // self.size for n in size]
        return (batch, *size, channels)

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }
