import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import CropLike


def test_values_and_gradient_are_those_of_a_slice():
    rng = np.random.default_rng(0)
    maps = tf.constant(rng.normal(size=(2, 9, 8, 3)))
    images = tf.zeros((2, 5, 4, 1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(maps)
        cut = CropLike(2, dtype="float64")([maps, images])
        wanted = maps[:, 2:7, 2:6]
        squares, wanted_squares = cut**2, wanted**2
    np.testing.assert_array_equal(cut, wanted)
    np.testing.assert_array_equal(
        tape.gradient(squares, maps), tape.gradient(wanted_squares, maps)
    )


def test_contract(check_layer):
    maps = np.random.default_rng(0).normal(size=(2, 9, 8, 3))
    check_layer(
        CropLike(2),
        [maps.astype("float32"), np.zeros((2, 5, 4, 1), "float32")],
        expected=maps[:, 2:7, 2:6],
        free=[(None, None, None, 3), (None, None, None, 1)],
        differentiable=(True, False),
    )


def test_maps_that_are_too_small():
    with pytest.raises(tf.errors.InvalidArgumentError):
        CropLike(3)([tf.zeros((1, 6, 6, 1)), tf.zeros((1, 4, 4, 3))])
