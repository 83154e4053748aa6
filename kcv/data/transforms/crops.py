"""The augmentations of the classification papers.

As in `kcv.data.transforms.flips_and_colour`, the randomness of example number
p is a pure function of (seed, p). Mirroring is `kcv.data.random_flip`.
"""

import numpy as np
import tensorflow as tf

from kcv.data.streams.randomness import Purpose
from kcv.data.streams.randomness import map_with_position
from kcv.data.streams.randomness import own_seed
from kcv.data.transforms.resizing import resize_short_side
from kcv.examples import VOID

# Principal components of the colours of ImageNet, RGB in 0..1: variances, and
# unit vectors as columns, a row for each of R, G, B.
PCA_EIGENVALUES = np.array([0.2175, 0.0188, 0.0045], "float32")
PCA_EIGENVECTORS = np.array(
    [
        [-0.5675, 0.7192, 0.4009],
        [-0.5808, -0.0045, -0.8140],
        [-0.5836, -0.6948, 0.4203],
    ],
    "float32",
)


def random_short_side(
    dataset: tf.data.Dataset,
    least: int,
    most: int,
    seed: int,
    start: int = 0,
) -> tf.data.Dataset:
    """Scale images to a short side drawn evenly, from which crops are taken.

    VGG's scale jittering is 256 to 512 (Simonyan and Zisserman 2014, section
    3.1), that of ResNets 256 to 480 (He et al. 2015, section 3.4).

    Args:
        dataset: of single examples with `images` (H, W, C) uint8.
        least: shortest short side, pixels.
        most: longest short side, pixels; as `least` for one scale.
        seed: the side in example number p is a pure function of (seed, p).
        start: number of the first example, as for a run that is resumed.

    Returns:
        The dataset, scaled with antialiasing.

    Raises:
        ValueError: if the range is empty or begins below 1.

    Example:

    ```python
    train = kcv.data.random_short_side(train, 256, 480, seed=1)
    train = kcv.data.random_crop(train, 224, seed=1)
    ```
    """
    if not 1 <= least <= most:
        raise ValueError(
            "sides must be 1 <= least <= most, received "
            f"least={least} and most={most}"
        )

    def scale(position, example):
        own = own_seed(seed, position, Purpose.SCALE)
        side = least + _integers(own, (), most - least + 1)
        image = resize_short_side(example["images"], side)
        return {**example, "images": tf.cast(image, tf.uint8)}

    return map_with_position(dataset, scale, start)


def random_crop(
    dataset: tf.data.Dataset,
    size: int,
    seed: int,
    start: int = 0,
    *,
    padding: int = 0,
) -> tf.data.Dataset:
    """Cut a square from a random place.

    AlexNet's is 224 of 256 pixels (Krizhevsky et al. 2012), that for CIFAR 32
    of 32 with `padding=4` (He et al. 2015, section 4.2), DeconvNet's 224 of
    250 with its mask (Noh et al. 2015, section 5.2).

    Args:
        dataset: of single examples with `images` (H, W, C) uint8, with or
            without `segmentation_masks`.
        size: side of the square.
        seed: the place in example number p is a pure function of (seed, p).
        start: number of the first example, as for a run that is resumed.
        padding: zeros that are put around each image first, void around a
            mask.

    Returns:
        The dataset with `images` (size, size, C) uint8 and the same part of
        the mask. Iteration raises `InvalidArgumentError`, naming the image,
        if one is smaller.

    Raises:
        ValueError: if `size` is below 1 or `padding` negative.

    Example:

    ```python
    train = kcv.data.random_crop(train, 32, seed=1, padding=4)
    ```
    """
    if size < 1 or padding < 0:
        raise ValueError(
            "size must be at least 1 and padding at least 0, received "
            f"size={size} and padding={padding}"
        )

    def cut(position, example):
        margin = [padding, padding]
        image = tf.pad(example["images"], [margin, margin, [0, 0]])
        spare = tf.shape(image)[:2] - size
        check = tf.debugging.Assert(
            tf.reduce_all(spare >= 0),
            [
                "image",
                example["image_id"],
                "has height and width",
                tf.shape(image)[:2],
                "and is too small for a crop of",
                size,
            ],
        )
        with tf.control_dependencies([check]):
            spare = tf.identity(spare)
        place = _integers(
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
    """Cut a part of random area and aspect, and scale it to a square.

    GoogLeNet's (Szegedy et al., arXiv:1409.4842, section 6), with torch's
    way: the area is drawn evenly, the aspect evenly in its logarithm, and a
    part that does not fit is drawn again. If none fits, it is the largest
    square in the middle.

    Args:
        dataset: of single examples with `images` (H, W, C) uint8.
        size: side of the square, to which parts are scaled with antialiasing.
        seed: the part of example number p is a pure function of (seed, p).
        start: number of the first example, as for a run that is resumed.
        area: least and greatest share of the image.
        aspect: least and greatest width over height.
        attempts: how often a part is drawn.

    Returns:
        The dataset with `images` (size, size, C) uint8.

    Raises:
        ValueError: if a range is empty or beyond what an image has.

    Example:

    ```python
    train = kcv.data.area_and_aspect_crop(train, 224, seed=1)
    ```
    """
    if not 0 < area[0] <= area[1] <= 1:
        raise ValueError(
            f"area must be 0 < least <= most <= 1, received {area}"
        )
    if not 0 < aspect[0] <= aspect[1]:
        raise ValueError(f"aspect must be 0 < least <= most, received {aspect}")
    if size < 1 or attempts < 1:
        raise ValueError(
            "size and attempts must be at least 1, received "
            f"size={size} and attempts={attempts}"
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
        places = _integers(own(Purpose.CROP), (2,), sides - part + 1)
        middle = (sides - part) // 2
        place = tf.where(tf.reduce_any(fits), places, middle)
        (top, left), (height, width) = tf.unstack(place), tf.unstack(part)
        image = image[top : top + height, left : left + width]
        image = tf.image.resize(image, (size, size), antialias=True)
        image = tf.cast(tf.round(image), tf.uint8)
        return {**example, "images": _of_size(image, size)}

    return map_with_position(dataset, cut, start)


def pca_colour(
    dataset: tf.data.Dataset,
    seed: int,
    start: int = 0,
    *,
    std: float = 0.1,
) -> tf.data.Dataset:
    """Shift an image's colour along the principal components of ImageNet's.

    Krizhevsky et al. (2012), section 4.1: the same shift for all pixels of an
    image, the sum of the components, each times its eigenvalue and a normal
    number. The eigenvalues are those in common use, of RGB in 0..1.

    Args:
        dataset: of single examples with `images` (H, W, 3) uint8.
        seed: the shift of example number p is a pure function of (seed, p).
        start: number of the first example, as for a run that is resumed.
        std: of the normal numbers.

    Returns:
        The dataset, colours clipped to 0..255.

    Raises:
        ValueError: if `std` is negative.

    Example:

    ```python
    train = kcv.data.pca_colour(train, seed=1)
    ```
    """
    if std < 0:
        raise ValueError(f"std must be at least 0, received {std}")

    def shift(position, example):
        amounts = tf.random.stateless_normal(
            (3,), own_seed(seed, position, Purpose.COLOUR), stddev=std
        )
        shift = tf.linalg.matvec(PCA_EIGENVECTORS, amounts * PCA_EIGENVALUES)
        image = tf.cast(example["images"], tf.float32) + 255 * shift
        image = tf.clip_by_value(tf.round(image), 0, 255)
        return {**example, "images": tf.cast(image, tf.uint8)}

    return map_with_position(dataset, shift, start)


def _integers(seed, shape, ends):
    """Draw from 0 to ends - 1; of 2**32 numbers a modulus has no bias."""
    numbers = tf.random.stateless_uniform(shape, seed, None, None, tf.int32)
    return tf.math.floormod(numbers, ends)


def _of_size(image, size):
    return tf.ensure_shape(image, (size, size, None))
