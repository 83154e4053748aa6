"""How the arrays of an example are coded in a shard.

Shapes: an image has H x W pixels and N objects.
"""

import tensorflow as tf

#: Codings of an array: an image file, maps as PNG, or values.
FILE, PNG, RAW = "file", "png", "raw"


class ArraySpec:
    """Form of an array of the examples.

    Args:
        dtype: Name of its type.
        shape: Its shape, with None where it differs.
        coding: "file", "png" or "raw".
    """

    def __init__(self, dtype: str, shape: list[int | None], coding: str):
        self.dtype, self.shape = tf.as_dtype(dtype), shape
        if coding not in (FILE, PNG, RAW):
            raise ValueError(f"an array has the coding {coding!r}")
        if coding == RAW and shape.count(None) > 1:
            raise ValueError(f"an array has the shape {shape}")
        self.coding = coding

    def decode(self, content: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
        """Decode an array that belongs to an image, in a graph.

        Args:
            content: Bytes of the array, () string.
            image: The image (H, W, 3).

        Returns:
            The array, with the type and shape of this object.
        """
        if self.dtype == tf.string:
            return content
        if self.coding == PNG:
            return _decode_maps(content, image, self.shape)
        if self.dtype == tf.bool:
            values = tf.cast(tf.io.decode_raw(content, tf.uint8), tf.bool)
        else:
            values = tf.io.decode_raw(content, self.dtype)
        sides = [-1 if side is None else side for side in self.shape]
        return tf.reshape(values, sides)


def _decode_maps(content, image, shape):
    """Decode label maps (H, W) or masks (N, H, W), one below the other."""
    height, width = tf.unstack(tf.shape(image)[:2])

    def decode_png():
        # The header says how large the map is: it must be that of its image.
        head = tf.io.decode_raw(
            tf.strings.substr(content, 16, 8), tf.int32, little_endian=False
        )
        fits = (head[0] == width) & (
            (head[1] % height == 0) if len(shape) == 3 else head[1] == height
        )
        check = tf.debugging.Assert(
            fits, ["a map must have the size of its image. Received:", head]
        )
        with tf.control_dependencies([check]):
            return tf.io.decode_png(content, 1)

    maps = tf.cond(
        tf.strings.length(content) > 0,
        decode_png,
        lambda: tf.zeros((0, width, 1), tf.uint8),
    )
    sides = (-1, height, width) if len(shape) == 3 else (height, width)
    return tf.ensure_shape(tf.reshape(maps, sides), shape)
