"""Warping regions of an image to windows of one size (R-CNN)."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("kcv")
class RegionWarp(keras.layers.Layer):
    """Cut boxes out with some context and warp each to a square window.

    Girshick et al. 2014 ("Rich feature hierarchies"), appendix A, "warp": a
    box grows about its centre by size / (size - 2 * context), so that
    `context` pixels of the window on each side are surroundings, and is
    rounded to whole pixels (halves away from zero). What lies inside the
    image is resized, each axis by its own factor, bilinearly and without
    antialiasing, and stands where it belongs; what lies outside is zero.
    Subtract the mean first, so that zero is the mean.

    Boxes here are half-open: the window of box (x1, y1, x2, y2) is symmetric
    about (x1 + x2) / 2, where the reference, whose corners are inclusive, has
    one pixel more to the right and below.

    `tf.image.crop_and_resize` does not give these numbers. Its samples go in
    equal steps from corner to corner; here the steps end at the part inside
    the image, whose outermost samples repeat its edge. So the four neighbours
    of each pixel stand in one row of a table, and one gather per pixel of a
    window fetches them: no loop over boxes, no kernel.

    Args:
        size: S, side of the windows, in pixels.
        context: pixels of the window on each side that show surroundings.

    Call with `[images, boxes]`: images (B, H, W, C) of any float dtype less
    their mean, boxes (B, P, 4) xyxy pixels. In a padded batch add
    `image_sizes` (B, 2) int32. Returns (B, P, S, S, C) in the dtype of the
    images; empty boxes (padding) and boxes outside give zeros.

    Raises:
        ValueError: if the size is not positive, or the context leaves nothing
            of a window to the box.

    Example:

    >>> images = tf.reshape(tf.range(16.0), (1, 4, 4, 1))
    >>> boxes = tf.constant([[[1.0, 1.0, 3.0, 3.0]]])
    >>> RegionWarp(2, context=0)([images, boxes])[0, 0, :, :, 0].numpy()
    array([[ 5.,  6.],
           [ 9., 10.]], dtype=float32)
    """

    def __init__(self, size=227, context=16, **kwargs):
        # Boxes are pixels: the policy must not round them to bfloat16.
        super().__init__(autocast=False, **kwargs)
        if int(size) != size or size < 1:
            raise ValueError(
                f"size must be a positive integer. Received: size={size}"
            )
        if not 0 <= 2 * context < size:
            raise ValueError(
                "context must be from 0 to less than half of size="
                f"{size}. Received: context={context}"
            )
        self.size = int(size)
        self.context = context

    def call(self, inputs):
        images, boxes, *sizes = inputs
        batch, count = tf.unstack(tf.shape(boxes)[:2])
        windows = self.warp(
            neighbours(images),
            tf.reshape(boxes, (-1, 4)),
            tf.repeat(tf.range(batch), count),
            sizes[0] if sizes else full_sizes(images),
        )
        return tf.reshape(windows, (batch, count, *windows.shape[1:]))

    def warp(self, table, boxes, image, image_sizes):
        """Warp boxes of any images of a batch.

        Args:
            table: (B, H, W, 4, C), `neighbours` of the images.
            boxes: (N, 4) xyxy, pixels.
            image: (N,) int32, which of the B images a box is of.
            image_sizes: (B, 2) int32, height and width.

        Returns:
            (N, S, S, C) in the dtype of the table.
        """
        _, height, width, _, channels = tf.unstack(tf.shape(table))
        boxes = tf.stop_gradient(tf.cast(boxes, "float32"))
        x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
        limits = tf.gather(image_sizes, image)  # (N, 2)
        row, shift_y, inside_y = self._axis(y1, y2, limits[:, :1])  # (N, S)
        column, shift_x, inside_x = self._axis(x1, x2, limits[:, 1:])

        first = (image[:, None] * height + row) * width  # (N, S)
        index = first[:, :, None] + column[:, None, :]  # (N, S, S)
        table = tf.reshape(table, (-1, 4 * table.shape[-1]))
        four = tf.cast(tf.gather(table, index), "float32")
        shift_x = shift_x[:, None, :, None]
        shift_y = shift_y[:, :, None, None]
        left_top, right_top, left_below, right_below = tf.split(four, 4, -1)
        top = left_top + shift_x * (right_top - left_top)
        below = left_below + shift_x * (right_below - left_below)
        windows = top + shift_y * (below - top)
        inside = inside_y[:, :, None] & inside_x[:, None, :]
        return tf.cast(tf.where(inside[..., None], windows, 0.0), table.dtype)

    def _axis(self, first, last, limit):
        """Find where the pixels of a window come from along one axis.

        Args:
            first: (N,) where the boxes begin.
            last: (N,) where they end.
            limit: (N, 1) int32, the image's extent.

        Returns:
            index (N, S) int32 of the pixel before, shift (N, S) in 0..1
            towards the one behind, inside (N, S) bool.
        """
        center = (first + last) / 2
        half = (last - first) / 2 * self.size / (self.size - 2 * self.context)
        begin = _round(center - half)[:, None]
        end = tf.maximum(_round(center + half)[:, None], begin + 1)
        clipped_begin = tf.clip_by_value(begin, 0, limit)
        clipped_end = tf.clip_by_value(end, 0, limit)

        # The part inside the image, in pixels of the image and of the window.
        extent = clipped_end - clipped_begin
        scale = self.size / (end - begin)  # float64
        placed = _round(tf.cast(extent, scale.dtype) * scale)
        offset = _round(tf.cast(clipped_begin - begin, scale.dtype) * scale)
        placed = tf.minimum(placed, self.size - offset)

        pixel = tf.range(self.size) - offset  # (N, S)
        inside = (pixel >= 0) & (pixel < placed)
        inside &= (last > first)[:, None]
        step = extent / tf.maximum(placed, 1)
        source = (tf.cast(pixel, step.dtype) + 0.5) * step - 0.5
        final = tf.maximum(extent - 1, 0)
        source = tf.clip_by_value(source, 0.0, tf.cast(final, source.dtype))
        index = tf.cast(tf.floor(source), "int32")
        shift = tf.cast(source - tf.floor(source), "float32")
        index = tf.clip_by_value(index + clipped_begin, 0, limit - 1)
        return index, shift, inside

    def compute_output_shape(self, input_shape):
        images, boxes = input_shape[:2]
        return (*boxes[:2], self.size, self.size, images[-1])

    def compute_output_spec(self, inputs):
        images, boxes = inputs[:2]
        shape = self.compute_output_shape((images.shape, boxes.shape))
        return keras.KerasTensor(shape, dtype=images.dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "context": self.context,
        }


def neighbours(images):
    """Put each pixel beside the ones right of it, below, and across.

    Args:
        images: (B, H, W, C).

    Returns:
        (B, H, W, 4, C); beyond the last row and column the edge repeats.
    """
    right = tf.concat([images[:, :, 1:], images[:, :, -1:]], axis=2)
    pair = tf.stack([images, right], axis=3)
    below = tf.concat([pair[:, 1:], pair[:, -1:]], axis=1)
    return tf.concat([pair, below], axis=3)


def full_sizes(images):
    """Give the (B, 2) int32 sizes of images that fill their canvas."""
    shape = tf.shape(images)
    return tf.tile(shape[None, 1:3], (shape[0], 1))


def _round(x):
    # tf.round would take halves to the even neighbour.
    return tf.cast(tf.sign(x) * tf.floor(tf.abs(x) + 0.5), "int32")
