"""Interpolation of maps, by nearest neighbors or bilinear."""

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import set_shape

_METHODS = {
    "nearest": tf.raw_ops.ResizeNearestNeighbor,
    "bilinear": tf.raw_ops.ResizeBilinear,
}


@keras.saving.register_keras_serializable("kcv")
class Interpolation2D(ImageLayer):
    """Enlarge maps by an integer factor, by nearest neighbors or bilinearly.

    There are two conventions, which differ by up to half a pixel:

    - `align_corners=False`, of OpenCV, Pillow, Keras and PyTorch's default:
      pixels are squares. Output i lies at (i + 1/2) / factor - 1/2, and the
      border is repeated.
    - `align_corners=True`, of Caffe's Interp and early TensorFlow: pixels are
      points, and the corners of input and output coincide. Output i lies at
      i (n - 1) / (factor n - 1).

    Call with maps (B, H, W, C). Returns maps (B, factor * H, factor * W, C).

    Args:
        factor: Factor by which both sides grow. Positive integer.
        method: "nearest" or "bilinear". Defaults to "bilinear".
        align_corners: Whether the corners of input and output coincide.
            Defaults to False.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If `factor` is not a positive integer, or `method` is
            unknown.

    Example:

    >>> x = tf.reshape([0.0, 1.0], (1, 1, 2, 1))
    >>> Interpolation2D(2)(x)[0, 0, :, 0].numpy()
    array([0.  , 0.25, 0.75, 1.  ], dtype=float32)
    """

    def __init__(
        self,
        factor: int,
        method: str = "bilinear",
        align_corners: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if int(factor) != factor or factor < 1:
            raise ValueError(
                f"factor must be a positive integer. Received: factor={factor}"
            )
        if method not in _METHODS:
            raise ValueError(
                f"method must be one of {[*_METHODS]}. Received: "
                f"method={method!r}"
            )
        self.factor = int(factor)
        self.method = method
        self.align_corners = align_corners

    def call(self, x):
        enlarged = _METHODS[self.method](
            images=tf.cast(x, "float32"),
            size=self.factor * tf.shape(x)[1:3],
            align_corners=self.align_corners,
            half_pixel_centers=not self.align_corners,
        )
        enlarged = set_shape(enlarged, self.compute_output_shape(x.shape))
        return tf.cast(enlarged, x.dtype)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [side and self.factor * side for side in sides]
        return (batch, *sides, channels)

    def compute_output_spec(self, x):
        shape = self.compute_output_shape(x.shape)
        return keras.KerasTensor(shape, dtype=x.dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "factor": self.factor,
            "method": self.method,
            "align_corners": self.align_corners,
        }
