"""Interpolation, against PyTorch and by hand."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import Interpolation2D

X = np.random.default_rng(0).normal(size=(2, 5, 7, 3)).astype("float32")


@pytest.mark.parametrize("factor", [1, 2, 3, 8])
@pytest.mark.parametrize("align_corners", [False, True])
def test_bilinear_equals_torch(factor, align_corners):
    torch = pytest.importorskip("torch")
    expected = torch.nn.functional.interpolate(
        torch.tensor(X.transpose(0, 3, 1, 2)),
        scale_factor=factor,
        mode="bilinear",
        align_corners=align_corners,
    )
    found = Interpolation2D(factor, align_corners=align_corners)(X)
    expected = expected.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_nearest_repeats(factor):
    found = Interpolation2D(factor, "nearest")(X)
    expected = X.repeat(factor, 1).repeat(factor, 2)
    np.testing.assert_array_equal(found, expected)


def test_the_two_conventions_by_hand():
    row = np.reshape([0.0, 3.0], (1, 1, 2, 1)).astype("float32")
    squares = Interpolation2D(2)(row)[0, 0, :, 0]
    points = Interpolation2D(2, align_corners=True)(row)[0, 0, :, 0]
    np.testing.assert_allclose(squares, [0, 0.75, 2.25, 3])
    np.testing.assert_allclose(points, [0, 1, 2, 3])


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_gradients_are_the_adjoint(method):
    layer = Interpolation2D(3, method)
    x = tf.Variable(X)
    y = np.random.default_rng(1).normal(size=(2, 15, 21, 3)).astype("float32")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) * y)
    gradient = tape.gradient(loss, x)
    # Linear: <Lx, y> = <x, L*y>.
    np.testing.assert_allclose(np.sum(gradient * X), loss, rtol=1e-4)


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_contract(method, check_layer):
    check_layer(
        Interpolation2D(2, method),
        X,
        free=(None, None, None, 3),
        gradient_dtype="float32",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor": 1.5}, "factor=1.5"),
        ({"factor": 2, "method": "cubic"}, "cubic"),
    ],
)
def test_no_interpolation(options, message):
    with pytest.raises(ValueError, match=message):
        Interpolation2D(**options)
