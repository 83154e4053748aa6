"""Streams over images in memory."""

import numpy as np
import tensorflow as tf

from kcv.data.streams.holdout import draw_validation
from kcv.data.streams.ordering import visit

# Number of images that one operation gathers. Gathering them one by one costs
# ten times as much for small images.
_CHUNK = 64


def stream(
    images: np.ndarray,
    labels: np.ndarray,
    name: str,
    seed: int | None = None,
    start: int = 0,
    chosen: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Stream images one by one, with their labels.

    Args:
        images: Images (N, H, W, C) uint8.
        labels: Labels (N,), integers from 0.
        name: Name of the dataset. The id of an image is "name/number".
        seed: Integer that determines the shuffling. Every epoch has a different
            order, and the stream repeats forever. If None, the images are read
            once, in order. Defaults to None.
        start: Position of the first example, for a run that is resumed.
            Defaults to 0.
        chosen: Numbers of the images to stream, (M,) int64. If None, all are
            streamed. Defaults to None.

    Returns:
        Dataset of single examples: `images` (H, W, C) uint8, `labels` () int32,
        `image_id` () string.
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


def choose(labels: np.ndarray, split: str, validation: float) -> np.ndarray:
    """List the images of a split by their numbers.

    The validation part of each class is drawn by a hash of the numbers, so that
    it is the same in every run and on every machine.

    Args:
        labels: Labels of the images to train on, or of the held-out images.
            Integers (N,).
        split: "train", "validation" or "test".
        validation: Part of each class of the training images that "validation"
            has, rounded. At least one image is drawn.

    Returns:
        Numbers of the images in increasing order, (M,) int64.

    Raises:
        ValueError: If no image is left to train on.
    """
    numbers = np.arange(len(labels))
    if split == "test" or not validation:
        return numbers
    names = numbers.astype(str)
    groups = [names[labels == label].tolist() for label in np.unique(labels)]
    drawn = np.isin(names, [*draw_validation(groups, validation)])
    if drawn.all():
        raise ValueError(
            f"`validation` must be smaller for {len(labels)} images, of which "
            f"none is left to train on. Received: validation={validation}"
        )
    return numbers[drawn == (split == "validation")]
