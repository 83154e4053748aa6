import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import Subsampling2D


def test_weighs_the_sums_of_windows():
    x = np.random.default_rng(0).standard_normal((2, 5, 6, 3)).astype("float32")
    layer = Subsampling2D(2)
    layer.build(x.shape)
    layer.kernel.assign([1, 2, 3])
    layer.bias.assign([4, 5, 6])
    sums = x[:, :4].reshape(2, 2, 2, 3, 2, 3).sum((2, 4))
    np.testing.assert_allclose(
        layer(x), sums * [1, 2, 3] + [4, 5, 6], rtol=1e-5, atol=1e-5
    )


def test_starts_as_the_average():
    x = np.random.default_rng(0).standard_normal((1, 6, 6, 2)).astype("float32")
    np.testing.assert_allclose(
        Subsampling2D(3)(x),
        keras.layers.AveragePooling2D(3)(x),
        rtol=1e-5,
        atol=1e-6,
    )


def test_gradients_are_sums():
    x = np.random.default_rng(0).standard_normal((2, 4, 4, 3)).astype("float32")
    layer = Subsampling2D(2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x))
    kernel, bias = tape.gradient(loss, layer.trainable_variables)
    np.testing.assert_allclose(kernel, x.sum((0, 1, 2)), rtol=1e-4)
    np.testing.assert_array_equal(bias, [8, 8, 8])


def test_contract(check_layer):
    maps = np.random.default_rng(0).standard_normal((2, 9, 4, 3))
    check_layer(
        Subsampling2D(2), maps.astype("float32"), free=(None, None, None, 3)
    )


def test_errors():
    with pytest.raises(ValueError, match="size=0"):
        Subsampling2D(0)
