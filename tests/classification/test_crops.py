"""Dense evaluation, against NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.classification import dense_probabilities
from kcv.data import resize_short_side


def photograph(height, width):
    """Random blocks of four pixels: neither noise nor smooth."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3))
    return blocks.repeat(4, 0).repeat(4, 1)[:height, :width].astype(np.uint8)


def score_map():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, (5, 3), strides=2, name="scores"),
        ]
    )


def test_dense_evaluation_against_numpy():
    model = score_map()
    image = photograph(30, 41)[None]

    def softmax(x):
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def one(pixels):
        return softmax(np.asarray(model(pixels)).mean((1, 2)))

    views = [resize_short_side(image, side).numpy() for side in (20, 30)]
    expected = [one(view) for view in views]
    expected += [one(view[:, :, ::-1]) for view in views]
    got = dense_probabilities(model, image, (20, 30))
    np.testing.assert_allclose(got, np.mean(expected, 0), rtol=1e-5)
    got = dense_probabilities(model, image, (None,), mirror=False)
    np.testing.assert_allclose(got, one(image.astype("float32")), rtol=1e-5)

    graph = tf.function(lambda x: dense_probabilities(model, x, (20, 30)))
    np.testing.assert_allclose(graph(image), np.mean(expected, 0), rtol=1e-4)


def test_dense_evaluation_of_one_cell_is_the_softmax():
    model = score_map()
    image = photograph(5, 3)[None]
    expected = tf.nn.softmax(model(image.astype("float32"))[:, 0, 0])
    got = dense_probabilities(model, image, (None,), mirror=False)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_dense_evaluation_wants_a_map():
    with pytest.raises(ValueError, match=r"Received: \(1, 7\)"):
        dense_probabilities(
            lambda x: tf.zeros((1, 7)), tf.zeros((1, 9, 9, 3)), (9,)
        )
