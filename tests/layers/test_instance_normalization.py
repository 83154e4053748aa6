"""The fused kernel normalizes each image as Keras does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import InstanceNormalization


def _pair(**options):
    pair = (
        InstanceNormalization(**options),
        keras.layers.GroupNormalization(groups=-1, epsilon=1e-5, **options),
    )
    rng = np.random.default_rng(1)
    for layer in pair:
        layer.build((None, None, None, 4))
    for ours, theirs in zip(
        *(p.trainable_variables for p in pair), strict=True
    ):
        value = rng.normal(1.0, 0.5, ours.shape)
        ours.assign(value)
        theirs.assign(value)
    return pair


def _answer(layer, maps):
    with tf.GradientTape() as tape:
        tape.watch(maps)
        outputs = layer(maps)
        loss = tf.reduce_sum(tf.cast(outputs, tf.float64) ** 3)
    watched = [maps, *(v.value for v in layer.trainable_variables)]
    return outputs, tape.gradient(loss, watched)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    "options",
    [{}, {"scale": False}, {"center": False}, {"dtype": "float64"}],
    ids=["default", "unscaled", "uncentered", "float64"],
)
def test_maps_and_gradients_are_those_of_keras(options, batch):
    maps = np.random.default_rng(0).normal(2.0, 3.0, (batch, 5, 7, 4))
    # So that an image normalized with another's moments would show.
    maps *= np.arange(1, batch + 1)[:, None, None, None]
    maps = tf.constant(maps, options.get("dtype", "float32"))
    (outputs, gradients), (expected, slopes) = (
        _answer(layer, maps) for layer in _pair(**options)
    )
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4)
    for gradient, slope in zip(gradients, slopes, strict=True):
        np.testing.assert_allclose(gradient, slope, rtol=1e-3, atol=1e-3)


def test_bfloat16_stays_near_float32():
    maps = tf.random.stateless_normal((2, 8, 8, 4), (0, 1)) * 3 + 1
    exact = InstanceNormalization()(maps)
    rounded = InstanceNormalization(dtype="mixed_bfloat16")(maps)
    assert rounded.dtype == "bfloat16"
    np.testing.assert_allclose(tf.cast(rounded, tf.float32), exact, atol=0.05)


def test_contract(check_layer):
    maps = np.random.default_rng(0).normal(size=(2, 6, 9, 3))
    centered = maps - maps.mean((1, 2), keepdims=True)
    check_layer(
        InstanceNormalization(),
        maps.astype("float32"),
        expected=centered / np.sqrt(maps.var((1, 2), keepdims=True) + 1e-5),
        free=(None, None, None, 3),
    )
