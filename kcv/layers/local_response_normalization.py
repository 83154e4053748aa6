"""Normalization across neighboring channels (Krizhevsky et al. 2012)."""

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer


@keras.saving.register_keras_serializable("kcv")
class LocalResponseNormalization(ImageLayer):
    """Normalization of activations by those of the channels around them.

    AlexNet (Krizhevsky et al. 2012), section 3.3: at each position of a map,

        y[c] = x[c] / (k + a * sum of x[j] ** 2) ** beta

    over those of the `size` channels j around c that exist. The two
    conventions differ in a, and so in the meaning of `alpha`: "alexnet", the
    paper's, takes a = alpha; "caffe", also torch's, takes a = alpha / size,
    and both Caffe and the networks trained with it leave k at 1. The paper's
    own layer is `convention="alexnet", k=2`.

    Squares are summed in float32 under every policy: a 16-bit sum of large
    squares overflows or loses the small ones.

    Call with maps (B, H, W, C) of any float dtype. Returns maps of the same
    shape and dtype.

    Args:
        size: Number of channels in the window. Odd integer. Defaults to 5.
        alpha: Weight of the squares. Float. Defaults to 1e-4.
        beta: Exponent. Float. Defaults to 0.75.
        k: Number that is added to the sum. Positive float. Defaults to 1.
        convention: "caffe" or "alexnet". Defaults to "caffe".
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If `size` is not odd and positive, `k` is not positive, or
            `convention` is unknown.

    Example:

    >>> layer = LocalResponseNormalization(3, alpha=3.0, beta=0.5)
    >>> layer(tf.constant([[[[1.0, 1.0, 1.0]]]])).numpy().round(3)
    array([[[[0.577, 0.5  , 0.577]]]], dtype=float32)
    """

    def __init__(
        self,
        size: int = 5,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 1.0,
        convention: str = "caffe",
        **kwargs,
    ):
        super().__init__(**kwargs)
        if int(size) != size or size < 1 or size % 2 == 0:
            raise ValueError(
                "size must be odd and positive: the window has its channel "
                f"in the middle. Received: size={size}"
            )
        for argument, value in (("alpha", alpha), ("beta", beta)):
            if not value >= 0:
                raise ValueError(
                    f"{argument} must not be negative. "
                    f"Received: {argument}={value}"
                )
        if not k > 0:
            raise ValueError(
                "k must be positive, or zeros are divided by zero. "
                f"Received: k={k}"
            )
        if convention not in ("caffe", "alexnet"):
            raise ValueError(
                'convention must be "caffe" or "alexnet". '
                f"Received: convention={convention!r}"
            )
        self.size = int(size)
        self.alpha = float(alpha)
        self.beta = float(beta)
        self.k = float(k)
        self.convention = convention
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def call(self, inputs):
        caffe = self.convention == "caffe"
        # On CPUs the operation takes float32 and float16 and sums in them.
        normalized = tf.nn.local_response_normalization(
            tf.cast(inputs, "float32"),
            depth_radius=self.size // 2,
            bias=self.k,
            alpha=self.alpha / self.size if caffe else self.alpha,
            beta=self.beta,
        )
        return tf.cast(normalized, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "alpha": self.alpha,
            "beta": self.beta,
            "k": self.k,
            "convention": self.convention,
        }
