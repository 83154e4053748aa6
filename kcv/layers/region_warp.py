"""Warping of image regions to windows of one size (R-CNN)."""

from typing import ClassVar

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import set_shape


@keras.saving.register_keras_serializable("kcv")
class RegionWarp(ImageLayer):
    """Crop boxes with some context, and warp each to a square window.

    Girshick et al. 2014 ("Rich feature hierarchies"), appendix A, "warp": a
    box grows about its center by size / (size - 2 * context), so that
    `context` pixels of the window on each side are surroundings, and is
    rounded to whole pixels (halves away from zero). What lies inside the
    image is resized to its place in the window, each axis by its own factor,
    bilinearly and without antialiasing. What lies outside is zero: subtract
    the mean first, so that zero is the mean.

    Boxes here are half-open: the window of box (x1, y1, x2, y2) is symmetric
    about (x1 + x2) / 2, where the reference, whose corners are inclusive, has
    one pixel more to the right and below.

    `tf.image.crop_and_resize` does not give these numbers: its samples go in
    equal steps from corner to corner, where here the outermost ones repeat
    the edge of what was cut out. So each box is a slice and a `tf.image.resize`
    in a loop of the graph, which on a CPU takes a fifth of the time of
    one large gather of the neighbors of all pixels of all windows.

    Call with `[images, boxes]`: images (B, H, W, C) of any float dtype less
    their mean, and boxes (B, P, 4) xyxy in pixels. For a padded batch add
    `image_sizes` (B, 2) int32. Returns windows (B, P, S, S, C) in the dtype of
    the images. Empty boxes, which are padding, and boxes outside of their
    image give zeros.

    Args:
        size: Side S of the windows, in pixels. Integer. Defaults to 227.
        context: Number of pixels of the window on each side that show the
            surroundings of a box. Defaults to 16.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If `size` is not positive, or `context` leaves nothing of a
            window to the box.

    Example:

    >>> images = tf.reshape(tf.range(16.0), (1, 4, 4, 1))
    >>> boxes = tf.constant([[[1.0, 1.0, 3.0, 3.0]]])
    >>> RegionWarp(2, context=0)([images, boxes])[0, 0, :, :, 0].numpy()
    array([[ 5.,  6.],
           [ 9., 10.]], dtype=float32)
    """

    INPUTS: ClassVar = {
        "images": "(B, H, W, C)",
        "boxes": "(B, N, 4)",
    }
    OPTIONAL: ClassVar = {
        "image_sizes": "(B, 2)",
    }

    def __init__(self, size: int = 227, context: int = 16, **kwargs):
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
            images,
            tf.reshape(boxes, (-1, 4)),
            tf.repeat(tf.range(batch), count),
            checked_sizes(images, sizes[0] if sizes else None),
        )
        return tf.reshape(windows, (batch, count, *windows.shape[1:]))

    def warp(
        self,
        images: tf.Tensor,
        boxes: tf.Tensor,
        owners: tf.Tensor,
        image_sizes: tf.Tensor,
    ) -> tf.Tensor:
        """Warp boxes of any images of a batch.

        Args:
            images: Images (B, H, W, C).
            boxes: Boxes (N, 4) xyxy, in pixels.
            owners: Index of the image that each box belongs to, (N,) int32
                below B.
            image_sizes: Height and width of the images, (B, 2) int32.

        Returns:
            Warped boxes (N, S, S, C) in the dtype of the images.
        """
        boxes = tf.stop_gradient(tf.cast(boxes, "float32"))
        x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
        limits = tf.gather(image_sizes, owners)
        top, height, y, rows = self._part(y1, y2, limits[:, 0])
        left, width, x, columns = self._part(x1, x2, limits[:, 1])
        visible = (x2 > x1) & (y2 > y1) & (rows > 0) & (columns > 0)
        channels = images.shape[-1]

        def window(part):
            owner, visible, top, height, y, rows, left, width, x, columns = part
            pixels = images[owner, top : top + height, left : left + width]
            pixels = tf.image.resize(pixels, (rows, columns))
            below, right = self.size - y - rows, self.size - x - columns
            pixels = tf.pad(pixels, [[y, below], [x, right], [0, 0]])
            pixels = tf.where(visible, pixels, 0.0)
            return tf.cast(set_shape(pixels, shape), images.dtype)

        shape = (self.size, self.size, channels)
        # No image can be resized to or from nothing: one pixel in its place.
        parts = (top, height, y, rows, left, width, x, columns)
        instead = (0, 1, 0, 1, 0, 1, 0, 1)
        present = [
            tf.where(visible, own, other)
            for own, other in zip(parts, instead, strict=True)
        ]
        return tf.map_fn(
            window,
            (owners, visible, *present),
            fn_output_signature=tf.TensorSpec(shape, images.dtype),
        )

    def _part(self, first, last, limit):
        """Find the visible part of each window along one axis.

        Args:
            first: Where the boxes begin, (N,).
            last: Where the boxes end, (N,).
            limit: Extent of their images, (N,) int32.

        Returns:
            Four (N,) int32: begin and extent in the image, begin and extent
            in the window.
        """
        center = (first + last) / 2
        half = (last - first) / 2 * self.size / (self.size - 2 * self.context)
        begin = _round(center - half)
        end = tf.maximum(_round(center + half), begin + 1)
        visible_begin = tf.clip_by_value(begin, 0, limit)
        extent = tf.clip_by_value(end, 0, limit) - visible_begin

        scale = self.size / (end - begin)
        offset = _round(tf.cast(visible_begin - begin, scale.dtype) * scale)
        placed = _round(tf.cast(extent, scale.dtype) * scale)
        return (
            visible_begin,
            extent,
            offset,
            tf.minimum(placed, self.size - offset),
        )

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


def full_sizes(images: tf.Tensor) -> tf.Tensor:
    """Return the sizes of images that fill the batch.

    Args:
        images: Images (B, H, W, C).

    Returns:
        Heights and widths, (B, 2) int32.
    """
    shape = tf.shape(images)
    return tf.tile(shape[None, 1:3], (shape[0], 1))


def checked_sizes(images: tf.Tensor, image_sizes: tf.Tensor) -> tf.Tensor:
    """Return the sizes of images, which must lie within their batch.

    Args:
        images: Images (B, H, W, C), padded to the right and below.
        image_sizes: Heights and widths (B, 2), int32, or None if every image
            fills the batch.

    Returns:
        Heights and widths, (B, 2) int32.

    Raises:
        tf.errors.InvalidArgumentError: If a size is not positive, or larger
            than the batch, or not one for each image.
    """
    full = full_sizes(images)
    if image_sizes is None:
        return full
    with tf.control_dependencies(
        [
            tf.debugging.assert_equal(
                tf.shape(image_sizes),
                tf.shape(full),
                "`image_sizes` must be a height and a width for each image",
            )
        ]
    ):
        inside = (image_sizes >= 1) & (image_sizes <= full)
    check = tf.debugging.Assert(
        tf.reduce_all(inside),
        [
            "`image_sizes` must be heights and widths in pixels within images "
            "of the batch (B, H, W, C). Received sizes",
            image_sizes,
            "for images of the shape",
            tf.shape(images),
        ],
    )
    with tf.control_dependencies([check]):
        return tf.identity(image_sizes)


def _round(x):
    # tf.round would take halves to the even neighbor.
    return tf.cast(tf.sign(x) * tf.floor(tf.abs(x) + 0.5), "int32")
