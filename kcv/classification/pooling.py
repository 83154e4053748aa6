"""Pooling with the rounding of the networks that came from Caffe."""

import keras


def ceil_max_pooling(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Pool the maxima of 3x3 windows at stride 2, and round sizes up.

    Caffe adds a last window that hangs over the border where windows do not
    end with the map: 112 rows give 56, where Keras's "valid" gives 55, and its
    "same" begins one row early for odd sizes.

    Args:
        x: Maps (B, height, width, channels) that are nowhere negative, as they
            are after a ReLU.
        name: Name of the pooling. The padding before it is `<name>_pad`.

    Returns:
        Maps (B, height // 2, width // 2, channels).

    Example:

    >>> ceil_max_pooling(keras.Input((112, 27, 64)), "pool1").shape
    (None, 56, 13, 64)
    """
    # Zeros never win over values that are not negative. Even sizes need the
    # row, for odd ones no window reaches it.
    x = keras.layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"{name}_pad")(x)
    return keras.layers.MaxPooling2D(3, 2, name=name)(x)
