"""Which channels of a feature map are strong together, wherever that is."""

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import set_shape

_NORMALIZATIONS = (None, "hw", "chw")


@keras.saving.register_keras_serializable("kcv")
class GramMatrix(ImageLayer):
    """Compute the Gram matrix of the channels of a feature map.

    G_ij is the sum of F_ik F_jk over the positions k (Gatys, Ecker and Bethge
    2016, equation 3). Three conventions are about:

    - None: the sum, as in the paper;
    - "hw": the mean over positions, so that images of different size can be
      compared, as in the code of Gatys;
    - "chw": that over the number of channels, as in Johnson, Alahi and Li
      (2016) and in neural-style.

    Args:
        normalization: None, "hw" or "chw".

    Call with x (B, H, W, C). Returns (B, C, C) float32, symmetric and positive
    semidefinite, each image by itself. The sums are taken in float32: float16
    ends at 65504.

    Raises:
        ValueError: if `normalization` is none of these.

    Example:

    >>> GramMatrix()(tf.ones((1, 2, 3, 1))).numpy()
    array([[[6.]]], dtype=float32)
    """

    def __init__(self, normalization=None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if normalization not in _NORMALIZATIONS:
            raise ValueError(
                f"normalization must be one of {_NORMALIZATIONS}. Received: "
                f"normalization={normalization!r}"
            )
        self.normalization = normalization

    def call(self, x):
        if x.dtype != tf.float64:
            x = tf.cast(x, tf.float32)
        batch, height, width, channels = tf.unstack(tf.shape(x))
        features = tf.reshape(x, (batch, height * width, channels))
        gram = tf.matmul(features, features, transpose_a=True)
        if self.normalization is not None:
            gram /= tf.cast(height * width, x.dtype)
        if self.normalization == "chw":
            gram /= tf.cast(channels, x.dtype)
        return set_shape(gram, self.compute_output_shape(x.shape))

    def compute_output_shape(self, input_shape):
        batch, *_, channels = input_shape
        return (batch, channels, channels)

    def compute_output_spec(self, x):
        dtype = "float64" if x.dtype == "float64" else "float32"
        return keras.KerasTensor(self.compute_output_shape(x.shape), dtype)

    def get_config(self):
        return {**super().get_config(), "normalization": self.normalization}
