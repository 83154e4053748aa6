"""The image scales of detectors, boxes and masks too, and of classifiers."""

from collections.abc import Sequence

import tensorflow as tf

from kcv.data.streams.randomness import Purpose
from kcv.data.streams.randomness import map_with_position
from kcv.data.streams.randomness import own_seed


def resize(
    dataset: tf.data.Dataset, short_side: int = 600, long_side: int = 1000
) -> tf.data.Dataset:
    """Scale images so that the short side is `short_side`, or the long capped.

    The rule of py-faster-rcnn's `prep_im_for_blob`: scale = short_side / short,
    and long_side / long instead if round(scale * long) > long_side. Bilinear,
    without antialiasing; masks take the nearest pixel. Each example depends
    upon itself alone, so that streams stay resumable.

    Args:
        dataset: of single examples with `images` (H, W, 3) uint8, with or
            without `bounding_boxes`, `proposals` and masks.
        short_side: wanted length of the short side, in pixels.
        long_side: greatest length of the long side, in pixels.

    Returns:
        The dataset, with `scale` () float32, resized / original (times a
        `scale` that was there). A new side is rounded to a whole pixel, and
        boxes follow it, so they may differ from scale * box by half a pixel.

    Raises:
        ValueError: if a side is below 1 or long_side below short_side.

    Example:

    ```python
    dataset = kcv.data.resize(kcv.data.voc("voc/2007"), short_side=600)
    ```
    """
    if not 1 <= short_side <= long_side:
        raise ValueError(
            "sides must be 1 <= short_side <= long_side, received "
            f"short_side={short_side}, long_side={long_side}"
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
    """Scale each image to one of several sizes, by chance.

    Multi-scale training of SPPnet (He et al. 2014) and Fast R-CNN (Girshick
    2015, section 4.4).

    Args:
        dataset: as of `resize`.
        short_sides: lengths of the short side to choose from, in pixels; the
            papers have 480, 576, 688, 864 and 1200.
        long_side: greatest length of the long side, in pixels; 2000 there.
        seed: what example number p is scaled to is a function of (seed, p).
        start: number of the first example, as for a run that is resumed.

    Returns:
        As of `resize`.

    Raises:
        ValueError: if a side is below 1 or long_side below a short side.

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
            "sides must be 1 <= short_sides <= long_side, received "
            f"short_sides={short_sides}, long_side={long_side}"
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
    """Scale one example, as `resize` does each of a data set."""
    example = dict(example)
    old = tf.shape(example["images"])[:2]
    new, scale = scaled_size(old, short_side, long_side)

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
    if "segmentation_masks" in example:
        masks = example["segmentation_masks"][..., tf.newaxis]
        example["segmentation_masks"] = _nearest(masks, new)[..., 0]
    if "instance_masks" in example:
        masks = example["instance_masks"][..., tf.newaxis]  # (N, H, W, 1)
        example["instance_masks"] = _nearest(masks, new)[..., 0]
    before = example.get("scale", tf.constant(1.0))
    example["scale"] = before * tf.cast(scale, tf.float32)
    return example


def scaled_size(
    size: tf.Tensor, short_side: int | tf.Tensor, long_side: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Find the size to which an image is scaled.

    Args:
        size: (2,) int32, height and width.
        short_side: wanted length of the short side, in pixels.
        long_side: greatest length of the long side, in pixels.

    Returns:
        (2,) int32, and the scale, () float64.
    """
    # float64, as the rule was written in: roundings must fall the same way.
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
    """Scale images so that the short side is `short_side`.

    Bilinear with antialiasing and rounded to whole numbers, as Pillow does:
    ILSVRC's images are large, and without antialiasing they lose points.

    Args:
        images: (B, H, W, C) or (H, W, C).
        short_side: In pixels; a number, or () int32 in a graph.

    Returns:
        Images of the same rank, float32; the long side is rounded down.

    Raises:
        ValueError: If `short_side` is below 1.

    Example:

    >>> resize_short_side(tf.zeros((1, 375, 500, 3)), 256).shape
    TensorShape([1, 256, 341, 3])
    """
    if isinstance(short_side, int) and short_side < 1:
        raise ValueError(f"short_side must be positive, received {short_side}.")
    sides = tf.shape(images)[-3:-1]
    # Whole numbers throughout: no rounding errors to fall on either side.
    sides = short_side * sides // tf.reduce_min(sides)
    return tf.round(tf.image.resize(images, sides, antialias=True))
