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


def test_an_image_of_any_size():
    layer = CropLike(1)

    @tf.function(
        input_signature=[tf.TensorSpec((None, None, None, 2), tf.float32)] * 2
    )
    def cut(maps, images):
        return layer([maps, images])

    assert cut(tf.zeros((1, 9, 9, 2)), tf.zeros((1, 6, 7, 2))).shape == (
        1,
        6,
        7,
        2,
    )


def test_maps_that_are_too_small():
    with pytest.raises(tf.errors.InvalidArgumentError):
        CropLike(3)([tf.zeros((1, 6, 6, 1)), tf.zeros((1, 4, 4, 3))])
