"""Initializers that Keras does not have."""

import kcv.backend  # noqa: F401

import keras
import numpy as np


@keras.saving.register_keras_serializable("kcv")
class Bilinear(keras.initializers.Initializer):
    """Initialize a transposed convolution as bilinear interpolation.

    Long, Shelhamer and Darrell 2015 (FCN), section 3.3. It is Caffe's filler
    `bilinear`, on the diagonal of the classes. A stride of f needs a kernel of
    2 f - f % 2. Each output is then an average of its neighbors by distance. Up
    to f pixels from the border, where the transposed convolution fades to zero,
    it differs from interpolation with `align_corners=False`, elsewhere it is
    equal.

    Call with the shape of a kernel of `keras.layers.Conv2DTranspose`, (k, k,
    filters, channels).

    Raises:
        ValueError: If the kernel is not square, or the numbers of filters and
            channels differ.

    Example:

    >>> Bilinear()((4, 4, 1, 1))[0, :, 0, 0].numpy()
    array([0.0625, 0.1875, 0.1875, 0.0625], dtype=float32)
    """

    def __call__(self, shape, dtype=None):
        height, width, filters, channels = shape
        if height != width or filters != channels:
            raise ValueError(
                "`shape` must be that of a kernel (k, k, n, n). Received: "
                f"shape={tuple(shape)}"
            )
        half = (width + 1) // 2
        center = half - 1 if width % 2 else half - 0.5
        taps = 1 - abs(np.arange(width) - center) / half
        kernel = np.zeros(shape)
        each = np.arange(filters)
        kernel[:, :, each, each] = np.outer(taps, taps)[..., None]
        return keras.ops.convert_to_tensor(kernel, dtype or "float32")
