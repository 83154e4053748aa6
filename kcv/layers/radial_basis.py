"""Euclidean radial basis functions (LeCun et al. 1998)."""

import keras


@keras.saving.register_keras_serializable("kcv")
class RadialBasis(keras.layers.Layer):
    """Scores of features by their distance from the center of each unit.

    The output layer of LeNet-5 (LeCun et al. 1998, section II.B), negated so
    that the greatest output is the best, as in other classifiers:

        y[i] = -sum over j of (x[j] - kernel[j, i]) ** 2

    The softmax of y is the posterior of classes that are Gaussians of equal
    variance around their centers.

    Call with features (B, n). Returns scores (B, units), float32 under every
    policy, since nearly equal distances must be distinguished.

    Args:
        units: Number of centers. Positive integer.
        kernel_initializer: Initializer of the centers. Defaults to
            "random_normal".
        **kwargs: Options of `keras.layers.Layer`. `trainable=False` fixes the
            centers; `dtype` defaults to "float32".

    Raises:
        ValueError: If `units` is not a positive integer.

    Example:

    >>> layer = RadialBasis(2, kernel_initializer="ones")
    >>> layer(keras.ops.convert_to_tensor([[1.0, -1.0]])).numpy()
    array([[-4., -4.]], dtype=float32)
    """

    def __init__(self, units, kernel_initializer="random_normal", **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if int(units) != units or units < 1:
            raise ValueError(
                f"units must be a positive integer. Received: units={units}"
            )
        self.units = int(units)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.input_spec = keras.layers.InputSpec(ndim=2)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            (input_shape[-1], self.units),
            initializer=self.kernel_initializer,
            name="kernel",
        )

    def call(self, inputs):
        difference = inputs[:, :, None] - self.kernel  # (B, n, units)
        return -keras.ops.sum(keras.ops.square(difference), axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.units)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }
