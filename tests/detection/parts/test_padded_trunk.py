"""Padding leaves no trace in the features of an image."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.detection.parts.padded_trunk import PaddedTrunk


@pytest.fixture(scope="module")
def trunk():
    keras.utils.set_random_seed(0)
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(
        4, 3, 2, padding="same", activation="relu", bias_initializer="ones"
    )(images)
    x = keras.layers.Conv2D(5, 3, 2, padding="same")(x)
    return PaddedTrunk(keras.Model(images, x), stride=4)


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    return random.normal(size=(2, 16, 24, 3)).astype("float32")


def test_images_of_one_size_go_together(trunk, images):
    features, cells, sizes = trunk(images)
    np.testing.assert_array_equal(features, trunk.network(images))
    assert cells.numpy().tolist() == [[4, 6]] * 2
    assert sizes.numpy().tolist() == [[16, 24]] * 2
    for value, other in zip(
        trunk(images, tf.constant([[16, 24]] * 2)),
        (features, cells, sizes),
        strict=True,
    ):
        np.testing.assert_array_equal(value, other)


@pytest.mark.parametrize("graph", [False, True])
def test_images_of_two_sizes_give_what_they_give_alone(trunk, images, graph):
    call = tf.function(trunk) if graph else trunk
    features, cells, sizes = call(images, tf.constant([[16, 24], [10, 13]]))
    assert cells.numpy().tolist() == [[4, 6], [3, 4]]
    assert sizes.numpy().tolist() == [[16, 24], [10, 13]]
    for own, (height, width), (rows, columns) in zip(
        range(2), sizes, cells, strict=True
    ):
        alone = trunk.network(images[own : own + 1, :height, :width])[0]
        np.testing.assert_allclose(
            features[own, :rows, :columns], alone, atol=1e-5
        )
        # Nothing stands beyond.
        assert np.count_nonzero(features[own]) == np.count_nonzero(alone)


def test_in_training_padding_is_zero(trunk, images):
    sizes = tf.constant([[16, 24], [10, 13]])
    features, _, _ = trunk(images, sizes, training=True)
    blank = images.copy()
    blank[1, 10:] = blank[1, :, 13:] = 0
    np.testing.assert_allclose(features, trunk.network(blank), atol=1e-5)
    assert not np.allclose(features, trunk.network(images), atol=1e-5)


def test_symbolic_features_have_the_dtype_of_the_network(trunk):
    """Whatever the policy is under which the layer is made."""
    images = keras.Input((None, None, 3))
    for policy in ("mixed_bfloat16", "float32"):
        layer = PaddedTrunk(trunk.network, 4, dtype=policy)
        features, cells, sizes = layer(images, keras.Input((2,), dtype="int32"))
        assert features.shape == (None, None, None, 5)
        assert features.dtype == "float32"
        assert cells.dtype == sizes.dtype == "int32"
        assert cells is not sizes
