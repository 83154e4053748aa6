"""Resizing of images together with their boxes and masks."""

from collections.abc import Sequence

import tensorflow as tf

from kcv.data.streams.randomness import Purpose
from kcv.data.streams.randomness import map_with_position
from kcv.data.streams.randomness import own_seed
from kcv.data.streams.randomness import random_integers
from kcv.pixels import pixel_limit


def resize(
    dataset: tf.data.Dataset, short_side: int = 600, long_side: int = 1000
) -> tf.data.Dataset:
    """Scale images to a short side, unless the long side becomes too long.

    The rule of py-faster-rcnn's `prep_im_for_blob`: The scale is short_side /
    short, or long_side / long if round(scale * long) > long_side. Images are
    interpolated bilinearly without antialiasing, masks take the nearest pixel.
    Each example depends on itself alone, so that streams can be resumed.

    Pixels are rounded to integers, which the reference does not do. They differ
    by 0.25 on average, and on noise by up to 8 of 255 for sizes at which the
    scale is not the ratio of the rounded sides. Half-open boxes follow their
    pixels: 40 pixels become 64.0 at a scale of 1.6. The reference scales
    inclusive corners, which makes them 63.4.

    Args:
        dataset: Dataset of single examples with `images` (H, W, 3) uint8, with
            or without `bounding_boxes`, `proposals` and masks.
        short_side: Length of the short side, in pixels. Defaults to 600.
        long_side: Maximum length of the long side, in pixels. Defaults to
            1000.

    Returns:
        The dataset, with `scale` () float32, the new size over the old one
        (times a `scale` that was there). A new side is rounded to a whole
        pixel, and boxes follow it, so they may differ from scale * box by half
        a pixel.

    Raises:
        ValueError: If a side is below 1 or `long_side` below `short_side`.

    Example:

    ```python
    dataset = kcv.data.resize(kcv.data.voc("voc/2007"), short_side=600)
    ```
    """
    if not 1 <= short_side <= long_side:
        raise ValueError(
            "`short_side` and `long_side` must be 1 <= short_side <= "
            f"long_side. Received: short_side={short_side}, "
            f"long_side={long_side}"
        )
    return dataset.map(
        lambda example: resize_example(example, short_side, long_side),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def random_resize(
    dataset: tf.data.Dataset,
    short_sides: Sequence[int],
    long_side: int,
    seed: int,
    start: int = 0,
) -> tf.data.Dataset:
    """Scale each image to one of several sizes at random.

    Multi-scale training of SPPnet (He et al. 2014) and Fast R-CNN (Girshick
    2015, section 4.4).

    Args:
        dataset: Dataset of single examples with `images` (H, W, 3) uint8, with
            or without `bounding_boxes`, `proposals` and masks.
        short_sides: Lengths of the short side to choose from, in pixels. Those
            of the papers are 480, 576, 688, 864 and 1200.
        long_side: Maximum length of the long side, in pixels, 2000 in the
            papers.
        seed: Seed of the random numbers. The size of example number p is a
            pure function of (seed, p).
        start: Number of the first example, for a run that is resumed. Defaults
            to 0.

    Returns:
        The dataset, with `scale` () float32, as `kcv.data.resize` returns it.

    Raises:
        ValueError: If a side is below 1 or `long_side` below a short side.

    Example:

    ```python
    sides = (480, 576, 688, 864, 1200)
    train = kcv.data.random_resize(train, sides, 2000, seed=0)
    ```
    """
    short_sides = tuple(short_sides)
    if (
        not short_sides
        or not 1 <= min(short_sides) <= max(short_sides) <= long_side
    ):
        raise ValueError(
            "`short_sides` and `long_side` must be 1 <= short_sides <= "
            f"long_side. Received: short_sides={short_sides}, "
            f"long_side={long_side}"
        )

    def scale(position, example):
        which = tf.random.stateless_uniform(
            (),
            own_seed(seed, position, Purpose.SCALE),
            maxval=len(short_sides),
            dtype=tf.int32,
        )
        short_side = tf.gather(short_sides, which)
        return resize_example(example, short_side, long_side)

    return map_with_position(dataset, scale, start)


def resize_example(
    example: dict, short_side: int | tf.Tensor, long_side: int
) -> dict:
    """Scale one example in the way that `resize` scales a dataset.

    Args:
        example: Example with `images` (H, W, 3) and optionally `bounding_boxes`
            and masks.
        short_side: Length of the short side, in pixels. Integer, or integer
            tensor ().
        long_side: Maximum length of the long side, in pixels.

    Returns:
        The scaled example. Its images are uint8.
    """
    example = dict(example)
    old = tf.shape(example["images"])[:2]
    new, scale = compute_scaled_size(old, short_side, long_side)

    images = tf.image.resize(example["images"], new, "bilinear")
    example["images"] = tf.cast(tf.round(images), tf.uint8)
    ratio = tf.cast(new, tf.float32) / tf.cast(old, tf.float32)
    ratio = tf.tile(ratio[::-1], [2])
    if "bounding_boxes" in example:
        boxes = example["bounding_boxes"]["boxes"]
        example["bounding_boxes"] = {
            **example["bounding_boxes"],
            "boxes": boxes * ratio,
        }
    if "proposals" in example:
        example["proposals"] *= ratio
    if "landmarks" in example:
        # Landmarks count from the center of a pixel, boxes from its border.
        moved = (example["landmarks"] + 0.5) * ratio[:2] - 0.5
        example["landmarks"] = moved
    if "segmentation_masks" in example:
        masks = example["segmentation_masks"][..., tf.newaxis]
        example["segmentation_masks"] = _nearest(masks, new)[..., 0]
    if "instance_masks" in example:
        masks = example["instance_masks"][..., tf.newaxis]  # (N, H, W, 1)
        example["instance_masks"] = _nearest(masks, new)[..., 0]
    before = example.get("scale", tf.constant(1.0))
    example["scale"] = before * tf.cast(scale, tf.float32)
    return example


def compute_scaled_size(
    size: tf.Tensor, short_side: int | tf.Tensor, long_side: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Compute the size to which an image is scaled.

    Args:
        size: Height and width, (2,) int32.
        short_side: Length of the short side, in pixels. Integer, or integer
            tensor ().
        long_side: Maximum length of the long side, in pixels.

    Returns:
        Tuple of the new height and width, (2,) int32, and the scale, ()
        float64.
    """
    # The reference computes in float64, and values must round the same way.
    sides = tf.cast(size, tf.float64)
    scale = tf.cast(short_side, tf.float64) / tf.reduce_min(sides)
    capped = long_side / tf.reduce_max(sides)
    too_long = tf.round(scale * tf.reduce_max(sides)) > long_side
    scale = tf.where(too_long, capped, scale)
    return tf.maximum(tf.cast(tf.round(sides * scale), tf.int32), 1), scale


def _nearest(masks, size):
    return tf.image.resize(masks, size, "nearest")


def resize_short_side(
    images: tf.Tensor, short_side: int | tf.Tensor
) -> tf.Tensor:
    """Scale images to a short side of a given length.

    Images are interpolated bilinearly with antialiasing and rounded to whole
    numbers, as in Pillow. Without antialiasing, large images such as those of
    ILSVRC are classified worse.

    Args:
        images: Images (B, H, W, C) or (H, W, C).
        short_side: Length of the short side, in pixels, an int or a tensor ()
            int32. The long side is rounded down.

    Returns:
        Images of the same rank, float32.

    Raises:
        ValueError: If `short_side` is below 1.
        tf.errors.InvalidArgumentError: If a scaled image would have more pixels
            than `kcv.pixels.pixel_limit`.

    Example:

    >>> resize_short_side(tf.zeros((1, 375, 500, 3)), 256).shape
    TensorShape([1, 256, 341, 3])
    """
    if isinstance(short_side, int) and short_side < 1:
        raise ValueError(
            f"`short_side` must be positive. Received: short_side={short_side}"
        )
    sides = tf.shape(images, tf.int64)[-3:-1]
    # Integers have no rounding errors.
    sides = tf.cast(short_side, tf.int64) * sides // tf.reduce_min(sides)
    # The pixels of an image of one row grow by the square of the scale.
    check = tf.debugging.assert_less_equal(
        tf.reduce_prod(sides),
        tf.constant(pixel_limit(), tf.int64),
        "an image is so narrow that, scaled to its short side, it has more "
        "pixels than KCV_MAX_PIXELS in the environment or 100 million",
    )
    with tf.control_dependencies([check]):
        sides = tf.cast(sides, tf.int32)
    return tf.round(tf.image.resize(images, sides, antialias=True))


def random_short_side(
    dataset: tf.data.Dataset,
    min_side: int,
    max_side: int,
    seed: int,
    start: int = 0,
) -> tf.data.Dataset:
    """Scale each image to a short side of random length.

    Crops of the scaled images are taken next. VGG's scale jittering is 256 to
    512 (Simonyan and Zisserman 2014, section 3.1), that of ResNets 256 to 480
    (He et al. 2015, section 3.4).

    Args:
        dataset: Dataset of single examples with `images` (H, W, C) uint8.
        min_side: Minimum length of the short side, in pixels.
        max_side: Maximum length of the short side, in pixels. All lengths
            between the two have the same probability.
        seed: Seed of the random numbers. The length in example number p is a
            pure function of (seed, p).
        start: Number of the first example, for a run that is resumed. Defaults
            to 0.

    Returns:
        The dataset, with images scaled with antialiasing.

    Raises:
        ValueError: If the range is empty or begins below 1.

    Example:

    ```python
    train = kcv.data.random_short_side(train, 256, 480, seed=1)
    train = kcv.data.random_crop(train, 224, seed=1)
    ```
    """
    if not 1 <= min_side <= max_side:
        raise ValueError(
            "`min_side` and `max_side` must be 1 <= min_side <= max_side. "
            f"Received: min_side={min_side}, max_side={max_side}"
        )

    def scale(position, example):
        own = own_seed(seed, position, Purpose.SCALE)
        side = min_side + random_integers(own, (), max_side - min_side + 1)
        image = resize_short_side(example["images"], side)
        return {**example, "images": tf.cast(image, tf.uint8)}

    return map_with_position(dataset, scale, start)
