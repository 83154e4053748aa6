"""Convolutions whose kernel depends on the place in the map.

Weights of a map are shared everywhere in an ordinary convolution, inside
regions in `PartiallySharedConv2D`, and nowhere in `LocallyConnected2D`.
"""

import math

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.portable import is_portable


@keras.saving.register_keras_serializable("kcv")
class PartiallySharedConv2D(ImageLayer):
    """Convolve maps with a kernel for each region of the output.

    DeepID (Sun, Wang and Tang 2014) shares the weights of its third convolution
    inside regions of 2 x 2 outputs, since the mouth needs other filters than
    the eyes of an aligned face. The regions begin at the upper left corner.
    Those at the lower and the right border are smaller if they do not fit. A
    region of the size of the output makes an ordinary convolution.

    Only positions where the window lies inside the map are computed ("valid"
    padding). The kernel has the shape (region rows, region columns, kernel
    height, kernel width, C, filters), the bias (region rows, region columns,
    filters).

    Call with maps (B, H, W, C) whose height and width are known. Returns maps
    (B, H', W', filters) in the same dtype, where H' is
    (H - kernel height) // stride + 1.

    Args:
        filters: Number of output channels. Positive integer.
        kernel_size: Height and width of the window in pixels. Positive integer
            or pair of them.
        region: Height and width of a region in pixels of the output. Positive
            integer or pair of them. Defaults to 2.
        strides: Steps between windows in pixels. Positive integer or pair of
            them. Defaults to 1.
        activation: Activation function, as in `keras.layers.Conv2D`. Defaults
            to None.
        use_bias: Whether to add a bias. Defaults to True.
        kernel_initializer: Initializer of the kernel. One that depends on the
            number of inputs takes that of one window. Defaults to
            "glorot_uniform".
        bias_initializer: Initializer of the bias. Defaults to "zeros".
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If a number is not a positive integer, or if height or width
            of the input are unknown or smaller than the window.

    Example:

    >>> layer = PartiallySharedConv2D(60, 3, region=2)
    >>> layer(keras.ops.zeros((1, 8, 6, 40))).shape
    TensorShape([1, 6, 4, 60])
    >>> tuple(layer.kernel.shape)
    (3, 2, 3, 3, 40, 60)
    """

    def __init__(
        self,
        filters,
        kernel_size,
        region=2,
        strides=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = _pair("filters", filters)[0]
        self.kernel_size = _pair("kernel_size", kernel_size)
        self.region = _pair("region", region)
        self.strides = _pair("strides", strides)
        self.activation = keras.activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        self._check_size(input_shape)
        _, *size, _ = self.compute_output_shape(input_shape)
        regions = [
            math.ceil(side / region)
            for side, region in zip(size, self.region, strict=True)
        ]
        self.kernel = self.add_weight(
            (*regions, *self.kernel_size, input_shape[-1], self.filters),
            initializer=_per_region(
                self.kernel_initializer, math.prod(regions)
            ),
            name="kernel",
        )
        if self.use_bias:
            self.bias = self.add_weight(
                (*regions, self.filters),
                initializer=self.bias_initializer,
                name="bias",
            )

    def call(self, inputs):
        _, height, width, _ = self.compute_output_shape(inputs.shape)
        kernel = tf.convert_to_tensor(self.kernel)
        rows, columns, *window, filters = kernel.shape
        down, across = self.region
        x = _unfold(inputs, self.kernel_size, self.strides)  # (H', W', B, n)
        batch = tf.shape(inputs)[0]
        if self.region != (1, 1):
            bottom, right = rows * down - height, columns * across - width
            x = tf.pad(x, [[0, bottom], [0, right], [0, 0], [0, 0]])
            x = tf.reshape(
                x, (rows, down, columns, across, batch, math.prod(window))
            )
            x = tf.transpose(x, (0, 2, 1, 3, 4, 5))
        # A matrix product for each region: its windows times its kernel.
        x = tf.reshape(x, (rows * columns, -1, math.prod(window)))
        x @= tf.reshape(kernel, (rows * columns, math.prod(window), filters))
        if self.use_bias:
            bias = tf.convert_to_tensor(self.bias)
            x += tf.reshape(bias, (rows * columns, 1, filters))
        x = tf.reshape(x, (rows, columns, down, across, batch, filters))
        x = tf.transpose(x, (4, 0, 2, 1, 3, 5))
        x = tf.reshape(x, (-1, rows * down, columns * across, filters))
        return self.activation(x[:, :height, :width])

    def compute_output_shape(self, input_shape):
        batch, *size, _ = input_shape
        size = [
            None if side is None else (side - window) // stride + 1
            for side, window, stride in zip(
                size, self.kernel_size, self.strides, strict=True
            )
        ]
        return (batch, *size, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "region": self.region,
            "strides": self.strides,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
            "bias_initializer": keras.initializers.serialize(
                self.bias_initializer
            ),
        }

    def _check_size(self, input_shape):
        if None in input_shape[1:] or any(
            side < window
            for side, window in zip(
                input_shape[1:3], self.kernel_size, strict=True
            )
        ):
            raise ValueError(
                "The input must have a known height and width, at least "
                f"`kernel_size`={self.kernel_size}, since {self.name!r} has "
                f"weights for each place. Received: input_shape={input_shape}"
            )


@keras.saving.register_keras_serializable("kcv")
class LocallyConnected2D(PartiallySharedConv2D):
    """Convolve maps with a kernel for each position of the output.

    DeepFace (Taigman et al. 2014) and DeepID (Sun, Wang and Tang 2014) do not
    share the weights of their upper convolutions, since every place of an
    aligned face has its own statistics. If all positions have the same kernel,
    the output is that of `keras.layers.Conv2D`.

    Only positions where the window lies inside the map are computed ("valid"
    padding). The kernel has the shape (H', W', kernel height, kernel width, C,
    filters), the bias (H', W', filters).

    Call with maps (B, H, W, C) whose height and width are known. Returns maps
    (B, H', W', filters) in the same dtype, where H' is
    (H - kernel height) // stride + 1.

    Args:
        filters: Number of output channels. Positive integer.
        kernel_size: Height and width of the window in pixels. Positive integer
            or pair of them.
        strides: Steps between windows in pixels. Positive integer or pair of
            them. Defaults to 1.
        activation: Activation function, as in `keras.layers.Conv2D`. Defaults
            to None.
        use_bias: Whether to add a bias. Defaults to True.
        kernel_initializer: Initializer of the kernel. One that depends on the
            number of inputs takes that of one window. Defaults to
            "glorot_uniform".
        bias_initializer: Initializer of the bias. Defaults to "zeros".
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If a number is not a positive integer, or if height or width
            of the input are unknown or smaller than the window.

    Example:

    >>> layer = LocallyConnected2D(16, 7, strides=2)
    >>> layer(keras.ops.zeros((1, 15, 15, 2))).shape
    TensorShape([1, 5, 5, 16])
    >>> layer.count_params() == 5 * 5 * 16 * (7 * 7 * 2 + 1)
    True
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            1,
            strides,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            **kwargs,
        )

    def get_config(self):
        config = super().get_config()
        del config["region"]
        return config


def _unfold(x, window, strides):
    """Lay the window of each place out as a vector.

    Args:
        x: Maps (B, H, W, C).
        window: Height and width of the windows.
        strides: Vertical and horizontal step.

    Returns:
        Windows (H', W', B, height * width * C), row by row.
    """
    # A forward and backward step with slices in its place takes twice as long
    # on a CPU: the gradient of each slice is as large as all maps.
    if is_portable():
        windows = _slices(x, window, strides)
    else:
        windows = tf.image.extract_patches(
            x, (1, *window, 1), (1, *strides, 1), (1, 1, 1, 1), "VALID"
        )
    return tf.transpose(windows, (1, 2, 0, 3))


def _slices(x, window, strides):
    """Compute what `tf.image.extract_patches` gives by slices."""
    down, across = strides
    ends = [
        side - size + 1 for side, size in zip(x.shape[1:3], window, strict=True)
    ]
    return tf.concat(
        [
            x[:, row : row + ends[0] : down, left : left + ends[1] : across]
            for row in range(window[0])
            for left in range(window[1])
        ],
        -1,
    )


def _per_region(initializer, regions):
    """Return an initializer that counts the inputs of one region alone."""
    if not isinstance(initializer, keras.initializers.VarianceScaling):
        return initializer
    # Keras takes the dimensions of the regions for those of the window.
    return keras.initializers.VarianceScaling(
        initializer.scale * regions,
        initializer.mode,
        initializer.distribution,
        initializer.seed,
    )


def _pair(argument, value):
    values = (value, value) if not isinstance(value, tuple | list) else value
    if len(values) != 2 or not all(
        isinstance(side, int) and side >= 1 for side in values
    ):
        raise ValueError(
            f"`{argument}` must be a positive integer or a pair of them. "
            f"Received: {argument}={value!r}"
        )
    return tuple(values)
