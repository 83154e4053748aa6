"""The fused kernel normalizes as Keras does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import BatchNormalization

SHAPE = (3, 5, 7, 4)


def _maps(dtype="float32"):
    maps = np.random.default_rng(0).normal(2.0, 3.0, SHAPE)
    return tf.constant(maps, dtype)


def _pair(**options):
    pair = (
        BatchNormalization(**options),
        keras.layers.BatchNormalization(**options),
    )
    rng = np.random.default_rng(1)
    for layer in pair:
        layer.build(SHAPE)
    for ours, theirs in zip(
        pair[0].trainable_variables, pair[1].trainable_variables, strict=True
    ):
        value = rng.normal(1.0, 0.5, ours.shape)
        ours.assign(value)
        theirs.assign(value)
    return pair


def _answer(layer, maps, training=True):
    with tf.GradientTape() as tape:
        tape.watch(maps)
        outputs = layer(maps, training=training)
        loss = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 3)
    watched = [maps, *(v.value for v in layer.trainable_variables)]
    return outputs, tape.gradient(loss, watched)


@pytest.mark.parametrize(
    "options",
    [{}, {"scale": False}, {"center": False}, {"epsilon": 0.1}],
    ids=["default", "unscaled", "uncentered", "epsilon"],
)
def test_maps_and_gradients_are_those_of_keras(options):
    for training in (True, False):
        (outputs, gradients), (expected, slopes) = (
            _answer(layer, _maps(), training) for layer in _pair(**options)
        )
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4)
        for gradient, slope in zip(gradients, slopes, strict=True):
            np.testing.assert_allclose(gradient, slope, rtol=1e-3, atol=1e-3)


def test_moving_averages_are_those_of_keras():
    ours, theirs = _pair(momentum=0.75)
    for layer in (ours, theirs):
        layer(_maps(), training=True)
    for name in ("moving_mean", "moving_variance"):
        np.testing.assert_allclose(
            getattr(ours, name), getattr(theirs, name), rtol=1e-5
        )


def test_frozen_it_normalises_by_what_it_keeps():
    layer, _ = _pair()
    layer.trainable = False
    np.testing.assert_allclose(
        layer(_maps(), training=True), layer(_maps(), training=False)
    )
    np.testing.assert_array_equal(layer.moving_mean, 0.0)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_dtype_is_kept(dtype):
    layer = BatchNormalization(
        dtype=f"mixed_{dtype}" if dtype == "bfloat16" else dtype
    )
    outputs = layer(_maps(dtype), training=True)
    assert outputs.dtype == dtype
    assert np.std(tf.cast(outputs, tf.float32)) == pytest.approx(1, abs=0.01)


def test_maps_of_another_rank_go_to_keras():
    layer = BatchNormalization()
    outputs = layer(tf.constant([[1.0], [3.0]]), training=True)
    np.testing.assert_allclose(outputs, [[-1], [1]], atol=1e-3)


def test_graph_assigns_moving_averages():
    layer, _ = _pair(momentum=0.0)
    tf.function(layer, jit_compile=False)(_maps(), training=True)
    np.testing.assert_allclose(
        layer.moving_mean, np.mean(_maps(), (0, 1, 2)), rtol=1e-4
    )


def test_contract(check_layer):
    maps = np.random.default_rng(0).normal(2, 3, SHAPE).astype("float32")
    check_layer(
        BatchNormalization(momentum=0.9),
        maps,
        expected=maps / np.sqrt(1.001),
        free=(None, None, None, 4),
    )


def test_weights_go_to_the_layer_of_keras_and_back(tmp_path):
    images = keras.Input(SHAPE[1:])
    ours, theirs = (keras.Model(images, layer(images)) for layer in _pair())
    ours(_maps(), training=True)
    ours.save_weights(tmp_path / "w.weights.h5")
    theirs.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_allclose(
        theirs(_maps()), ours(_maps()), rtol=1e-5, atol=1e-5
    )
