"""Every face network answers in the native loader as it does in Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from export import native
from kcv import faces
from kcv.data.embedded.faces import render_face
from kcv.faces.alignment import align
from kcv.serving import FixedSize
from kcv.serving import ServingConfig
from kcv.serving import publish

# Small sides, so that a model is built and published in a second.
NETWORKS = {
    "deepface": lambda: faces.DeepFace(size="small"),
    "deepid": lambda: faces.DeepID(),
    "deepid2": lambda: faces.DeepID2(local_sharing=False),
    "deepid2plus": lambda: faces.DeepID2Plus(
        faces.IdentificationVerification(3, every_level=True),
        size="small",
        input_shape=(48, 40, 3),
    ),
    "deepid3_net1": lambda: faces.DeepID3(
        net=1, size="small", input_shape=(32, 32, 3)
    ),
    "deepid3_net2": lambda: faces.DeepID3(
        net=2, size="small", input_shape=(32, 32, 3)
    ),
    "nn1": lambda: faces.FaceNetNN1(size="small"),
    "nn2": lambda: faces.FaceNetNN2(size="small"),
    "nn4": lambda: faces.FaceNetNN4(size="small", padding="facenet"),
}


@pytest.fixture(scope="module")
def photos():
    """Two rendered photos with their landmarks."""
    return [render_face("test", 0, person, 0, 96) for person in (0, 1)]


@pytest.fixture(autouse=True)
def few_graphs():
    yield
    keras.backend.clear_session()


def encode(image):
    return tf.io.encode_png(image).numpy()


def assert_unit(vectors):
    lengths = np.linalg.norm(np.float64(vectors), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)


# Between them, these have every kind of layer.
QUICK = ("deepface", "deepid2plus", "nn2")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in NETWORKS
    ],
)
def test_bytes_go_in_and_unit_vectors_come_out(name, photos, program, tmp_path):
    keras.utils.set_random_seed(0)
    model = NETWORKS[name]()
    height, width, _ = model.input_shape[1:]
    config = ServingConfig("faces", FixedSize(height, width))
    version = publish(model, tmp_path, **config.publish_options(), freeze=True)
    # Photos of the model's size, which need no resizing.
    crops = [photo.image[:height, :width] for photo in photos]
    expected = model.predict(np.stack(crops), verbose=0)
    found = native.run(
        program,
        version,
        "serving_bytes",
        {"image_bytes": [encode(crop) for crop in crops]},
    )["embeddings"]
    assert_unit(found)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_faces_are_aligned_by_given_landmarks(photos, program, tmp_path):
    keras.utils.set_random_seed(0)
    model = faces.DeepID(size="small")
    aligned = faces.align_inputs(model)
    images = np.stack([photo.image for photo in photos])
    landmarks = np.stack([photo.landmarks for photo in photos])
    expected = aligned.predict(
        {"images": images, "landmarks": landmarks}, verbose=0
    )
    crops = [align(photo.image, photo.landmarks) for photo in photos]
    alone = model.predict(np.stack(crops), verbose=0)
    assert np.sum(expected * alone, axis=1).min() > 0.999  # rounded pixels

    config = ServingConfig("faces")
    version = publish(aligned, tmp_path, **config.publish_options())
    found = native.run(
        program,
        version,
        "serving_bytes",
        {
            "image_bytes": [encode(image) for image in images],
            "landmarks": landmarks.astype("float32"),
        },
    )["embeddings"]
    assert_unit(found)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_template_has_the_size_of_the_images():
    with pytest.raises(ValueError, match=r"`template` must have the size"):
        faces.align_inputs(faces.DeepID(), faces.alignment.FACE_CROP)
