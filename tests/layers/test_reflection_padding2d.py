import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import ReflectionPadding2D


@pytest.mark.parametrize("sides", [(8, 9), (11, 14)])
@pytest.mark.parametrize(
    ("padding", "multiple"), [(0, 1), (3, 1), (4, 4), (0, 4)]
)
def test_it_equals_numpys(sides, padding, multiple):
    x = np.random.default_rng(0).standard_normal((2, *sides, 3))
    margins = [(padding, padding + -side % multiple) for side in sides]
    expected = np.pad(x, [(0, 0), *margins, (0, 0)], mode="reflect")
    layer = ReflectionPadding2D(padding, multiple)
    np.testing.assert_array_equal(layer(tf.constant(x)), expected)
    assert layer.compute_output_shape(x.shape) == expected.shape


def test_the_gradient_comes_back_to_each_pixel_as_often_as_it_is_seen():
    x = tf.Variable(np.arange(4.0).reshape(1, 1, 4, 1).repeat(2, 1))
    layer = ReflectionPadding2D(1)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(x))
    times = [[2, 4, 4, 2]] * 2  # rows, too, are seen twice
    np.testing.assert_array_equal(
        tape.gradient(total, x)[0, :, :, 0], np.array(times)
    )


def test_an_image_that_is_too_small_is_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError, match="40 pixels"):
        ReflectionPadding2D(40)(tf.zeros((1, 40, 64, 3)))


@pytest.mark.parametrize("options", [{"padding": -1}, {"multiple": 0}])
def test_options_that_make_no_sense(options):
    with pytest.raises(ValueError, match="Received"):
        ReflectionPadding2D(**options)


def test_contract(check_layer):
    maps = np.random.default_rng(0).standard_normal((2, 6, 7, 3))
    margins = [(0, 0), (2, 4), (2, 3), (0, 0)]
    check_layer(
        ReflectionPadding2D(2, 4),
        maps.astype("float32"),
        expected=np.pad(maps, margins, mode="reflect"),
        free=(None, None, None, 3),
    )
