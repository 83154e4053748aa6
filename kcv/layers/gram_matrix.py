"""Gram matrices of feature maps (Gatys, Ecker and Bethge 2016)."""

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import set_shape

_NORMALIZATIONS = (None, "hw", "chw")


@keras.saving.register_keras_serializable("kcv")
class GramMatrix(ImageLayer):
    """Compute the Gram matrix of the channels of a feature map.

    G_ij is the sum of F_ik F_jk over the positions k (Gatys, Ecker and Bethge
    2016, equation 3). There are three conventions of its scale:

    - None: the sum, as in the paper;
    - "hw": the mean over positions, so that images of different size can be
      compared, as in the code of Gatys;
    - "chw": the mean over positions divided by the number of channels, as in
      Johnson, Alahi and Li (2016) and in neural-style.

    Call with maps (B, H, W, C). Returns matrices (B, C, C) float32, symmetric
    and positive semidefinite, one for each image. The sums are computed in
    float32, since the largest float16 is 65504.

    Args:
        normalization: None, "hw" or "chw". Defaults to None.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If `normalization` is not one of these.

    Example:

    >>> GramMatrix()(tf.ones((1, 2, 3, 1))).numpy()
    array([[[6.]]], dtype=float32)
    """

    def __init__(self, normalization: str | None = None, **kwargs):
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
