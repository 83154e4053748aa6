"""Photos are drawn once, and a resumed stream goes on as it would have."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from kcv.faces.alignment import FACE_CROP
from recipes.common.faces import photos
from recipes.common.faces.photos import FaceOptions
from recipes.common.faces.photos import as_arrays
from recipes.common.faces.photos import open_faces
from recipes.common.faces.photos import open_parts
from recipes.common.faces.photos import stream_batches
from recipes.common.faces.photos import vary
from recipes.common.plan import Plan

PLAN = Plan(batch_size=4, steps=6, epochs=2, learning_rate=0.1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return FaceOptions(out=tmp_path_factory.mktemp("faces"), people=3, photos=4)


@pytest.fixture(scope="module")
def faces(run):
    return open_faces(run, "train", FACE_CROP.resize((40, 32)))


def test_photos_are_drawn_once_and_have_the_size(run, faces):
    drawn = as_arrays(faces)
    assert drawn.images.shape == (12, 40, 32, 3)
    assert drawn.images.dtype == np.uint8
    assert drawn.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert len(drawn.names) == 3
    again = dataclasses.replace(run, seed=5, epochs=2)
    assert open_faces(again, "train", FACE_CROP.resize((40, 32))) is faces


@pytest.mark.parametrize("photos_of_each", [None, 2])
def test_a_stream_begins_anywhere(run, faces, photos_of_each):
    batches = stream_batches(run, faces, PLAN, photos_of_each)
    whole = [*batches(0).take(4)]
    resumed = [*batches(2 * PLAN.batch_size).take(2)]
    for (images, labels), (others, their_labels) in zip(
        whole[2:], resumed, strict=True
    ):
        np.testing.assert_array_equal(images, others)
        np.testing.assert_array_equal(labels, their_labels)
    images, labels = whole[0]
    assert images.shape == (4, 40, 32, 3)
    if photos_of_each:
        first, second, third, fourth = labels.numpy().tolist()
        assert first == second != third == fourth


def test_photos_are_not_varied_on_request(run, faces):
    run = dataclasses.replace(run, augment=False)
    images, _ = next(iter(stream_batches(run, faces, PLAN)(0)))
    stored = as_arrays(faces).images
    for image in images.numpy():
        assert (image == stored).all((1, 2, 3)).any()


def test_people_are_held_back_with_all_their_photos(run, faces):
    run = dataclasses.replace(run, validation=0.34)
    train, held_back = (
        open_faces(run, split, FACE_CROP.resize((40, 32)))
        for split in ("train", "validation")
    )
    assert (len(train), len(held_back)) == (8, 4)
    assert train.labels.tolist() == [0] * 4 + [1] * 4
    assert held_back.labels.tolist() == [0] * 4
    names = [*train.class_names, *held_back.class_names]
    assert sorted(names) == sorted(faces.class_names)
    assert sorted([*train.image_ids, *held_back.image_ids]) == sorted(
        faces.image_ids
    )
    stored = as_arrays(faces)
    person = stored.names.index(*held_back.class_names)
    np.testing.assert_array_equal(
        as_arrays(held_back).images, stored.images[stored.labels == person]
    )


def test_parts_of_people_with_several_photos_share_nobody(tmp_path):
    photo = tf.io.encode_png(tf.zeros((8, 8, 3), tf.uint8)).numpy()
    for number in range(40):
        folder = tmp_path / "people" / f"person {number}"
        folder.mkdir(parents=True)
        for photo_number in range(1 + number % 2):
            (folder / f"{photo_number}.png").write_bytes(photo)
    data = f"folder:{tmp_path / 'people'}"
    run = FaceOptions(out=tmp_path, data=data, validation=0.5)
    size = FACE_CROP.resize((8, 8))
    parts = [{*part.class_names} for part in open_parts(run, size, 2)]
    assert len(set().union(*parts)) == sum(map(len, parts))
    assert all(int(name[7:]) % 2 for name in parts[0] | parts[1])
    # Without a validation part, held-out photos are watched.
    run = dataclasses.replace(run, validation=0.0)
    _, watched, test = open_parts(run, size, 2)
    assert watched is test


def test_variations_are_those_of_the_text():
    ramp = np.arange(64, 64 + 10 * 12, dtype=np.uint8).reshape(10, 12, 1)
    images = np.repeat(np.tile(ramp, 3)[None], 200, axis=0)
    varied = vary(tf.constant(images), tf.constant([3, 1], tf.int64)).numpy()
    assert varied.shape == images.shape
    # In the middle, pixels differ by the gain from column to column, and with
    # the other sign in mirrored images.
    slope = varied[:, 5, 7, 0] - varied[:, 5, 6, 0]
    assert 0.3 < np.mean(slope < 0) < 0.7
    assert np.all((abs(slope) >= 0.7499) & (abs(slope) <= 1.2501))
    # A row has twelve pixels more than the one above it.
    np.testing.assert_allclose(
        varied[:, 6, 6, 0] - varied[:, 5, 6, 0], 12 * abs(slope), rtol=1e-3
    )
    shown = [*photos.vary(tf.constant(images), tf.constant([3, 1], tf.int64))]
    np.testing.assert_array_equal(shown, varied)
