"""From an encoded image to what a model sees, inside the served graph.

The same functions run when `publish` checks an export against `predict`, so
that server and training cannot drift apart.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from kcv.data.images import decode_image
from kcv.data.resizing import _resized

Prepare = Callable[[tf.Tensor], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class ShortSide:
    """Scale an image to a short side, its long side at most so much.

    The rule of Fast and Faster R-CNN, and the very function by which
    `kcv.data.resize` scales what a detector is trained on: the short side
    becomes `short_side`, unless the long side would then pass `long_side`.

    Args:
        short_side: pixels of the shorter side.
        long_side: most pixels of the longer side.

    Raises:
        ValueError: a side below 1, or `long_side` below `short_side`.

    Example:
        >>> prepare = ShortSide(600, 1000)
        >>> prepare(tf.zeros([375, 500, 3], tf.uint8)).shape
        TensorShape([600, 800, 3])
    """

    short_side: int = 600
    long_side: int = 1000

    def __post_init__(self):
        if not 1 <= self.short_side <= self.long_side:
            raise ValueError(
                "`short_side` must be at least 1 and at most `long_side`. "
                f"Received: short_side={self.short_side}, "
                f"long_side={self.long_side}"
            )

    def __call__(self, image):
        nothing = {"boxes": tf.zeros([0, 4])}
        example = _resized(
            {"images": image, "bounding_boxes": nothing},
            self.short_side,
            self.long_side,
        )
        return tf.cast(example["images"], tf.float32)


def as_it_is(image):
    """Leave an image at its own size: (H, W, 3) uint8 to float32."""
    return tf.cast(image, tf.float32)


def prepared_batch(
    encoded: tf.Tensor, prepare: Prepare, channels: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Decode and prepare a batch of encoded images of any sizes.

    Args:
        encoded: (B,) string.
        prepare: function from (H, W, 3) uint8 to (h, w, C) float32.
        channels: C, of the prepared images.

    Returns:
        `(images, image_sizes, image_shape)`: (B, h, w, C) float32, zero
        padded right and bottom to the largest; (B, 2) int32 prepared and (B,
        2) int32 original (height, width).
    """

    def one(item):
        image = decode_image(item)
        prepared = tf.ensure_shape(prepare(image), [None, None, channels])
        # Rows of different length per image: kept ragged until all are known.
        ragged = tf.RaggedTensor.from_tensor(prepared)
        return ragged, tf.shape(prepared)[:2], tf.shape(image)[:2]

    size = tf.TensorSpec([2], tf.int32)
    rows = tf.RaggedTensorSpec(
        [None, None, channels], tf.float32, ragged_rank=1
    )
    ragged, image_sizes, image_shape = tf.map_fn(
        one, encoded, fn_output_signature=(rows, size, size)
    )
    images = ragged.to_tensor()
    images.set_shape([None, None, None, channels])
    return images, image_sizes, image_shape
