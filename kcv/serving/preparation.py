"""From an encoded image to what a model sees, inside the served graph.

The same functions run when `publish` checks an export against `predict`, so
that server and training cannot drift apart.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from kcv.data.streams.images import decode_image
from kcv.data.streams.images import header_size
from kcv.data.transforms.crops import single_crop
from kcv.data.transforms.resizing import resize_example
from kcv.serving.limits import Limits

Prepare = Callable[[tf.Tensor], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class ShortSide:
    """Scale an image to a short side, its long side at most so much.

    The rule of Fast and Faster R-CNN, and the function by which
    `kcv.data.resize` scales what a detector is trained on: the short side
    becomes `short_side`, unless the long side would then pass `long_side`.

    Args:
        short_side: Length of the shorter side, in pixels. Defaults to 600.
        long_side: Maximum length of the longer side, in pixels. Defaults to
            1000.

    Raises:
        ValueError: If a side is below 1, or `long_side` is below `short_side`.

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
        example = resize_example(
            {"images": image}, self.short_side, self.long_side
        )
        return tf.cast(example["images"], tf.float32)


@dataclasses.dataclass(frozen=True)
class CenterCrop:
    """Scale an image to a short side and take the square in its middle.

    What `kcv.data.single_crop` does in ILSVRC's evaluation.

    Args:
        short_side: Length of the shorter side, in pixels. Defaults to 256.
        size: Side of the square, in pixels. Defaults to 224.
        channels: 3, or 1 for a network of gray images. Defaults to 3.

    Raises:
        ValueError: If `size` is below 1 or above `short_side`, or images have
            other channels.

    Example:
        >>> prepare = CenterCrop(256, 224)
        >>> prepare(tf.zeros([375, 500, 3], tf.uint8)).shape
        TensorShape([224, 224, 3])
    """

    short_side: int = 256
    size: int = 224
    channels: int = 3

    def __post_init__(self):
        if not 1 <= self.size <= self.short_side:
            raise ValueError(
                "`size` must be at least 1 and at most `short_side`. "
                f"Received: size={self.size}, short_side={self.short_side}"
            )
        if self.channels not in (1, 3):
            raise ValueError(
                f"`channels` must be 1 or 3. Received: {self.channels}"
            )

    def __call__(self, image):
        if self.channels == 1:
            image = tf.image.rgb_to_grayscale(image)
        return single_crop(image[tf.newaxis], self.short_side, self.size)[0, 0]


@dataclasses.dataclass(frozen=True)
class FixedSize:
    """Resize an image to one size, whatever its proportions.

    It is for images that were cut out to be stretched, such as aligned faces.

    Args:
        height: Height of the resized image in pixels.
        width: Width of the resized image in pixels.

    Raises:
        ValueError: If a side is below 1.

    Example:

    >>> prepare = FixedSize(55, 47)
    >>> prepare(tf.zeros([64, 64, 3], tf.uint8)).shape
    TensorShape([55, 47, 3])
    """

    height: int
    width: int

    def __post_init__(self):
        if not min(self.height, self.width) >= 1:
            raise ValueError(
                "`height` and `width` must be at least 1. Received: "
                f"height={self.height}, width={self.width}"
            )

    def __call__(self, image):
        size = (self.height, self.width)
        return tf.image.resize(image, size, antialias=True)


def as_it_is(image: tf.Tensor) -> tf.Tensor:
    """Convert an image to float32 and keep its size.

    Args:
        image: Decoded image (H, W, 3) uint8.

    Returns:
        The image (H, W, 3) float32.
    """
    return tf.cast(image, tf.float32)


def prepare_image(
    image: tf.Tensor, prepare: Prepare, channels: int
) -> tf.Tensor:
    """Prepare a decoded image for a model of color or of gray images.

    Args:
        image: Decoded image (H, W, 3) uint8 RGB.
        prepare: Function from such an image to (h, w, C) or (h, w, 3) float32.
        channels: C, number of channels of the prepared image. Where it is 1,
            colors that `prepare` has left become gray.

    Returns:
        The prepared image (h, w, C) float32.
    """
    prepared = prepare(image)
    if channels == 1 and prepared.shape[-1] == 3:
        # Rounded, for the weights of the three colors sum to .9999.
        prepared = tf.round(tf.image.rgb_to_grayscale(prepared))
    return tf.ensure_shape(prepared, [None, None, channels])


def prepare_batch(
    encoded: tf.Tensor, prepare: Prepare, channels: int, limits: Limits
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Decode and prepare a batch of encoded images of any sizes.

    Args:
        encoded: (B,) string.
        prepare: Function from (H, W, 3) uint8 to (h, w, C) or (h, w, 3)
            float32.
        channels: C, of the prepared images; where it is 1, colors that
            `prepare` has left become gray.
        limits: Sizes of the images, which are compared with what is sent
            before it is decoded.

    Returns:
        `(images, image_sizes, image_shape)`: (B, h, w, C) float32, zero
        padded right and bottom to the largest; (B, 2) int32 prepared and (B,
        2) int32 original (height, width).
    """
    count = tf.shape(encoded)[0]

    def one(index, pixels, images, image_sizes, image_shape):
        contents = encoded[index]
        pixels += tf.reduce_prod(header_size(contents))
        # Several images are decoded at a time, which together may not be too
        # much either.
        with tf.control_dependencies([limits.check_total(pixels)]):
            contents = tf.identity(contents)
        image = decode_image(contents, limits.max_pixels)
        prepared = prepare_image(image, prepare, channels)
        return (
            index + 1,
            pixels,
            images.write(index, prepared),
            image_sizes.write(index, tf.shape(prepared)[:2]),
            image_shape.write(index, tf.shape(image)[:2]),
        )

    # A loop and an array of tensors, not map_fn: images differ in shape, and
    # as ragged tensors they would be copied three times more.
    images = tf.TensorArray(
        tf.float32,
        count,
        infer_shape=False,
        element_shape=[None, None, channels],
    )
    image_sizes, image_shape = (
        tf.TensorArray(tf.int32, count, element_shape=[2]) for _ in range(2)
    )
    _, _, images, image_sizes, image_shape = tf.while_loop(
        lambda index, *_: index < count,
        one,
        (0, tf.constant(0, tf.int64), images, image_sizes, image_shape),
    )
    image_sizes = image_sizes.stack()
    largest = tf.reduce_max(image_sizes, axis=0)
    sides = tf.concat([[count], largest], 0)
    padded_pixels = tf.reduce_prod(tf.cast(sides, tf.int64))
    with tf.control_dependencies([limits.check_total(padded_pixels)]):
        largest = tf.identity(largest)

    def pad(index):
        height, width = tf.unstack(largest - image_sizes[index])
        return tf.pad(images.read(index), [[0, height], [0, width], [0, 0]])

    padded = tf.map_fn(
        pad,
        tf.range(count),
        fn_output_signature=tf.TensorSpec([None, None, channels]),
    )
    return padded, image_sizes, image_shape.stack()


def scale_places(
    places: tf.Tensor, image_shape: tf.Tensor, image_sizes: tf.Tensor
) -> tf.Tensor:
    """Scale boxes or points as `prepare_batch` scaled their images.

    Args:
        places: Boxes (B, P, 4) xyxy or points (B, P, 2) xy, float32, in pixels
            of the images as sent.
        image_shape: Original height and width. Tensor (B, 2) int32.
        image_sizes: Prepared height and width. Tensor (B, 2) int32.

    Returns:
        Boxes or points in pixels of the prepared images, of the same shape.
    """
    ratio = tf.cast(image_sizes, tf.float32) / tf.cast(image_shape, tf.float32)
    axes = places.shape[-1]
    return places * tf.tile(ratio[:, ::-1], [1, axes // 2])[:, tf.newaxis]
