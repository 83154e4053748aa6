import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import IdentityShortcut


def test_subsamples_and_appends_zeros():
    x = np.arange(2 * 5 * 4 * 3, dtype="float32").reshape(2, 5, 4, 3)
    y = IdentityShortcut(7, stride=2)(x).numpy()
    assert y.shape == (2, 3, 2, 7)
    np.testing.assert_array_equal(y[..., :3], x[:, ::2, ::2])
    assert not y[..., 3:].any()


def test_gradient_goes_where_the_values_came_from():
    layer = IdentityShortcut(4, stride=2)
    x = tf.Variable(tf.ones((1, 3, 4, 2)))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(3 * layer(x))
    expected = np.zeros((1, 3, 4, 2))
    expected[:, ::2, ::2] = 3
    np.testing.assert_array_equal(tape.gradient(loss, x), expected)


def test_contract(check_layer):
    maps = np.random.default_rng(0).standard_normal((2, 6, 9, 2))
    expected = np.pad(maps[:, ::2, ::2], [(0, 0)] * 3 + [(0, 2)])
    check_layer(
        IdentityShortcut(4, stride=2),
        maps.astype("float32"),
        expected=expected,
        free=(None, None, None, 2),
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0,), "filters=0"), ((4, 0), "stride=0"), ((2,), "input, 3.*filters=2")],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        IdentityShortcut(*arguments)(np.zeros((1, 4, 4, 3)))
