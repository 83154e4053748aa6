"""Initial values that Keras lacks."""

import kcv.backend  # noqa: F401

import keras
import numpy as np


@keras.saving.register_keras_serializable("kcv")
class Bilinear(keras.initializers.Initializer):
    """Begin a transposed convolution as bilinear interpolation, map by map.

    Long, Shelhamer and Darrell 2015 (FCN), section 3.3; Caffe's filler
    `bilinear`, on the diagonal of the classes. A stride of f wants a kernel of
    2 f - f % 2: each output is then an average of its neighbors by distance,
    equal to interpolation with `align_corners=False` from f pixels off the
    border on, where the transposed convolution fades to zero.

    Call with the shape of a kernel of `keras.layers.Conv2DTranspose`, (k, k,
    filters, channels).

    Raises:
        ValueError: if the kernel is not square, or has not as many filters as
            channels.

    Example:

    >>> Bilinear()((4, 4, 1, 1))[0, :, 0, 0].numpy()
    array([0.0625, 0.1875, 0.1875, 0.0625], dtype=float32)
    """

    def __call__(self, shape, dtype=None):
        height, width, filters, channels = shape
        if height != width or filters != channels:
            raise ValueError(
                "Bilinear is for kernels (k, k, n, n). Received: "
                f"shape={tuple(shape)}"
            )
        half = (width + 1) // 2
        center = half - 1 if width % 2 else half - 0.5
        taps = 1 - abs(np.arange(width) - center) / half
        kernel = np.zeros(shape)
        each = np.arange(filters)
        kernel[:, :, each, each] = np.outer(taps, taps)[..., None]
        return keras.ops.convert_to_tensor(kernel, dtype or "float32")
