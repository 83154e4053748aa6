import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv
from kcv.data.embedded.faces import render_face
from kcv.faces.alignment import DEEPFACE
from kcv.faces.alignment import DEEPID
from kcv.faces.alignment import DEEPID2
from kcv.faces.alignment import FACE_CROP
from kcv.faces.alignment import FIVE_POINTS_112
from kcv.faces.alignment import AlignFaces
from kcv.faces.alignment import align

TEMPLATES = (DEEPFACE, DEEPID, DEEPID2, FACE_CROP, FIVE_POINTS_112)


@pytest.fixture(scope="module")
def faces():
    return [render_face("train", 0, person, 0, 96) for person in range(4)]


def dots(points, size):
    """An image with a round dot at each point."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    x, y = np.transpose(points)[..., None, None]
    away = (columns - x) ** 2 + (rows - y) ** 2
    return 255 * np.exp(-away / 8).max(0)


@pytest.mark.parametrize("template", TEMPLATES)
def test_landmarks_land_within_half_a_pixel_of_the_template(template):
    # A face that is 1.3 times as large, turned and shifted.
    a, b = 1.3 * np.cos(0.5), 1.3 * np.sin(0.5)
    turn = np.array([[a, -b], [b, a]])
    points = np.array(template.points) @ turn.T + (90, 20)
    image = dots(points, (300, 300))
    five = (
        points if len(points) == 5 else [*points[:2], (0, 0), *2 * [points[2]]]
    )
    if len(points) == 3:
        five[2] = points.mean(0)
    aligned = align(image, five, template)[..., 0]
    assert aligned.shape == template.size
    rows, columns = np.mgrid[: template.size[0], : template.size[1]]
    for x, y in template.points:
        near = aligned * ((columns - x) ** 2 + (rows - y) ** 2 < 12.0)
        center = np.array([(near * columns).sum(), (near * rows).sum()])
        np.testing.assert_allclose(center / near.sum(), (x, y), atol=0.5)


def test_templates_are_upright_faces():
    for template in TEMPLATES:
        height, width = template.size
        points = np.array(template.points)
        assert ((points > 0) & (points < (width, height))).all()
        assert points[0, 0] < width / 2 < points[1, 0]
        assert points[:2, 1].max() < points[2:, 1].min()


def test_three_points_are_the_eyes_and_the_middle_of_the_mouth():
    landmarks = np.arange(20.0).reshape(2, 5, 2) ** 2
    chosen = DEEPID.select(landmarks).numpy()
    np.testing.assert_array_equal(chosen[:, :2], landmarks[:, :2])
    np.testing.assert_array_equal(chosen[:, 2], landmarks[:, 3:].mean(1))
    with pytest.raises(ValueError, match="shape .*5, 2.*4, 2"):
        DEEPID.select(landmarks[:, :4])


def test_a_resized_template_is_that_of_the_resized_image():
    resized = FACE_CROP.resize((128, 96))
    points = (np.array(FACE_CROP.points) + 0.5) * (1.5, 2) - 0.5
    np.testing.assert_allclose(resized.points, points)


def test_the_layer_aligns_as_the_function(faces):
    images = np.stack([face.image for face in faces]).astype("float32")
    landmarks = np.stack([face.landmarks for face in faces])
    for template in (FACE_CROP, DEEPID):
        together = AlignFaces(template)([images, landmarks]).numpy()
        for found, face in zip(together, faces, strict=True):
            single = align(face.image, face.landmarks, template)
            np.testing.assert_allclose(found, single, atol=0.51)


def test_a_model_with_alignment_is_saved_and_exported(faces, tmp_path):
    images = keras.Input((None, None, 3), name="images")
    landmarks = keras.Input((5, 2), name="landmarks")
    aligned = AlignFaces(FIVE_POINTS_112.resize(56))([images, landmarks])
    model = keras.Model([images, landmarks], aligned)
    x = [
        np.stack([face.image for face in faces]).astype("float32"),
        np.stack([face.landmarks for face in faces]),
    ]
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = kcv.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), expected)
    model.export(tmp_path / "exported", verbose=False)
    served = tf.saved_model.load(tmp_path / "exported").serve(x)
    np.testing.assert_allclose(served, expected, atol=1e-3)


def test_the_layer_refuses_landmarks_that_fit_nothing(faces):
    images = faces[0].image[None].astype("float32")
    for bad in (np.full((1, 5, 2), 3.0), np.full((1, 5, 2), np.nan)):
        with pytest.raises(tf.errors.InvalidArgumentError, match="not all the"):
            AlignFaces()([images, bad])
    with pytest.raises(ValueError, match="three or five points"):
        AlignFaces((((1, 2), (3, 4)), (8, 8)))


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        (np.array(FACE_CROP.points) + 60, "a.jpg: .*inside the image of 96x96"),
        (np.array(5 * [[3, 3]]), "a.jpg: .*not lie on a line"),
        (np.array(FACE_CROP.points) * np.nan, "a.jpg: .*be finite"),
    ],
)
def test_bad_landmarks_are_named(faces, landmarks, message):
    with pytest.raises(ValueError, match=message):
        align(faces[0].image, landmarks, name="a.jpg")


def test_contract(check_layer, faces):
    images = np.stack([face.image for face in faces[:2]]).astype("float32")
    landmarks = np.stack([face.landmarks for face in faces[:2]])
    check_layer(
        AlignFaces(FACE_CROP.resize(12)),
        [images / 255, landmarks],
        free=[(None, None, None, 3), (None, 5, 2)],
        differentiable=[True, False],
        gradient_dtype="float32",
        keeps_float32=True,
    )
