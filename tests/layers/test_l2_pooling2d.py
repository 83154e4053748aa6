import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import L2Pooling2D

MAPS = np.random.default_rng(0).standard_normal((2, 7, 8, 3)).astype("float32")


def pool_by_loops(x, size, stride, margins):
    x = np.pad(x, [(0, 0), margins, margins, (0, 0)])
    rows, columns = ((n - size) // stride + 1 for n in x.shape[1:3])
    y = np.zeros((len(x), rows, columns, x.shape[-1]))
    for i, j in np.ndindex(rows, columns):
        top, left = i * stride, j * stride
        window = x[:, top : top + size, left : left + size]
        y[:, i, j] = np.sqrt(np.square(window).sum((1, 2)))
    return y


@pytest.mark.parametrize(
    ("size", "stride", "padding", "margins"),
    [
        (3, 1, "same", (1, 1)),
        (3, 2, "same", (1, 1)),
        (3, 3, "valid", (0, 0)),
        (2, 1, "same", (0, 1)),
    ],
)
def test_contract(size, stride, padding, margins, check_layer):
    layer = L2Pooling2D(size, stride, padding)
    expected = pool_by_loops(MAPS, size, stride, margins)
    check_layer(layer, MAPS, expected=expected, free=(None, None, None, 3))


def test_the_gradient_of_zeros_is_zero():
    x = tf.zeros((1, 4, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(L2Pooling2D()(x))
    assert not tape.gradient(y, x).numpy().any()


def test_half_precision_does_not_overflow():
    layer = L2Pooling2D(dtype="float16")
    y = layer(np.full((1, 3, 3, 1), 1000, "float16"))
    assert y.numpy()[0, 1, 1, 0] == 3000


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("pool_size", 0),
        ("strides", 1.5),
        ("padding", "full"),
        ("epsilon", 0),
        ("epsilon", float("nan")),
    ],
)
def test_arguments_are_checked(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` must be"):
        L2Pooling2D(**{argument: value})
