"""RoI max pooling (Girshick 2015, Fast R-CNN)."""

from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import set_shape
from kcv.layers.portable import is_portable

# Cells along a side of a region of which converted files have quotients.
_LARGEST = 16384


@keras.saving.register_keras_serializable("kcv")
class RoIPool(ImageLayer):
    """Max pooling of regions of interest into a fixed grid of bins.

    Fast R-CNN (Girshick 2015), section 2.1, with the rounding of its Caffe
    layer, which `torchvision.ops.roi_pool` shares: the corners times
    `spatial_scale` are rounded to cells (halves away from zero), both end
    cells belong to the region, and bin p of P covers the cells from
    floor(p * size / P) to ceil((p + 1) * size / P), so that neighbors may
    overlap. A bin that lies wholly outside the map is zero.

    x2 and y2 are read as the last pixel, as in Caffe and torchvision. A
    half-open box, whose last pixel is x2 - 1, may end a cell later: at a scale
    of 1 / 16, (0, 0, 8, 8) has 2 x 2 cells and (0, 0, 7, 7) has one. Subtract
    one to pool the cells of the pixels that a half-open box covers. No gradient
    flows to the boxes. Among equal maxima of a bin, one receives the gradient.

    A bin is the union of at most four windows whose sides are powers of two.
    The layer computes running maxima of the map for these sides and gathers
    four entries for each bin, without a loop over boxes.

    Call with `[features, boxes]`: features (B, H, W, C) of any float dtype, and
    boxes (B, N, 4) xyxy in pixels of the image. For a padded batch add `sizes`
    (B, 2) int32, the numbers of rows and columns of each map that are not
    padding. Returns regions (B, N, P, P, C) in the dtype of the features.

    Args:
        output_size: Number P of bins along each side. Positive integer.
        spatial_scale: Number of cells for each pixel of the image, 1 / 16 for a
            stride of 16. Positive float.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is not positive.

    Example:

    >>> features = tf.reshape(tf.range(16.0), (1, 4, 4, 1))
    >>> boxes = tf.constant([[[0.0, 0.0, 3.0, 3.0]]])
    >>> RoIPool(2, spatial_scale=1.0)([features, boxes])[0, 0, :, :, 0].numpy()
    array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """

    INPUTS: ClassVar = {
        "features": "(B, H, W, C)",
        "boxes": "(B, N, 4)",
    }
    OPTIONAL: ClassVar = {
        "sizes": "(B, 2)",
    }

    def __init__(self, output_size: int, spatial_scale: float, **kwargs):
        # Boxes are pixels: the policy must not round them to bfloat16.
        super().__init__(autocast=False, **kwargs)
        # The number of window sizes depends on the boxes, which XLA forbids.
        self.supports_jit = False
        if int(output_size) != output_size or output_size < 1:
            raise ValueError(
                "output_size must be a positive integer. "
                f"Received: output_size={output_size}"
            )
        if not spatial_scale > 0:
            raise ValueError(
                "spatial_scale must be positive (cells per pixel). "
                f"Received: spatial_scale={spatial_scale}"
            )
        self.output_size = int(output_size)
        self.spatial_scale = float(spatial_scale)

    def call(self, inputs):
        features, boxes, *sizes = inputs
        batch, height, width, channels = tf.unstack(tf.shape(features))
        rows, columns = height, width
        if sizes:
            rows, columns = tf.split(tf.expand_dims(sizes[0], -1), 2, axis=1)
        cells = self._round(
            tf.stop_gradient(tf.cast(boxes, "float32")) * self.spatial_scale
        )
        x1, y1, x2, y2 = tf.unstack(cells, axis=-1)
        top, bottom = self._bins(y1, y2, rows)  # (B, N, P)
        left, right = self._bins(x1, x2, columns)

        log_height = self._floor_log2(bottom - top)
        log_width = self._floor_log2(right - left)
        # One at least, where there are no boxes.
        levels_y = tf.maximum(tf.reduce_max(log_height), 0) + 1
        levels_x = tf.maximum(tf.reduce_max(log_width), 0) + 1
        maxima = running_maxima(features, 1, levels_y)  # (Ly, B, H, W, C)
        maxima = running_maxima(maxima, 3, levels_x)  # (Lx, Ly, B, H, W, C)
        table = tf.reshape(maxima, (-1, channels))

        # Row of the table at which a map of these levels and image begins.
        image = tf.range(batch)[:, None, None, None]
        level = tf.expand_dims(log_width, 2) * levels_y
        level += tf.expand_dims(log_height, 3)
        start = (level * batch + image) * height * width

        def entry(row, column):
            row = tf.expand_dims(tf.clip_by_value(row, 0, height - 1), 3)
            column = tf.expand_dims(tf.clip_by_value(column, 0, width - 1), 2)
            return tf.gather(table, start + row * width + column)

        # LiteRT does not shift bits to the left.
        powers = tf.constant([2**n for n in range(31)])
        last_row = bottom - tf.gather(powers, log_height)
        last_column = right - tf.gather(powers, log_width)
        pooled = maximum(
            maximum(entry(top, left), entry(top, last_column)),
            maximum(entry(last_row, left), entry(last_row, last_column)),
        )
        empty = tf.expand_dims(bottom <= top, 3)
        empty |= tf.expand_dims(right <= left, 2)
        empty = tf.expand_dims(empty, 4)
        return tf.where(empty, tf.zeros((), pooled.dtype), pooled)

    def _round(self, x):
        # tf.round would take halves to the even neighbor.
        return tf.cast(tf.sign(x) * tf.floor(tf.abs(x) + 0.5), "int32")

    def _bins(self, first, last, limit):
        """First cell and end (one past the last cell) of every bin."""
        size = tf.maximum(last - first + 1, 1)
        # A correctly rounded float32 quotient, as in the reference, whose
        # ceil((p + 1) * quotient) overshoots for a few sizes (57 cells in 7
        # bins). A float32 division by a constant would not do: the graph
        # optimizer turns it into a multiplication by the reciprocal.
        if is_portable():  # LiteRT does not divide float64
            sizes = np.arange(_LARGEST)
            quotients = tf.constant((sizes / self.output_size).astype("f4"))
            step = tf.gather(quotients, tf.minimum(size, _LARGEST - 1))
        else:
            wide = tf.cast(size, "float64") / self.output_size
            step = tf.cast(wide, "float32")
        bins = tf.range(self.output_size, dtype="float32")
        step, first = tf.expand_dims(step, -1), tf.expand_dims(first, -1)
        begin = tf.floor(bins * step)
        end = tf.math.ceil((bins + 1.0) * step)
        begin = tf.cast(begin, "int32") + first
        end = tf.cast(end, "int32") + first
        return tf.clip_by_value(begin, 0, limit), tf.clip_by_value(
            end, 0, limit
        )

    def _floor_log2(self, extent):
        # Half a cell more keeps rounding errors of log from reaching an
        # integer from below; it never reaches the next one.
        extent = tf.cast(tf.maximum(extent, 1), "float32") + 0.5
        return tf.cast(
            tf.floor(tf.math.log(extent) / tf.math.log(2.0)), "int32"
        )

    def compute_output_shape(self, input_shape):
        features, boxes = input_shape[:2]
        side = self.output_size
        return (features[0], boxes[1], side, side, features[-1])

    def compute_output_spec(self, inputs):
        features, boxes = inputs[:2]
        shape = self.compute_output_shape((features.shape, boxes.shape))
        return keras.KerasTensor(shape, dtype=features.dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "output_size": self.output_size,
            "spatial_scale": self.spatial_scale,
        }


@tf.custom_gradient
def maximum(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Take the larger of two tensors of one shape.

    max(x, y) = y + relu(x - y), and the derivative of that form needs a
    quarter of the time of the two selections which `tf.maximum` makes. Where
    both are equal the gradient goes to y.

    Args:
        x: Float tensor of any shape.
        y: Tensor of the same shape and dtype.

    Returns:
        Tensor of the larger values.
    """

    def gradient(upstream):
        to_x = tf.raw_ops.ReluGrad(gradients=upstream, features=x - y)
        return to_x, upstream - to_x

    return tf.maximum(x, y), gradient


def running_maxima(x: tf.Tensor, axis: int, levels: tf.Tensor) -> tf.Tensor:
    """Stack maxima over windows of 1, 2, 4, ... elements along one axis.

    Args:
        x: Tensor of any shape, of rank R.
        axis: Axis along which the windows slide.
        levels: Number of window sizes. Int32 scalar.

    Returns:
        Tensor of rank R + 1. Element i of [k] is the maximum of the 2 ** k
        elements of `x` from i on, as far as there are any.
    """
    length = tf.shape(x)[axis]

    def widen(window, current):
        # The last `window` elements see the end already.
        reach = tf.maximum(length - window, 0)
        near, end = tf.split(current, [reach, length - reach], axis=axis)
        _, far = tf.split(current, [length - reach, reach], axis=axis)
        wider = tf.concat([maximum(near, far), end], axis=axis)
        return set_shape(wider, x.shape)

    if is_portable():  # LiteRT has no TensorArray of elements of any shape.

        def append(level, window, current, stack):
            wider = widen(window, current)
            stack = tf.concat([stack, tf.expand_dims(wider, 0)], 0)
            return level + 1, 2 * window, wider, stack

        first = (1, 1, x, tf.expand_dims(x, 0))
        longer = tf.TensorShape([None, *x.shape])
        shapes = (*map(tf.TensorShape, ([], [])), x.shape, longer)
        return tf.while_loop(
            lambda level, *_: level < levels, append, first, shapes
        )[-1]

    def write(level, window, current, stack):
        stack = stack.write(level, current)
        return level + 1, 2 * window, widen(window, current), stack

    stack = tf.TensorArray(x.dtype, size=levels, element_shape=x.shape)
    return tf.while_loop(
        lambda level, *_: level < levels, write, (0, 1, x, stack)
    )[-1].stack()
