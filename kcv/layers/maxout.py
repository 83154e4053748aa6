"""The activation of maxout networks (Goodfellow et al. 2013)."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("kcv")
class Maxout(keras.layers.Layer):
    """Take the maximum of groups of units.

    A maxout layer (Goodfellow et al. 2013) of n units is a
    `keras.layers.Dense(pieces * n)` without activation, and then this layer.
    FaceNet's NN1 (Schroff, Kalenichenko and Philbin 2015) has two pieces.

    Call with features (..., pieces * n). Returns features (..., n) of the same
    dtype.

    Args:
        pieces: Number of units of which the largest is taken. Integer of at
            least 2. Defaults to 2.
        pairing: Units that form a group. "adjacent" takes the maximum of units
            `pieces * i`, `pieces * i + 1`, ...; "halves" that of units i, n +
            i, .... Other libraries have one or the other order. Defaults to
            "adjacent".
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of its range, or the number of units
            is not a multiple of `pieces`.

    Example:

    >>> units = keras.ops.array([[1.0, 2.0, 4.0, 3.0]])
    >>> Maxout()(units).numpy()
    array([[2., 4.]], dtype=float32)
    >>> Maxout(pairing="halves")(units).numpy()
    array([[4., 3.]], dtype=float32)
    """

    def __init__(self, pieces: int = 2, pairing: str = "adjacent", **kwargs):
        super().__init__(**kwargs)
        if int(pieces) != pieces or pieces < 2:
            raise ValueError(
                "`pieces` must be an integer of at least 2. Received: "
                f"pieces={pieces!r}"
            )
        if pairing not in ("adjacent", "halves"):
            raise ValueError(
                "`pairing` must be 'adjacent' or 'halves'. Received: "
                f"pairing={pairing!r}"
            )
        self.pieces = int(pieces)
        self.pairing = pairing

    def build(self, input_shape):
        if input_shape[-1] is None or input_shape[-1] % self.pieces:
            raise ValueError(
                f"The input of {self.name!r} must have a multiple of "
                f"`pieces`={self.pieces} units. Received: "
                f"input_shape={tuple(input_shape)}"
            )

    def call(self, inputs):
        *outer, units = inputs.shape
        groups = units // self.pieces
        outer = [-1 if side is None else side for side in outer]
        if outer.count(-1) > 1:
            outer = [*ops.shape(inputs)[:-1]]
        if self.pairing == "adjacent":
            x = ops.reshape(inputs, (*outer, groups, self.pieces))
            return ops.max(x, axis=-1)
        x = ops.reshape(inputs, (*outer, self.pieces, groups))
        return ops.max(x, axis=-2)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] // self.pieces)

    def get_config(self):
        return {
            **super().get_config(),
            "pieces": self.pieces,
            "pairing": self.pairing,
        }
