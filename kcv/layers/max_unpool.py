"""Max pooling that records where its maxima were, and its inverse.

Zeiler and Fergus (2013) unpool to look into a network, SegNet (Badrinarayanan
et al. 2015) and DeconvNet (Noh et al. 2015) to label every pixel.
"""

from typing import ClassVar

import keras
import tensorflow as tf

from kcv.layers.crop_like import crop
from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import keep_channels
from kcv.layers.image_layer import set_shape


class _Windows(ImageLayer):
    """The windows of pooling and unpooling."""

    def __init__(
        self,
        pool_size: int = 2,
        strides: int | None = None,
        padding: str = "same",
        **kwargs,
    ):
        super().__init__(**kwargs)
        strides = pool_size if strides is None else strides
        if int(pool_size) != pool_size or not 1 <= pool_size <= 16:
            # A switch is a byte.
            raise ValueError(
                "pool_size must be an integer from 1 to 16. Received: "
                f"pool_size={pool_size}"
            )
        if int(strides) != strides or strides < 1:
            raise ValueError(
                "strides must be a positive integer. Received: "
                f"strides={strides}"
            )
        if padding not in ("same", "valid"):
            raise ValueError(
                'padding must be "same" or "valid". Received: '
                f"padding={padding!r}"
            )
        self.pool_size = int(pool_size)
        self.strides = int(strides)
        self.padding = padding

    def pooled_sides(self, sides):
        """Count the windows along each side; None where it is free."""
        spare = 0 if self.padding == "same" else self.pool_size - 1
        return [
            None if side is None else -(-(side - spare) // self.strides)
            for side in sides
        ]

    def overhang(self, side, windows):
        """Count the pixels by which windows begin before the map."""
        reach = (windows - 1) * self.strides + self.pool_size
        if self.padding == "valid":
            return tf.zeros_like(side)
        return tf.maximum(reach - side, 0) // 2

    def offsets(self):
        """List the rows and columns within a window, row by row."""
        side = range(self.pool_size)
        return [(row, column) for row in side for column in side]

    def get_config(self):
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "strides": self.strides,
            "padding": self.padding,
        }


@keras.saving.register_keras_serializable("kcv")
class MaxPoolWithSwitches(_Windows):
    """Max pooling that also returns where in its window each maximum was.

    Call with maps (B, H, W, C). Returns `(pooled, switches)`, both
    (B, H', W', C). `pooled` is what `keras.layers.MaxPooling2D` gives.
    `switches` (uint8) is row * P + column of each maximum within its window,
    of the first among equal ones. No gradient flows through it.

    Args:
        pool_size: Side P of the windows. Integer from 1 to 16. Defaults to 2.
        strides: Distance from window to window. Integer. Defaults to
            `pool_size`.
        padding: "same", which rounds sizes up, or "valid", which rounds them
            down. Defaults to "same".
        **kwargs: Options of `keras.layers.Layer`.

    Example:

    >>> x = tf.constant([[[[1.0], [4.0], [2.0]], [[3.0], [2.0], [5.0]]]])
    >>> pooled, switches = MaxPoolWithSwitches()(x)
    >>> pooled[0, 0, :, 0].numpy(), switches[0, 0, :, 0].numpy()
    (array([4., 5.], dtype=float32), array([1, 2], dtype=uint8))
    """

    def call(self, x):
        size, step = self.pool_size, self.strides
        pooled = tf.nn.max_pool2d(x, size, step, self.padding.upper())
        sides, windows = tf.shape(x)[1:3], tf.shape(pooled)[1:3]
        # A pixel of a window lies in one of step x step lattices. Whole
        # lattices are faster to compare than every step-th pixel.
        most = (size - 1) // step
        before = self.overhang(sides, windows)
        after = tf.maximum((windows + most) * step - before - sides, 0)
        x = _padded(x, before, after, x.dtype.min)
        x = x[:, : (windows[0] + most) * step, : (windows[1] + most) * step]
        lattices = tf.split(_to_lattices(x, step), step * step, -1)
        # A switch is the number of pixels before the first maximum. Converters
        # do not take a selection among bytes, or a sum of them.
        switches = tf.zeros_like(pooled, tf.float32)
        before_maximum = tf.ones_like(pooled, tf.bool)
        for row, column in self.offsets()[:-1]:
            seen = lattices[row % step * step + column % step]
            seen = seen[:, row // step :, column // step :]
            seen = seen[:, : windows[0], : windows[1]]
            before_maximum &= tf.less(seen, pooled)
            switches += tf.cast(before_maximum, tf.float32)
        switches = tf.cast(switches, tf.uint8)
        return pooled, switches

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        shape = (batch, *self.pooled_sides(sides), channels)
        return shape, shape

    def compute_output_spec(self, x):
        shape, _ = self.compute_output_shape(x.shape)
        return (
            keras.KerasTensor(shape, dtype=x.dtype),
            keras.KerasTensor(shape, dtype="uint8"),
        )


@keras.saving.register_keras_serializable("kcv")
class MaxUnpool(_Windows):
    """Put values back where the maxima of a pooling were, and zeros elsewhere.

    Where windows overlap and several have their maximum at the same pixel,
    their values add up, as gradients do.

    Call with `[x, switches, like]`: x (B, H', W', C) of any float dtype,
    switches (B, H', W', C) from `MaxPoolWithSwitches`, and the tensor
    (B, H, W, C) that was pooled, of which only the size is used, so that odd
    sizes are restored. Returns (B, H, W, C) in the dtype of x.

    Args:
        pool_size: Side of the windows of the pooling. Integer from 1 to 16.
            Defaults to 2.
        strides: Stride of the pooling. Integer. Defaults to `pool_size`.
        padding: Padding of the pooling, "same" or "valid". Defaults to "same".
        **kwargs: Options of `keras.layers.Layer`.

    Example:

    >>> x = tf.constant([[[[1.0], [4.0], [2.0]], [[3.0], [2.0], [5.0]]]])
    >>> pooled, switches = MaxPoolWithSwitches()(x)
    >>> MaxUnpool()([pooled, switches, x])[0, :, :, 0].numpy()
    array([[0., 4., 0.],
           [0., 0., 5.]], dtype=float32)
    """

    INPUTS: ClassVar = {
        "x": "(B, H', W', C)",
        "switches": "(B, H', W', C)",
        "like": "(B, H, W, C)",
    }

    def call(self, inputs):
        x, switches, like = inputs
        step = self.strides
        lattices = [[] for _ in range(step * step)]
        most = (self.pool_size - 1) // step
        nothing = tf.zeros_like(x)
        # LiteRT does not compare bytes.
        switches = tf.cast(switches, tf.float32)
        for number, (row, column) in enumerate(self.offsets()):
            # Not by ==, which leaves the rank of its result open.
            own = tf.where(tf.equal(switches, float(number)), x, nothing)
            if most:
                own = _padded(
                    own,
                    [row // step, column // step],
                    [most - row // step, most - column // step],
                )
            lattices[row % step * step + column % step].append(own)
        zeros = tf.zeros_like(lattices[0][0])
        merged = [tf.add_n(own) if own else zeros for own in lattices]
        whole = _from_lattices(tf.concat(merged, -1), step)
        sides, windows = tf.shape(like)[1:3], tf.shape(x)[1:3]
        begin = self.overhang(sides, windows)
        covered = tf.minimum(sides, tf.shape(whole)[1:3] - begin)
        whole = crop(whole, begin, covered)
        # Windows of padding "valid" may leave the last pixels out.
        whole = _padded(whole, [0, 0], sides - covered)
        shape = self.compute_output_shape([t.shape for t in inputs])
        return keep_channels(set_shape(whole, shape))

    def compute_output_shape(self, input_shape):
        x, _, like = input_shape
        return (*like[:3], x[3])

    def compute_output_spec(self, inputs):
        x, switches, like = inputs
        if tuple(x.shape[1:]) != tuple(switches.shape[1:]):
            raise ValueError(
                "x and switches must have the same shape. Received: "
                f"{tuple(x.shape)} and {tuple(switches.shape)}"
            )
        shape = self.compute_output_shape([t.shape for t in inputs])
        return keras.KerasTensor(shape, dtype=x.dtype)


def _padded(x, before, after, value=0):
    """Pad the rows and columns of x (B, H, W, C)."""
    beyond = tf.stack([before, after], 1)
    return tf.pad(x, tf.pad(beyond, [[1, 1], [0, 0]]), constant_values=value)


def _to_lattices(x, step):
    return tf.nn.space_to_depth(x, step) if step > 1 else x


def _from_lattices(x, step):
    return tf.nn.depth_to_space(x, step) if step > 1 else x
