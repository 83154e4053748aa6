"""A model that is given points of a face is served with them."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.serving import CenterCrop
from kcv.serving import FixedSize
from kcv.serving import ServingConfig
from kcv.serving import publish

POINTS = np.array([[[8, 6], [24, 6], [16, 12], [10, 18], [22, 18]]], np.float32)


def _directions(inputs):
    """Make a unit vector of the images' mean and of the points."""
    images, points = inputs
    mean = tf.reduce_mean(images, (1, 2, 3))[:, None]
    flat = tf.reshape(points, (-1, 10))
    return tf.math.l2_normalize(tf.concat([mean, flat], axis=1), axis=1)


@pytest.fixture(scope="module")
def model():
    inputs = {
        "images": keras.Input((24, 32, 3), name="images"),
        "landmarks": keras.Input((5, 2), name="landmarks"),
    }
    layer = keras.layers.Lambda(_directions, output_shape=(11,))
    outputs = layer([inputs["images"], inputs["landmarks"]])
    return keras.Model(inputs, outputs, name="directions")


@pytest.fixture(
    scope="module", params=[False, True], ids=["variables", "frozen"]
)
def version(request, model, tmp_path_factory):
    config = ServingConfig("faces", FixedSize(24, 32))
    return publish(
        model,
        tmp_path_factory.mktemp("directions"),
        **config.publish_options(),
        freeze=request.param,
    )


def test_both_signatures_take_landmarks(version):
    text = (version / "assets.extra" / "kcv.json").read_text()
    signatures = json.loads(text)["signatures"]
    landmarks = {"dtype": "float32", "shape": [None, 5, 2]}
    for signature in signatures.values():
        assert signature["inputs"]["landmarks"] == landmarks
    assert signatures["serving_default"]["outputs"] == {
        "embeddings": {"dtype": "float32", "shape": [None, 11]}
    }


def test_landmarks_are_scaled_as_the_image_is(version):
    """48 x 128 pixels become 24 x 32: a half, and a quarter across."""
    signatures = tf.saved_model.load(str(version)).signatures
    encoded = tf.io.encode_png(np.full((48, 128, 3), 7, np.uint8))
    answer = signatures["serving_bytes"](
        image_bytes=encoded[None],
        landmarks=tf.constant(POINTS * [4, 2], tf.float32),
    )
    expected = np.append(7, POINTS)
    np.testing.assert_allclose(
        answer["embeddings"][0], expected / np.linalg.norm(expected), rtol=1e-6
    )
    assert answer["image_shape"].numpy().tolist() == [[48, 128]]


def test_each_image_needs_its_landmarks(version):
    run = tf.saved_model.load(str(version)).signatures["serving_default"]
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="its row of landmarks"
    ):
        run(images=tf.zeros((2, 24, 32, 3)), landmarks=tf.constant(POINTS))


def test_a_crop_of_images_with_landmarks_is_refused(model, tmp_path):
    with pytest.raises(ValueError, match="model with landmarks"):
        publish(model, tmp_path, prepare=CenterCrop(32, 32))
