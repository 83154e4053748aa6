"""Rendered faces against their description."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.data import rendered_faces
from kcv.data.embedded.faces import render_face
from kcv.landmarks import FACE_CROP

# Some test photos as they were when the set was first published: (person,
# photo, mean of each channel, tip of the nose, corners of the box). If these
# change, the set has changed, and figures on it cannot be compared any more.
PUBLISHED = (
    (0, 0, (147.1, 120.6, 88.7), (27.5, 39.3), (13.0, -2.7, 70.3, 66.5)),
    (0, 1, (53.7, 42.8, 42.1), (35.3, 38.5), (-3.6, 1.0, 55.8, 70.4)),
    (1, 19, (159.9, 101.6, 70.4), (29.2, 37.1), (14.0, 2.2, 62.6, 63.7)),
    (38, 17, (65.6, 65.6, 65.4), (28.0, 39.8), (13.1, -0.6, 69.6, 65.7)),
    (75, 0, (167.4, 145.1, 130.4), (29.0, 37.6), (9.9, -4.9, 68.9, 67.3)),
    (119, 19, (88.6, 88.6, 88.6), (33.8, 38.4), (1.4, -3.6, 57.3, 63.7)),
)


def examples(*arguments, **options):
    return list(
        rendered_faces(*arguments, **options).dataset.as_numpy_iterator()
    )


@pytest.fixture(scope="module")
def crops():
    return examples("train", people=12, photos=8)


@pytest.fixture(scope="module")
def wholes():
    return examples("test", people=8, photos=6, size=72, aligned=False)


def test_element_spec_names_and_number():
    opened = rendered_faces("train", people=5, photos=3, size=48)
    assert opened.size == opened.dataset.cardinality() == 15
    assert opened.class_names == tuple(f"person {k}" for k in range(5))
    assert opened.dataset.element_spec == {
        "images": tf.TensorSpec([48, 48, 3], tf.uint8),
        "image_id": tf.TensorSpec([], tf.string),
        "labels": tf.TensorSpec([], tf.int32),
        "landmarks": tf.TensorSpec([5, 2], tf.float32),
        "bounding_boxes": {
            "boxes": tf.TensorSpec([1, 4], tf.float32),
            "labels": tf.TensorSpec([1], tf.int32),
        },
    }


def test_a_photo_depends_on_its_numbers_alone(crops):
    again = examples("train", people=3, photos=8)
    for one, other in zip(crops[:24], again, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)
    # Photo 2 of person 1 is the same among fewer photos.
    fewer = examples("train", people=2, photos=3)
    assert fewer[5]["image_id"] == b"rendered_faces/train/0/1/2"
    np.testing.assert_array_equal(fewer[5]["images"], crops[10]["images"])


def test_the_test_split_never_changes():
    for person, photo, colors, nose, box in PUBLISHED:
        opened = rendered_faces("test", 120, 20, start=20 * person + photo)
        found = next(iter(opened.dataset))
        # Other processors and versions round otherwise.
        mean = found["images"].numpy().mean((0, 1))
        np.testing.assert_allclose(mean, colors, atol=1)
        np.testing.assert_allclose(found["landmarks"][2], nose, atol=0.3)
        boxes = found["bounding_boxes"]["boxes"]
        np.testing.assert_allclose(boxes, [box], atol=0.3)


def test_the_stream_begins_where_it_is_told(crops):
    opened = rendered_faces("train", people=12, photos=8, start=90)
    assert opened.dataset.cardinality() == 6
    assert opened.size == 96
    for one, other in zip(opened.dataset, crops[90:], strict=True):
        np.testing.assert_array_equal(one["images"], other["images"])


def test_splits_and_seeds_have_other_people(crops):
    for options in ({"split": "test"}, {"split": "train", "seed": 1}):
        other = examples(people=1, photos=2, **options)
        assert (other[0]["images"] != crops[0]["images"]).mean() > 0.5


def test_labels_count_the_people(crops):
    labels = [example["labels"] for example in crops]
    np.testing.assert_array_equal(labels, np.repeat(np.arange(12), 8))
    assert len({example["image_id"] for example in crops}) == 96


def test_aligned_landmarks_are_near_the_template(crops):
    landmarks = np.stack([example["landmarks"] for example in crops])
    away = landmarks - np.float32(FACE_CROP.points)
    # A turned head moves the nose most; on average nothing is off.
    assert np.abs(away.mean(0)).max() < 3
    assert np.abs(away[:, :2]).mean() < 2.5
    assert np.abs(away).max() < 16
    # The fit takes out the shift, up to the error of the landmarks.
    assert np.abs(away.mean(1)).mean() < 0.6


def test_landmarks_and_boxes_are_on_the_image(wholes):
    for example in wholes:
        (box,) = example["bounding_boxes"]["boxes"]
        landmarks = example["landmarks"] + 0.5
        assert (landmarks > box[:2]).all()
        assert (landmarks < box[2:]).all()
        left, right, nose, left_corner, right_corner = landmarks
        assert left[0] < right[0]
        assert left_corner[0] < right_corner[0]
        assert max(left[1], right[1]) < nose[1] + 3
        assert nose[1] < max(left_corner[1], right_corner[1])
        sides = box[2:] - box[:2]
        assert (sides > 0.4 * 72).all()
        assert (sides < 0.9 * 72).all()


def test_the_eyes_are_drawn_where_the_landmarks_are():
    # Large faces without camera: the pupil is the darkest of its surroundings.
    found = []
    for person in range(30):
        face = render_face("train", 0, person, 1, 192, camera=False)
        gray = face.image.mean(2)
        for x, y in face.landmarks[:2]:
            row, column = round(float(y)), round(float(x))
            near = gray[row - 2 : row + 3, column - 2 : column + 3]
            around = gray[row - 14 : row + 15, column - 18 : column + 19]
            found.append(near.min() < np.percentile(around, 15))
    # Some eyes are closed, behind something, or look aside.
    assert np.mean(found) > 0.75


def test_alpha_covers_the_face_and_fades_at_the_border():
    face = render_face("test", 0, 2, 0, 96, camera=False)
    assert face.alpha.shape == (96, 96)
    assert face.alpha.dtype == np.float32
    assert 0 <= face.alpha.min() <= face.alpha.max() <= 1
    for x, y in face.landmarks:
        assert face.alpha[round(float(y)), round(float(x))] > 0.99
    border = [
        face.alpha[0],
        face.alpha[-1],
        face.alpha[:, 0],
        face.alpha[:, -1],
    ]
    assert np.max(border) < 0.1
    assert face.alpha[10, 5] < 0.01  # the backdrop


def test_another_size_shows_the_same_face():
    small = render_face("test", 0, 4, 3, 64)
    large = render_face("test", 0, 4, 3, 128)
    np.testing.assert_allclose(
        large.landmarks + 0.5, 2 * (small.landmarks + 0.5), atol=2.5
    )
    np.testing.assert_allclose(large.box, 2 * small.box, atol=1.1)


def test_photos_of_a_person_differ_and_so_do_people(crops):
    images = np.stack([example["images"] for example in crops]).astype(float)
    flat = images.reshape(12, 8, -1)
    assert flat.std(1).mean() > 25
    assert flat.mean(1).std(0).mean() > 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "valid"}, "`split` must be 'train' or 'test'"),
        ({"people": 0}, "`people` must be an integer of at least 1.*people=0"),
        ({"photos": 1.5}, "`photos` must be an integer.*photos=1.5"),
        ({"size": 16}, "`size` must be .* at least 32.*size=16"),
        ({"seed": -1}, "`seed` must be .* at least 0.*seed=-1"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        rendered_faces(**options)
