"""Photos of people, drawn or read once, and batches of them."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any
from typing import Literal
from typing import NamedTuple

import numpy as np
import tensorflow as tf

import kcv
from kcv.data.streams.holdout import draw_validation
from kcv.faces.alignment import FACE_CROP
from kcv.faces.alignment import Template
from recipes.common.plan import Plan
from recipes.common.starting import StartOptions

RENDERED = "rendered_faces"
TEST_PEOPLE, TEST_PHOTOS = 120, 20  # Rendered, and never trained on.
SHIFT = 2  # Pixels.
# Names of layers below the features: not the dense ones, nor the softmax.
BACKBONE = r"(?!fc|F7|deepid|level|softmax)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class FaceOptions(StartOptions):
    """Options of every recipe of faces.

    Attributes:
        data: rendered_faces, lfw (of TFDS), lfw:FOLDER, celeba:FOLDER,
            list:FILE:FOLDER, or folder:PEOPLE with a folder of photos for each
            person.
        preset: Small learns in minutes from photos of 64 x 64 pixels. paper
            has the network and the solver of the paper.
        people: Number of rendered people to train on.
        photos: Number of photos of each rendered person.
    """

    data: str = RENDERED
    preset: Literal["small", "paper"] = "small"
    people: int = 400
    photos: int = 30


class Photos(NamedTuple):
    """Photos of people as arrays.

    Attributes:
        images: Array (N, H, W, 3) uint8.
        labels: Person on each photo, counted from 0. Array (N,) int32.
        names: Names of the people.
    """

    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]


def open_parts(
    run: FaceOptions, template: Template, at_least: int = 1
) -> tuple[Any, Any, Any]:
    """Open all photos of a recipe.

    Args:
        run: Options of the recipe.
        template: Where the landmarks are to be, and the size of the photos.
        at_least: Smallest number of photos of a person in training and in
            validation, see `open_faces`. Defaults to 1.

    Returns:
        Tuple (training photos, photos of `run.watched_split`, held-out photos)
        of what `open_faces` returns.
    """
    train, watched, test = (
        open_faces(run, split, template, at_least)
        for split in ("train", run.watched_split, "test")
    )
    return train, watched, test


def open_faces(
    run: FaceOptions, split: str, template: Template, at_least: int = 1
) -> Any:
    """Draw or read the photos of one split, and keep them in memory.

    Args:
        run: Options of the recipe.
        split: "train", "validation" or "test". No person is on photos of two
            of them. "train" and "validation" need the same `at_least`, since
            it selects the people who are divided.
        template: Where the landmarks are to be, and the size of the photos.
            Photos without landmarks are resized to this size.
        at_least: Smallest number of photos of a person, for photos to train on
            and for validation that are read from files. Defaults to 1.

    Returns:
        What `kcv.data.keep_faces` returns. Another call with the same options
        returns the same object, so that several systems share the photos.
    """
    people, photos = run.people, run.photos
    if split == "test":
        people, photos = TEST_PEOPLE, TEST_PHOTOS
    # Rendered people have as many photos as one asks for.
    if run.data == RENDERED or split == "test":
        at_least = 1
    own = "test" if split == "test" else "train"
    source = (run.data, own, people, photos, at_least, run.on_error)
    if own == "test" or not run.validation_part:
        return _keep(source, template)
    return _divide(source, template, run.validation_part, split)


@functools.lru_cache(maxsize=4)
def _divide(source, template, part, split):
    faces = _keep(source, template)
    drawn = draw_validation([faces.class_names], part)
    if split == "validation":
        return faces.only_people(lambda name: name in drawn)
    return faces.only_people(lambda name: name not in drawn)


@functools.lru_cache(maxsize=4)
def _keep(source, template):
    opened = _open(*source, template)

    def fit(example):
        image = example["images"]
        if image.shape[:2] != template.size:
            image = tf.image.resize(image, template.size, antialias=True)
            image = tf.cast(tf.round(image), tf.uint8)
        return {
            "images": image,
            "labels": example["labels"],
            "image_id": example["image_id"],
        }

    dataset = opened.dataset
    is_aligned = dataset.element_spec["images"].shape[:2] == template.size
    if "landmarks" in dataset.element_spec and not is_aligned:
        # With the errors of a detector of landmarks.
        dataset = kcv.data.align_faces(dataset, template, jitter=0.025)
    dataset = dataset.map(fit, tf.data.AUTOTUNE, deterministic=True)
    return kcv.data.keep_faces(opened._replace(dataset=dataset))


def _open(data, split, people, photos, at_least, on_error, template):
    """Open the photos: rendered as the small networks see them, or larger."""
    if data == RENDERED and template == FACE_CROP:
        return kcv.data.rendered_faces(split, people, photos)
    if data == RENDERED:
        side = round(max(template.size) * 9 / 8)
        return kcv.data.rendered_faces(
            split, people, photos, max(side, 64), aligned=False
        )
    if ":" not in data:
        return kcv.data.load_faces(data, split, on_error=on_error)
    files = kcv.data.read_faces(data, split)
    if split == "train":
        files = files.with_photos(at_least)
    return files.data_set(on_error=on_error)


def as_arrays(faces: Any) -> Photos:
    """Return the photos of a set as arrays."""
    batches = faces.dataset().map(lambda x: x["images"]).batch(256)
    images = np.concatenate([*batches.as_numpy_iterator()])
    return Photos(images, faces.labels, faces.class_names)


def choose_plan(run: FaceOptions, plan: Plan, faces: Any) -> Plan:
    """Change the plan of a preset as the options of a run ask for.

    Args:
        run: Options of the recipe.
        plan: Plan of the preset.
        faces: Photos to train on, by whose number preset small is shortened.

    Returns:
        The plan.
    """
    count = len(faces) if run.preset == "small" else None
    return plan.with_options(run, group=1, images=count)


def stream_batches(
    run: FaceOptions, faces: Any, plan: Plan, photos_of_each: int | None = None
) -> Callable[[int], tf.data.Dataset]:
    """Make the stream of batches that a network is trained on.

    Args:
        run: Options of the recipe.
        faces: Photos to train on.
        plan: Plan of the training.
        photos_of_each: Number of photos of each person in a batch. Defaults to
            photos in random order, whoever is on them.

    Returns:
        Function from the position of the first photo to the endless stream of
        batches (images (B, H, W, 3) float32, labels (B,)) that begins there.
        Images are mirrored, shifted and tinted at random if `run.augment`.

    Raises:
        ValueError: If the batch size is not a multiple of `photos_of_each`.
    """
    if photos_of_each is not None and plan.batch_size % photos_of_each:
        raise ValueError(
            f"`batch_size` must be a multiple of {photos_of_each}, the number "
            "of photos of each person in a batch. Received: "
            f"batch_size={plan.batch_size}"
        )

    seed = run.seed

    def batches(start):
        if photos_of_each is None:
            examples = faces.dataset(seed, start)
            stream = examples.batch(plan.batch_size, drop_remainder=True)
        else:
            people = plan.batch_size // photos_of_each
            stream = kcv.data.people_batches(
                faces, people, photos_of_each, seed, start
            )

        def finish(number, batch):
            own = tf.random.experimental.stateless_fold_in(
                tf.constant([seed, 0], tf.int64), number
            )
            if run.augment:
                return vary(batch["images"], own), batch["labels"]
            return tf.cast(batch["images"], tf.float32), batch["labels"]

        return (
            stream.enumerate(start // plan.batch_size)
            .map(finish, tf.data.AUTOTUNE, deterministic=True)
            .prefetch(2)
        )

    return batches


def vary(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirror, shift and tint each image at random.

    Args:
        images: Images (B, H, W, 3) in 0..255.
        seed: Seed of stateless operations, tensor (2,).

    Returns:
        Images (B, H, W, 3) float32 in 0..255: mirrored with probability 0.5,
        shifted by up to two pixels, and every channel multiplied by 0.75 to
        1.25 and shifted by up to 0.15 of its range.
    """
    count = tf.shape(images)[0]
    height, width = images.shape[1:3]
    seeds = tf.unstack(tf.random.experimental.stateless_split(seed, 4))
    uniform = tf.random.stateless_uniform
    mirrored = uniform((count, 1, 1, 1), seeds[0]) < 0.5
    images = tf.where(mirrored, images[:, :, ::-1], images)
    moves = uniform((count, 2), seeds[1], 0, 2 * SHIFT + 1, tf.int32)
    border = [[0, 0], [SHIFT, SHIFT], [SHIFT, SHIFT], [0, 0]]
    images = tf.pad(images, border, "SYMMETRIC")
    for axis, length in ((1, height), (2, width)):
        places = moves[:, axis - 1, tf.newaxis] + tf.range(length)
        images = tf.gather(images, places, axis=axis, batch_dims=1)
    gain = uniform((count, 1, 1, 3), seeds[2], 0.75, 1.25)
    offset = uniform((count, 1, 1, 3), seeds[3], -0.15, 0.15)
    images = tf.cast(images, tf.float32) * gain + 255 * offset
    return tf.clip_by_value(images, 0.0, 255.0)
