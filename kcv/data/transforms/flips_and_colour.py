"""Augmentation whose randomness is a function of (seed, position).

Keras's random layers draw from a `SeedGenerator`: a variable that counts
calls. Within `tf.data` it counts in whichever order threads arrive, it makes
op determinism run the map one element at a time, and a resumed run would begin
it anew. So what is random is drawn here, by stateless operations, and Keras's
box-aware layer does the flipping with it. Keras's RandomColorJitter draws
within its `transform_images`, and was five times as slow as `tf.image`, which
is used instead; colour touches no box.
"""

import keras
import tensorflow as tf

from kcv.data.streams.randomness import Purpose
from kcv.data.streams.randomness import map_with_position
from kcv.data.streams.randomness import own_seed


def random_flip(
    dataset: tf.data.Dataset, seed: int, start: int = 0
) -> tf.data.Dataset:
    """Mirror every other example, left to right, by chance.

    Args:
        dataset: of single examples with `images` (H, W, C) uint8, with or
            without `bounding_boxes`, `proposals` and masks.
        seed: whether example number p is mirrored is a pure function of
            (seed, p).
        start: number of the first example, as for a run that is resumed.

    Returns:
        The dataset: pixels, boxes and masks mirrored together, a box
        (x1, y1, x2, y2) to (W - x2, y1, W - x1, y2).

    Example:

    ```python
    train = kcv.data.random_flip(kcv.data.digit_scenes("train"), seed=1)
    ```
    """
    # uint8 keeps Keras from casting every image to float32 and back.
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
    """Change brightness, contrast, saturation and hue by chance.

    Args:
        dataset: of single examples with `images` (H, W, 3) uint8.
        seed: the change of example number p is a pure function of (seed, p).
        start: number of the first example, as for a run that is resumed.
        brightness: greatest shift, as a share of the range 0 to 255.
        contrast: greatest deviation of the factor from 1, below 1.
        saturation: greatest deviation of the factor from 1, below 1.
        hue: greatest shift, as a share of the circle of hues, at most 0.5.

    Returns:
        The dataset; boxes and masks are left alone. 0 leaves a property alone.

    Raises:
        ValueError: if a strength is out of its range.

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
    for name, (strength, most) in strengths.items():
        if not 0 <= strength <= most or (most == strength == 1.0):
            raise ValueError(
                f"{name} must be from 0 to {most}, received {strength}"
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
        # The colour circle is defined between 0 and 1 alone.
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
            # Keras's clipping may rewrite labels; a flip has no say in them.
            "labels": example["bounding_boxes"]["labels"],
        }
    if "proposals" in example:
        x1, y1, x2, y2 = tf.unstack(example["proposals"], axis=-1)
        width = tf.cast(tf.shape(images)[1], tf.float32)
        mirrored = tf.stack([width - x2, y1, width - x1, y2], axis=-1)
        example["proposals"] = tf.where(flip, mirrored, example["proposals"])
    for key in ("segmentation_masks", "instance_masks"):
        if key in example:
            masks = example[key]
            # (H, W) becomes one image, (N, H, W) is N of them.
            masks = masks[None] if key == "segmentation_masks" else masks
            masks = layer.transform_segmentation_masks(
                masks[..., None], transformation
            )[..., 0]
            example[key] = masks[0] if key == "segmentation_masks" else masks
    return example
