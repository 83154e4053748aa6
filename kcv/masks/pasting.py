"""Masks of patches, placed in the image that they were found in.

Shapes: B images of H x W pixels, N patches, M rows and columns of a mask.
"""

import math
from collections.abc import Sequence
from typing import ClassVar

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import set_shape

# Masks that are enlarged at once: of 480 x 640 pixels, 32 take 40 MB.
_CHUNK = 32


@keras.saving.register_keras_serializable("kcv")
class PasteMasks(ImageLayer):
    """Enlarge masks to their patches, threshold them, and find their boxes.

    The patch in row i and column j of a scale s begins at row
    floor((stride * i - size / 2) / s) of the image, and at the column that j
    gives in the same way. It has floor(size / s) rows and columns.

    Call with `[logits, places, images]`: logits (B, N, M, M) of masks, places
    (B, N, 3) int32 of their patches, see `BestPatches`, and images (B, H, W,
    C), of which only the size matters. Returns `(masks, boxes)`:

    - masks (B, N, H, W) uint8, 1 for the object and 0 elsewhere; or, with
      `run_length`, (B, N, R) int32: the numbers of pixels, column by column,
      that are alternately 0 and 1, the first of them 0, as in COCO. R is the
      largest number of runs, and rows are filled up with zeros.
    - boxes (B, N, 4) float32 xyxy in pixels, half-open, of the pixels of each
      mask. They are zero for a mask without a pixel.

    Args:
        scales: Scales of the image. Sequence of positive floats.
        size: Side of a patch, in pixels of the scaled image.
        stride: Distance between patches, in pixels of the scaled image.
        threshold: Probability above which a pixel belongs to a mask. Float in
            (0, 1). Defaults to 0.2.
        run_length: Whether masks are returned as run lengths. Defaults to
            False.
        align_corners: Whether the centers of the corner pixels of a mask and
            of its patch coincide, as in Torch, instead of their corners.
            Defaults to True.
        **kwargs: Options of `keras.layers.Layer`.
    """

    INPUTS: ClassVar = {
        "logits": "(B, N, M, M)",
        "places": "(B, N, 3)",
        "images": "(B, H, W, C)",
    }

    def __init__(
        self,
        scales: Sequence[float],
        size: int,
        stride: int,
        threshold: float = 0.2,
        run_length: bool = False,
        align_corners: bool = True,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.scales = tuple(scales)
        self.size = size
        self.stride = stride
        self.threshold = threshold
        self.run_length = run_length
        self.align_corners = align_corners

    def call(self, inputs):
        logits, places, images = inputs
        batch = tf.shape(images)[0]
        height, width = tf.shape(images)[1], tf.shape(images)[2]
        rows, columns = logits.shape[2:]
        # A number of masks that divides N, so that no chunk is incomplete.
        patches = logits.shape[1]
        chunk = max(n for n in range(1, _CHUNK + 1) if patches % n == 0)
        logits = tf.reshape(
            tf.cast(logits, tf.float32), (-1, chunk, rows, columns)
        )
        first, extent = self._patches(places)  # (B, N, 2) and (B, N)
        first = tf.reshape(first, (-1, chunk, 2))
        extent = tf.reshape(extent, (-1, chunk))

        def paste(one):
            masks = self._paste(*one, height, width)
            boxes = mask_boxes(masks)
            if self.run_length:
                return run_lengths(masks), boxes
            return tf.cast(masks, tf.uint8), boxes

        boxes = tf.TensorSpec((chunk, 4), tf.float32)
        masks = tf.TensorSpec((chunk, None, None), tf.uint8)
        if self.run_length:
            masks = tf.RaggedTensorSpec((chunk, None), tf.int32, 1)
        masks, boxes = tf.map_fn(
            paste,
            (logits, first, extent),
            fn_output_signature=(masks, boxes),
            parallel_iterations=1,
        )
        if self.run_length:
            masks = masks.merge_dims(0, 1).to_tensor()
            shape = (batch, patches, tf.shape(masks)[-1])
        else:
            shape = (batch, patches, height, width)
        shapes = self.compute_output_shape([x.shape for x in inputs])
        return (
            set_shape(tf.reshape(masks, shape), shapes[0]),
            set_shape(tf.reshape(boxes, (batch, patches, 4)), shapes[1]),
        )

    def _patches(self, places):
        """Find where patches begin in the image, and how long they are."""
        scale = tf.gather(tf.constant(self.scales, tf.float32), places[..., 0])
        first = self.stride * places[..., 1:] - self.size // 2
        scale = tf.expand_dims(scale, -1)  # a slice, LiteRT does not have
        first = tf.floor(tf.cast(first, tf.float32) / scale)
        extent = [math.floor(self.size / scale) for scale in self.scales]
        extent = tf.gather(tf.constant(extent, tf.int32), places[..., 0])
        return tf.cast(first, tf.int32), extent

    def _paste(self, logits, first, extent, height, width):
        """Enlarge some masks (k, M, M) to images (k, H, W) of bool."""
        rows, in_rows = self._weights(first[:, 0], extent, height, logits, 1)
        columns, in_columns = self._weights(
            first[:, 1], extent, width, logits, 2
        )
        enlarged = tf.matmul(tf.matmul(rows, logits), columns, transpose_b=True)
        limit = math.log(self.threshold / (1 - self.threshold))
        inside = in_rows[:, :, None] & in_columns[:, None, :]
        return inside & (enlarged > limit)

    def _weights(self, first, extent, side, logits, axis):
        """Give the weights (k, side, M) of linear interpolation on an axis.

        Two neighbors have a weight, so the order of the sum does not matter.
        """
        cells = tf.cast(tf.shape(logits)[axis], tf.float32)
        number = tf.range(side)[None] - first[:, None]
        inside = (number >= 0) & (number < extent[:, None])
        number = tf.cast(number, tf.float32)
        extent = tf.cast(extent, tf.float32)[:, None]
        if self.align_corners:
            place = number * (cells - 1) / tf.maximum(extent - 1, 1)
        else:
            place = (number + 0.5) * cells / extent - 0.5
        place = tf.clip_by_value(place, 0, cells - 1)
        distance = tf.abs(place[..., None] - tf.range(cells))
        return tf.nn.relu(1 - distance), inside

    def compute_output_shape(self, input_shape):
        logits, _, images = input_shape
        rows = (images[0], logits[1])
        sides = (None,) if self.run_length else tuple(images[1:3])
        return (*rows, *sides), (*rows, 4)

    def compute_output_spec(self, inputs):
        masks, boxes = self.compute_output_shape([x.shape for x in inputs])
        dtype = "int32" if self.run_length else "uint8"
        return (
            keras.KerasTensor(masks, dtype=dtype),
            keras.KerasTensor(boxes, dtype="float32"),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "scales": self.scales,
            "size": self.size,
            "stride": self.stride,
            "threshold": self.threshold,
            "run_length": self.run_length,
            "align_corners": self.align_corners,
        }


def mask_boxes(masks: tf.Tensor) -> tf.Tensor:
    """Find the boxes of masks.

    Args:
        masks: Masks (K, H, W) of bool.

    Returns:
        Boxes (K, 4) float32 xyxy, half-open, zero for a mask without a pixel.

    Example:

    >>> mask_boxes(tf.constant([[[False, True], [False, False]]])).numpy()
    array([[1., 0., 2., 1.]], dtype=float32)
    """
    sides = []
    for axis in (1, 2):  # columns, then rows
        seen = tf.cast(tf.reduce_any(masks, axis), tf.int32)  # (K, side)
        first = tf.argmax(seen, 1, tf.int32)
        last = tf.argmax(seen[:, ::-1], 1, tf.int32)
        end = tf.shape(seen)[1] - last
        exists = tf.reduce_max(seen, 1)
        sides.append((first, end * exists))
    (x1, x2), (y1, y2) = sides
    return tf.cast(tf.stack([x1, y1, x2, y2], 1), tf.float32)


def run_lengths(masks: tf.Tensor) -> tf.RaggedTensor:
    """Count the pixels of the runs of masks, column by column, as COCO does.

    Args:
        masks: Masks (K, H, W) of bool.

    Returns:
        Ragged tensor (K, None) int32: numbers of pixels that are alternately
        0 and 1, the first of them 0.

    Example:

    >>> run_lengths(tf.constant([[[False, True], [True, True]]])).to_list()
    [[1, 3]]
    """
    count = tf.shape(masks)[0]
    flat = tf.reshape(tf.transpose(masks, (0, 2, 1)), (count, -1))
    before = tf.pad(flat[:, :-1], [[0, 0], [1, 0]])
    changes = tf.where(flat != before)  # (n, 2): mask, position
    changes = tf.RaggedTensor.from_value_rowids(
        tf.cast(changes[:, 1], tf.int32), changes[:, 0], tf.cast(count, "int64")
    )
    ends = tf.fill((count, 1), tf.shape(flat)[1])
    begins = tf.concat([tf.zeros((count, 1), tf.int32), changes], 1)
    return tf.concat([changes, ends], 1) - begins
