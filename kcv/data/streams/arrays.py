"""Streams over images in memory."""

import numpy as np
import tensorflow as tf

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
) -> tf.data.Dataset:
    """Give images one by one, with their labels.

    Args:
        images: (N, H, W, C) uint8.
        labels: (N,) integers from 0.
        name: of the set; an image is "name/number".
        seed: as for `kcv.data.digits`.
        start: position of the first example.

    Returns:
        A dataset of single examples: `images` (H, W, C) uint8, `labels` ()
        int32, `image_id` () string.
    """
    images = tf.constant(images)
    labels = tf.constant(labels, tf.int32)

    def describe(indices):
        numbers = tf.strings.as_string(indices)
        return {
            "images": tf.gather(images, indices),
            "labels": tf.gather(labels, indices),
            "image_id": tf.strings.join([f"{name}/", numbers]),
        }

    indices = visit(len(images), seed, start)
    examples = indices.batch(_CHUNK).map(describe).unbatch()
    return examples.apply(
        tf.data.experimental.assert_cardinality(indices.cardinality())
    )
