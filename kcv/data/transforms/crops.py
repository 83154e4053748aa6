"""Crops of images: random ones for training, and fixed ones for testing.

As in `kcv.data.transforms.flips_and_color`, the randomness of example number p
is a pure function of (seed, p). The fixed crops are those of ILSVRC. Their
functions take a batch of images of one size, (B, H, W, C) of any type, in a
graph or eagerly, and return N crops of each image, (B, N, size, size, C)
float32. The probabilities of the N crops are averaged, as in
`kcv.metrics.evaluate_classifier`.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from kcv.data.streams.randomness import Purpose
from kcv.data.streams.randomness import map_with_position
from kcv.data.streams.randomness import own_seed
from kcv.data.streams.randomness import random_integers
from kcv.data.transforms.resizing import resize_short_side
from kcv.examples import VOID


def random_crop(
    dataset: tf.data.Dataset,
    size: int,
    seed: int,
    start: int = 0,
    *,
    padding: int = 0,
    within: int | None = None,
) -> tf.data.Dataset:
    """Crop a square at a random place.

    AlexNet crops 224 pixels with `within=256` (Krizhevsky et al. 2012). For
    CIFAR, He et al. (2015, section 4.2) crop 32 pixels of 32 with `padding=4`.
    DeconvNet crops 224 pixels of 250, together with the mask (Noh et al. 2015,
    section 5.2).

    Args:
        dataset: Dataset of single examples with `images` (H, W, C) uint8, with
            or without `segmentation_masks`.
        size: Side of the square, in pixels.
        seed: Seed of the random numbers. The place in example number p is a
            pure function of (seed, p).
        start: Number of the first example, for a run that is resumed. Defaults
            to 0.
        padding: Width of a border that is added to each image first, in
            pixels. It is 0 around an image and void around a mask. Defaults
            to 0.
        within: Side in pixels of a larger square in the middle, in which the
            place is drawn. It includes the border. If None, the place is
            anywhere in the image. Defaults to None.

    Returns:
        The dataset with `images` (size, size, C) uint8 and the same part of
        the mask. Iteration raises `InvalidArgumentError`, naming the image,
        if one is smaller.

    Raises:
        ValueError: If `size` is below 1, `padding` is negative, or `within`
            is below `size`.

    Example:

    ```python
    train = kcv.data.random_crop(train, 32, seed=1, padding=4)
    ```
    """
    if size < 1 or padding < 0:
        raise ValueError(
            "`size` must be at least 1 and `padding` at least 0. Received: "
            f"size={size}, padding={padding}"
        )
    if within is not None and within < size:
        raise ValueError(
            "`within` must be at least `size`, or None. Received: "
            f"within={within}, size={size}"
        )

    def cut(position, example):
        margin = [padding, padding]
        image = tf.pad(example["images"], [margin, margin, [0, 0]])
        sides = tf.shape(image)[:2]
        spare = sides - size
        check = tf.debugging.Assert(
            tf.reduce_all(spare >= 0),
            [
                "image",
                example["image_id"],
                "has height and width",
                sides,
                "and is too small for a crop of",
                size,
            ],
        )
        with tf.control_dependencies([check]):
            spare = tf.identity(spare)
        first = tf.zeros_like(spare)
        if within is not None:
            first = tf.maximum(sides - within, 0) // 2
            spare = tf.minimum(spare, within - size)
        place = first + random_integers(
            own_seed(seed, position, Purpose.CROP), (2,), spare + 1
        )
        top, left = tf.unstack(place)
        image = image[top : top + size, left : left + size]
        example = {**example, "images": _of_size(image, size)}
        if "segmentation_masks" in example:
            mask = tf.pad(
                example["segmentation_masks"],
                [margin, margin],
                constant_values=VOID,
            )
            mask = mask[top : top + size, left : left + size]
            example["segmentation_masks"] = tf.ensure_shape(mask, (size, size))
        return example

    return map_with_position(dataset, cut, start)


def area_and_aspect_crop(
    dataset: tf.data.Dataset,
    size: int,
    seed: int,
    start: int = 0,
    *,
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
    attempts: int = 10,
) -> tf.data.Dataset:
    """Crop a part of random area and aspect ratio, and resize it to a square.

    This is the augmentation of GoogLeNet (Szegedy et al., arXiv:1409.4842,
    section 6) as torchvision implements it. The area and the logarithm of the
    aspect ratio are drawn uniformly. A part that does not fit is drawn again.
    If no part fits, the largest square in the middle is cropped.

    Args:
        dataset: Dataset of single examples with `images` (H, W, C) uint8.
        size: Side of the square, in pixels, to which parts are scaled with
            antialiasing.
        seed: Seed of the random numbers. The part of example number p is a
            pure function of (seed, p).
        start: Number of the first example, for a run that is resumed. Defaults
            to 0.
        area: Minimum and maximum share of the image. Defaults to (0.08, 1).
        aspect: Minimum and maximum of width over height. Defaults to
            (3/4, 4/3).
        attempts: Number of times that a part is drawn. Defaults to 10.

    Returns:
        The dataset with `images` (size, size, C) uint8.

    Raises:
        ValueError: If a range is empty or exceeds what an image has.

    Example:

    ```python
    train = kcv.data.area_and_aspect_crop(train, 224, seed=1)
    ```
    """
    if not 0 < area[0] <= area[1] <= 1:
        raise ValueError(
            f"`area` must be 0 < minimum <= maximum <= 1. Received: area={area}"
        )
    if not 0 < aspect[0] <= aspect[1]:
        raise ValueError(
            "`aspect` must be 0 < minimum <= maximum. Received: "
            f"aspect={aspect}"
        )
    if size < 1 or attempts < 1:
        raise ValueError(
            "`size` and `attempts` must be at least 1. Received: "
            f"size={size}, attempts={attempts}"
        )

    def cut(position, example):
        def own(purpose):
            return own_seed(seed, position, purpose)

        image = example["images"]
        sides = tf.shape(image)[:2]
        whole = tf.cast(tf.reduce_prod(sides), tf.float32)
        areas = whole * tf.random.stateless_uniform(
            (attempts,), own(Purpose.AREA), *area
        )
        aspects = tf.exp(
            tf.random.stateless_uniform(
                (attempts,), own(Purpose.ASPECT), *np.log(aspect)
            )
        )
        parts = tf.stack(
            [tf.sqrt(areas / aspects), tf.sqrt(areas * aspects)], -1
        )
        parts = tf.maximum(tf.cast(tf.round(parts), tf.int32), 1)
        fits = tf.reduce_all(parts <= sides, -1)
        part = tf.where(
            tf.reduce_any(fits),
            parts[tf.argmax(tf.cast(fits, tf.int32))],
            tf.fill((2,), tf.reduce_min(sides)),
        )
        places = random_integers(own(Purpose.CROP), (2,), sides - part + 1)
        middle = (sides - part) // 2
        place = tf.where(tf.reduce_any(fits), places, middle)
        (top, left), (height, width) = tf.unstack(place), tf.unstack(part)
        image = image[top : top + height, left : left + width]
        image = tf.image.resize(image, (size, size), antialias=True)
        image = tf.cast(tf.round(image), tf.uint8)
        return {**example, "images": _of_size(image, size)}

    return map_with_position(dataset, cut, start)


def single_crop(
    images: tf.Tensor, short_side: int = 256, size: int = 224
) -> tf.Tensor:
    """Crop the square in the middle.

    Args:
        images: Images (B, H, W, C).
        short_side: Length of the short side that images are scaled to first,
            in pixels. Defaults to 256.
        size: Side of the crop, in pixels, 227 for AlexNet. Defaults to 224.

    Returns:
        Crops (B, 1, size, size, C) float32.

    Raises:
        ValueError: If the crop is larger than the short side.

    Example:

    >>> single_crop(tf.zeros((2, 375, 500, 3))).shape
    TensorShape([2, 1, 224, 224, 3])
    """
    _check(size, short_side)
    images = resize_short_side(images, short_side)
    return _corners_and_center(images, size)[:, 4:]


def ten_crops(
    images: tf.Tensor,
    short_side: int = 256,
    size: int = 224,
    central: bool = False,
) -> tf.Tensor:
    """Crop the four corners and the center, and flip them.

    Krizhevsky et al. (2012), section 4.1, crop them from the square in the
    middle of an image, which is `central=True`. Others take the corners of the
    whole image.

    Args:
        images: Images (B, H, W, C).
        short_side: Length of the short side that images are scaled to first,
            in pixels. Defaults to 256.
        size: Side of the crops, in pixels. Defaults to 224.
        central: Whether the corners are those of the square in the middle of
            the scaled image, and not those of the whole. Defaults to False.

    Returns:
        Crops (B, 10, size, size, C) float32: top left, top right, bottom left,
        bottom right, center, and their mirror images.

    Raises:
        ValueError: If a crop is larger than the short side.

    Example:

    >>> ten_crops(tf.zeros((2, 375, 500, 3)), 256, 227).shape
    TensorShape([2, 10, 227, 227, 3])
    """
    _check(size, short_side)
    images = resize_short_side(images, short_side)
    if central:
        top, left = tf.unstack((tf.shape(images)[1:3] - short_side) // 2)
        images = _crop(images, top, left, short_side)
    return _with_mirror_images(_corners_and_center(images, size))


def googlenet_crops(
    images: tf.Tensor,
    short_sides: Sequence[int] = (256, 288, 320, 352),
    size: int = 224,
) -> tf.Tensor:
    """Crop the 144 windows of GoogLeNet.

    Szegedy et al., arXiv:1409.4842, section 7: 4 scales, 3 squares along the
    long side, 6 crops of each (the corners, the center and the whole square,
    scaled down), and the mirror images.

    Args:
        images: Images (B, H, W, C).
        short_sides: Lengths of the short side that images are scaled to, in
            pixels. Defaults to (256, 288, 320, 352).
        size: Side of the crops, in pixels. Defaults to 224.

    Returns:
        Crops (B, 36 * len(short_sides), size, size, C) float32.

    Raises:
        ValueError: If a crop is larger than a short side.

    Example:

    >>> googlenet_crops(tf.zeros((1, 375, 500, 3))).shape
    TensorShape([1, 144, 224, 224, 3])
    """
    crops = []
    for short_side in short_sides:
        _check(size, short_side)
        scaled = resize_short_side(images, short_side)
        spare = tf.shape(scaled)[1:3] - short_side  # one of them is 0
        for step in (0, 1, 2):  # left or top, center, right or bottom
            top, left = tf.unstack(spare * step // 2)
            square = _crop(scaled, top, left, short_side)
            crops.append(_corners_and_center(square, size))
            crops.append(resize_short_side(square, size)[:, tf.newaxis])
    return _with_mirror_images(tf.concat(crops, axis=1))


def _of_size(image, size):
    return tf.ensure_shape(image, (size, size, None))


def _check(size, short_side):
    if not 1 <= size <= short_side:
        raise ValueError(
            "`size` must be at least 1 and at most `short_side`. Received: "
            f"size={size}, short_side={short_side}"
        )


def _crop(images, top, left, size):
    crop = images[:, top : top + size, left : left + size]
    return tf.ensure_shape(crop, (None, size, size, None))


def _corners_and_center(images, size):
    bottom, right = tf.unstack(tf.shape(images)[1:3] - size)
    corners = ((0, 0), (0, right), (bottom, 0), (bottom, right))
    center = (bottom // 2, right // 2)
    return tf.stack(
        [_crop(images, *place, size) for place in (*corners, center)], axis=1
    )


def _with_mirror_images(crops):
    return tf.concat([crops, tf.reverse(crops, [3])], axis=1)
