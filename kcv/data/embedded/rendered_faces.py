"""Rendered faces: the set of people that kcv brings along.

Nobody on these images exists. Heads are drawn from random numbers by a small
renderer, so that face recognition can be taught and tested without a
collection of photographs of people.
"""

import numpy as np
import tensorflow as tf

from kcv.data.embedded.faces.rendering import STREAMS
from kcv.data.embedded.faces.rendering import render_face
from kcv.data.streams.holdout import check_split
from kcv.examples import DataSet
from kcv.landmarks import FACE_CROP
from kcv.landmarks import estimate_similarity
from kcv.landmarks import transform_boxes
from kcv.landmarks import transform_points
from kcv.landmarks import warp

# Ratio of the side of the canvas to that of an aligned crop.
_CANVAS = 72 / 64
# Error of a detector of landmarks, as a share of the distance of the eyes.
_JITTER = 0.025
# Number of photos that one call renders. A call from a graph costs a tenth of a
# photo.
_CHUNK = 16


def rendered_faces(
    split: str = "train",
    people: int = 400,
    photos: int = 30,
    size: int = 64,
    *,
    aligned: bool = True,
    seed: int = 0,
    start: int = 0,
) -> DataSet:
    """Render photos of people who do not exist.

    A person has a skull, eyes, brows, a nose, a mouth, skin and hair, which
    never change. Photos of one person differ in pose (35 degrees to either
    side), expression, light, camera, backdrop, glasses, hats, and things in
    front of the face. Raw pixels, PCA, HOG and LBP hardly separate the people.
    Some photos cannot be recognized at all, as in any real dataset.

    A photo is a pure function of (split, seed, person, photo, size, aligned).
    Train and test share neither people nor backdrops.

    Args:
        split: "train" or "test". Defaults to "train".
        people: Number of people. Defaults to 400.
        photos: Number of photos of each person. Defaults to 30.
        size: Side of the images, in pixels, at least 32. Defaults to 64.
        aligned: Whether images are cropped by their landmarks, with errors like
            those of a landmark detector. If False, images show the whole head
            before its backdrop. Defaults to True.
        seed: Seed of the people. Defaults to 0.
        start: Number of the first example. Defaults to 0.

    Returns:
        `DataSet` (dataset, class_names, size) of one pass, person by person.
        Examples have `images` (size, size, 3) uint8 RGB, `labels` () int32,
        the number of the person, `landmarks` (5, 2) float32, `bounding_boxes`
        {`boxes` (1, 4) float32, `labels` (1,) int32 0}, and `image_id` ()
        string, "rendered_faces/SPLIT/SEED/PERSON/PHOTO". `kcv.examples`
        describes landmarks and boxes. The box of an aligned face may leave the
        image.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    ```python
    faces = kcv.data.keep_faces(kcv.data.rendered_faces("train"))
    batches = kcv.data.people_batches(faces, people=24, photos=5)
    model.fit(batches, steps_per_epoch=100, shuffle=False)
    ```
    """
    check_split(split)
    for name, value, low in (
        ("people", people, 1),
        ("photos", photos, 1),
        ("size", size, 32),
        ("seed", seed, 0),
        ("start", start, 0),
    ):
        if not isinstance(value, int | np.integer) or value < low:
            raise ValueError(
                f"`{name}` must be an integer of at least {low}. Received: "
                f"{name}={value!r}"
            )
    canvas = round(size * _CANVAS) if aligned else size
    count = people * photos

    def render(indices):
        return _render(split, int(seed), int(photos), int(canvas), indices)

    def draw(indices):
        images, landmarks, jitter, boxes, quality = tf.numpy_function(
            render,
            [indices],
            [tf.uint8, tf.float32, tf.float32, tf.float32, tf.int32],
        )
        return {
            "index": indices,
            "images": tf.ensure_shape(images, (None, canvas, canvas, 3)),
            "landmarks": tf.ensure_shape(landmarks, (None, 5, 2)),
            "jitter": tf.ensure_shape(jitter, (None, 5, 2)),
            "boxes": tf.ensure_shape(boxes, (None, 1, 4)),
            "quality": tf.ensure_shape(quality, (None,)),
        }

    template = FACE_CROP.resize(size)

    def compress(drawn):
        image = _compress(drawn["images"], drawn["quality"])
        return {**drawn, "images": image}

    def align(drawn):
        seen = drawn["landmarks"] + drawn["jitter"]
        matrices = estimate_similarity(seen, template.points)
        images = warp(drawn["images"], matrices, template.size)
        return {
            **drawn,
            "images": tf.cast(tf.round(images), tf.uint8),
            "landmarks": transform_points(matrices, drawn["landmarks"]),
            "boxes": transform_boxes(matrices, drawn["boxes"]),
        }

    def describe(drawn):
        person, photo = drawn["index"] // photos, drawn["index"] % photos
        name = [tf.strings.as_string(number) for number in (person, photo)]
        return {
            "images": drawn["images"],
            "image_id": tf.strings.join([prefix, *name], "/"),
            "labels": tf.cast(person, tf.int32),
            "landmarks": drawn["landmarks"],
            "bounding_boxes": {
                "boxes": drawn["boxes"],
                "labels": tf.zeros_like(person[..., tf.newaxis], tf.int32),
            },
        }

    prefix = f"rendered_faces/{split}/{seed}"
    dataset = tf.data.Dataset.range(start, max(start, count))
    dataset = dataset.batch(_CHUNK).map(draw).unbatch()
    dataset = dataset.map(
        compress, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    # Small operations on single photos would cost as much as their pixels.
    dataset = dataset.batch(_CHUNK)
    if aligned:
        dataset = dataset.map(align)
    dataset = dataset.map(describe).unbatch()
    left = max(count - start, 0)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(left))
    names = tuple(f"person {number}" for number in range(people))
    return DataSet(dataset, names, count)


def _render(split, seed, photos, canvas, indices):
    """Render several photos, and draw the errors of their landmarks."""
    faces, errors = [], []
    for index in indices.tolist():
        person, photo = divmod(index, photos)
        face = render_face(split, seed, person, photo, canvas)
        key = (2, STREAMS[split], seed, person, photo)
        error = np.random.default_rng(key).standard_normal((5, 2), np.float32)
        between = face.landmarks[1] - face.landmarks[0]
        errors.append(_JITTER * np.sqrt(between @ between) * error)
        faces.append(face)
    return (
        np.stack([face.image for face in faces]),
        np.stack([face.landmarks for face in faces]),
        np.stack(errors),
        np.stack([face.box[np.newaxis] for face in faces]),
        np.array([face.quality for face in faces], np.int32),
    )


def _compress(image, quality):
    """Compress an image as JPEG, and decode it again."""
    shape = image.shape
    encoded = tf.raw_ops.EncodeJpegVariableQuality(
        images=image, quality=quality
    )
    image = tf.io.decode_jpeg(
        encoded, channels=3, dct_method="INTEGER_ACCURATE"
    )
    return tf.ensure_shape(image, shape)
