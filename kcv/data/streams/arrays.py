"""Streams over images in memory."""

import numpy as np
import tensorflow as tf

from kcv.data.streams.holdout import validation_rule
from kcv.data.streams.ordering import visit

# Images that are taken at a time: one by one, small ones cost ten times as
# much.
_CHUNK = 64


def stream(
    images: np.ndarray,
    labels: np.ndarray,
    name: str,
    seed: int | None = None,
    start: int = 0,
    chosen: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Give images one by one, with their labels.

    Args:
        images: (N, H, W, C) uint8.
        labels: (N,) integers from 0.
        name: of the set; an image is "name/number".
        seed: as for `kcv.data.digits`.
        start: position of the first example.
        chosen: Numbers of the images to give, (M,) int64. Defaults to None,
            for all images.

    Returns:
        A dataset of single examples: `images` (H, W, C) uint8, `labels` ()
        int32, `image_id` () string.
    """
    chosen = np.arange(len(images)) if chosen is None else chosen
    numbers_of = tf.constant(chosen, tf.int64)
    images = tf.constant(images)
    labels = tf.constant(labels, tf.int32)

    def describe(positions):
        indices = tf.gather(numbers_of, positions)
        numbers = tf.strings.as_string(indices)
        return {
            "images": tf.gather(images, indices),
            "labels": tf.gather(labels, indices),
            "image_id": tf.strings.join([f"{name}/", numbers]),
        }

    positions = visit(len(chosen), seed, start)
    examples = positions.batch(_CHUNK).map(describe).unbatch()
    return examples.apply(
        tf.data.experimental.assert_cardinality(positions.cardinality())
    )


def choose(count: int, split: str, validation: float) -> np.ndarray:
    """List the images of a split by their numbers.

    Args:
        count: Number of images to train on, or of held-out images.
        split: "train", "validation" or "test".
        validation: Part of the training images that "validation" has, evenly
            spaced.

    Returns:
        Numbers of the images, (M,) int64.

    Raises:
        ValueError: If there are too few images for a validation part.
    """
    numbers = np.arange(count)
    rule = validation_rule(split, validation)
    if rule is None:
        return numbers
    chosen = numbers[rule(numbers.astype(np.float64))]
    if not len(chosen):
        raise ValueError(
            f"`validation` must be larger for {count} images, of which the "
            f"split {split!r} has none. Received: validation={validation}"
        )
    return chosen
