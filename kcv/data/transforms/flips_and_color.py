"""Random flips and changes of color that depend on (seed, position) only.

Keras's random layers draw from a `SeedGenerator`, a variable that counts calls.
Within `tf.data`, it counts in the order in which threads arrive, it makes op
determinism run the map one element at a time, and it starts again when a run is
resumed. Here stateless operations draw the random numbers, and Keras's layer,
which also flips boxes, uses them. Keras's RandomColorJitter draws within its
`transform_images` and was five times as slow as `tf.image`, which is used here.
A change of color leaves boxes unchanged.
"""

import keras
import numpy as np
import tensorflow as tf

from kcv.data.streams.randomness import Purpose
from kcv.data.streams.randomness import map_with_position
from kcv.data.streams.randomness import own_seed

# Principal components of the colors of ImageNet, for RGB in [0, 1]: variances,
# and unit vectors as columns, with one row for each of R, G and B.
PCA_EIGENVALUES = np.array([0.2175, 0.0188, 0.0045], "float32")
PCA_EIGENVECTORS = np.array(
    [
        [-0.5675, 0.7192, 0.4009],
        [-0.5808, -0.0045, -0.8140],
        [-0.5836, -0.6948, 0.4203],
    ],
    "float32",
)

# Indices of the five landmarks of a face (see `kcv.examples`) in the order that
# they have in the flipped image.
_MIRRORED_LANDMARKS = (1, 0, 2, 4, 3)


def random_flip(
    dataset: tf.data.Dataset, seed: int, start: int = 0
) -> tf.data.Dataset:
    """Flip each example horizontally with probability 0.5.

    Args:
        dataset: Dataset of single examples with `images` (H, W, C) uint8, with
            or without `bounding_boxes`, `proposals`, `landmarks` and masks.
        seed: Seed of the random numbers. Whether example number p is flipped
            is a pure function of (seed, p).
        start: Number of the first example, for a run that is resumed. Defaults
            to 0.

    Returns:
        The dataset, with pixels, boxes, landmarks and masks flipped together.
        A box (x1, y1, x2, y2) becomes (W - x2, y1, W - x1, y2). Left and right
        landmarks of a face change places.

    Example:

    ```python
    train = kcv.data.random_flip(kcv.data.digit_scenes("train"), seed=1)
    ```
    """
    # With uint8, Keras does not cast every image to float32 and back.
    layer = keras.layers.RandomFlip(
        "horizontal", bounding_box_format="xyxy", dtype="uint8"
    )

    def flip(position, example):
        chance = tf.random.stateless_uniform(
            (), own_seed(seed, position, Purpose.FLIP)
        )
        return _flipped(layer, example, chance < 0.5)

    return map_with_position(dataset, flip, start)


def photometric(
    dataset: tf.data.Dataset,
    seed: int,
    start: int = 0,
    *,
    brightness: float = 0.125,
    contrast: float = 0.25,
    saturation: float = 0.25,
    hue: float = 0.02,
) -> tf.data.Dataset:
    """Change brightness, contrast, saturation and hue at random.

    Args:
        dataset: Dataset of single examples with `images` (H, W, 3) uint8.
        seed: Seed of the random numbers. The change of example number p is a
            pure function of (seed, p).
        start: Number of the first example, for a run that is resumed. Defaults
            to 0.
        brightness: Maximum shift, as a share of the range 0 to 255. Float in
            [0, 1). Defaults to 0.125.
        contrast: Maximum deviation of the factor from 1. Float in [0, 1).
            Defaults to 0.25.
        saturation: Maximum deviation of the factor from 1. Float in [0, 1).
            Defaults to 0.25.
        hue: Maximum shift, as a share of the circle of hues. Float in
            [0, 0.5]. Defaults to 0.02.

    Returns:
        The dataset. Boxes and masks are unchanged. A property whose strength is
        0 is unchanged, too.

    Raises:
        ValueError: If a strength is out of its range.

    Example:

    ```python
    train = kcv.data.photometric(kcv.data.digit_scenes("train"), seed=1)
    ```
    """
    strengths = {
        "brightness": (brightness, 1.0),
        "contrast": (contrast, 1.0),
        "saturation": (saturation, 1.0),
        "hue": (hue, 0.5),
    }
    for name, (strength, limit) in strengths.items():
        if not 0 <= strength <= limit or strength == 1.0:
            raise ValueError(
                f"`{name}` must be from 0 to {limit}, and below 1. Received: "
                f"{name}={strength}"
            )

    def change(position, example):
        image = tf.image.convert_image_dtype(example["images"], tf.float32)

        def own(purpose):
            return own_seed(seed, position, purpose)

        if brightness:
            image = tf.image.stateless_random_brightness(
                image, brightness, own(Purpose.BRIGHTNESS)
            )
        if contrast:
            image = tf.image.stateless_random_contrast(
                image, 1 - contrast, 1 + contrast, own(Purpose.CONTRAST)
            )
        # Saturation and hue are only defined in [0, 1].
        image = tf.clip_by_value(image, 0.0, 1.0)
        if saturation:
            image = tf.image.stateless_random_saturation(
                image, 1 - saturation, 1 + saturation, own(Purpose.SATURATION)
            )
        if hue:
            image = tf.image.stateless_random_hue(image, hue, own(Purpose.HUE))
        image = tf.clip_by_value(tf.round(image * 255), 0, 255)
        return {**example, "images": tf.cast(image, tf.uint8)}

    return map_with_position(dataset, change, start)


def pca_color(
    dataset: tf.data.Dataset,
    seed: int,
    start: int = 0,
    *,
    std: float = 0.1,
) -> tf.data.Dataset:
    """Shift the color of an image along the principal components of ImageNet.

    Krizhevsky et al. (2012), section 4.1. The shift is the same for all pixels
    of an image, namely the sum of the components, each multiplied by its
    eigenvalue and a normal random number. The eigenvalues are those in common
    use, for RGB in 0..1.

    Args:
        dataset: Dataset of single examples with `images` (H, W, 3) uint8.
        seed: Seed of the random numbers. The shift of example number p is a
            pure function of (seed, p).
        start: Number of the first example, for a run that is resumed. Defaults
            to 0.
        std: Standard deviation of the normal random numbers. Defaults to 0.1.

    Returns:
        The dataset, with colors clipped to 0..255.

    Raises:
        ValueError: If `std` is negative.

    Example:

    ```python
    train = kcv.data.pca_color(train, seed=1)
    ```
    """
    if std < 0:
        raise ValueError(f"`std` must be at least 0. Received: std={std}")

    def shift(position, example):
        amounts = tf.random.stateless_normal(
            (3,), own_seed(seed, position, Purpose.COLOR), stddev=std
        )
        shift = tf.linalg.matvec(PCA_EIGENVECTORS, amounts * PCA_EIGENVALUES)
        image = tf.cast(example["images"], tf.float32) + 255 * shift
        image = tf.clip_by_value(tf.round(image), 0, 255)
        return {**example, "images": tf.cast(image, tf.uint8)}

    return map_with_position(dataset, shift, start)


def _flipped(layer, example, flip):
    example = dict(example)
    images = example["images"]
    transformation = {
        "flips": tf.reshape(flip, (1, 1, 1, 1)),
        "input_shape": (1, *tf.unstack(tf.shape(images))),
    }
    example["images"] = layer.transform_images(images[None], transformation)[0]
    if "bounding_boxes" in example:
        boxes = layer.transform_bounding_boxes(
            {
                "boxes": example["bounding_boxes"]["boxes"][None],
                "labels": example["bounding_boxes"]["labels"][None],
            },
            transformation,
        )
        example["bounding_boxes"] = {
            "boxes": boxes["boxes"][0],
            # Keras's clipping may change labels, which must stay.
            "labels": example["bounding_boxes"]["labels"],
        }
    if "proposals" in example:
        x1, y1, x2, y2 = tf.unstack(example["proposals"], axis=-1)
        width = tf.cast(tf.shape(images)[1], tf.float32)
        mirrored = tf.stack([width - x2, y1, width - x1, y2], axis=-1)
        example["proposals"] = tf.where(flip, mirrored, example["proposals"])
    if "landmarks" in example:
        landmarks = example["landmarks"]
        last = tf.cast(tf.shape(images)[1] - 1, tf.float32)
        mirrored = landmarks * (-1.0, 1.0) + tf.stack([last, 0.0])
        # The left eye of the flipped face is the right eye of the face.
        mirrored = tf.gather(mirrored, _MIRRORED_LANDMARKS, axis=-2)
        example["landmarks"] = tf.where(flip, mirrored, landmarks)
    for key in ("segmentation_masks", "instance_masks"):
        if key in example:
            masks = example[key]
            # A mask (H, W) is one image, and masks (N, H, W) are N images.
            masks = masks[None] if key == "segmentation_masks" else masks
            masks = layer.transform_segmentation_masks(
                masks[..., None], transformation
            )[..., 0]
            example[key] = masks[0] if key == "segmentation_masks" else masks
    return example
