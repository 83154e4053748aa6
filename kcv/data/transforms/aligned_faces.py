"""Alignment of the faces of a dataset by their landmarks."""

import tensorflow as tf

from kcv.data.streams.randomness import Purpose
from kcv.data.streams.randomness import map_with_position
from kcv.data.streams.randomness import own_seed
from kcv.landmarks import FACE_CROP
from kcv.landmarks import Template
from kcv.landmarks import estimate_similarity
from kcv.landmarks import transform_boxes
from kcv.landmarks import transform_points
from kcv.landmarks import warp


def align_faces(
    dataset: tf.data.Dataset,
    template: Template = FACE_CROP,
    *,
    jitter: float = 0.0,
    seed: int = 0,
    start: int = 0,
) -> tf.data.Dataset:
    """Crop faces so that their landmarks are where a template has them.

    Args:
        dataset: Dataset of single examples with `images` (H, W, 3) uint8 and
            `landmarks` (5, 2), with or without `bounding_boxes`.
        template: Where the landmarks are to be, and the size of the crops.
            Defaults to `FACE_CROP`, the template of rendered faces.
        jitter: Standard deviation of random errors of the landmarks, as a share
            of the distance of the eyes. 0.025 is that of a good detector of
            landmarks. Defaults to 0.
        seed: Seed of the errors. Those of example number p are a pure function
            of (seed, p). Defaults to 0.
        start: Number of the first example, for a run that is resumed. Defaults
            to 0.

    Returns:
        The dataset, with images of one size, and with the landmarks and boxes
        of the crops. What lies outside an image is black.

    Raises:
        ValueError: If `jitter` is negative.

    Example:

    ```python
    faces = kcv.data.load_faces("celeba:celeba")
    crops = kcv.data.align_faces(faces.dataset, jitter=0.025)
    ```
    """
    if jitter < 0:
        raise ValueError(
            f"`jitter` must be at least 0. Received: jitter={jitter}"
        )

    def align(position, example):
        landmarks = example["landmarks"]
        seen = landmarks
        if jitter:
            between = tf.norm(landmarks[1] - landmarks[0])
            seen += (jitter * between) * tf.random.stateless_normal(
                (5, 2), own_seed(seed, position, Purpose.LANDMARKS)
            )
        matrix = estimate_similarity(template.select(seen), template.points)
        images = warp(
            example["images"][tf.newaxis], matrix[tf.newaxis], template.size
        )
        aligned = {
            **example,
            "images": tf.cast(tf.round(images[0]), tf.uint8),
            "landmarks": transform_points(matrix, landmarks),
        }
        if "bounding_boxes" in example:
            boxes = example["bounding_boxes"]["boxes"]
            aligned["bounding_boxes"] = {
                **example["bounding_boxes"],
                "boxes": transform_boxes(matrix, boxes),
            }
        return aligned

    return map_with_position(dataset, align, start)
