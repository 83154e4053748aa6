import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import SparseConv2D

TABLE = [(0, 2), (1,), (0, 1, 2)]


def test_equals_a_sum_over_the_chosen_channels():
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).standard_normal((2, 7, 6, 3)).astype("float32")
    layer = SparseConv2D(TABLE, 3)
    layer.build(x.shape)
    layer.bias.assign([1, 2, 3])
    kernel = layer.kernel.numpy()
    expected = np.zeros((2, 5, 4, 3)) + [1, 2, 3]
    connection = 0
    for f, row in enumerate(TABLE):
        for channel in row:
            for i, j in np.ndindex(3, 3):
                window = x[:, i : i + 5, j : j + 4, channel]
                expected[..., f] += window * kernel[i, j, connection]
            connection += 1
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)


def test_gradient_is_that_of_differences():
    layer = SparseConv2D(TABLE, 2)
    x = np.random.default_rng(0).standard_normal((1, 4, 4, 3)).astype("float32")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 2)
    gradient = tape.gradient(loss, layer.kernel.value).numpy()
    kernel = layer.kernel.numpy()
    for index in np.ndindex(*kernel.shape):
        losses = []
        for step in (0.1, -0.1):  # exact for a quadratic
            nudged = kernel.copy()
            nudged[index] += step
            layer.kernel.assign(nudged)
            losses.append(float(tf.reduce_sum(layer(x) ** 2)))
        difference = (losses[0] - losses[1]) / 0.2
        assert gradient[index] == pytest.approx(difference, rel=1e-3, abs=1e-3)


def test_contract(check_layer):
    layer = SparseConv2D(TABLE, 5)
    maps = np.random.default_rng(0).standard_normal((2, 7, 9, 3))
    check_layer(layer, maps.astype("float32"), free=(None, None, None, 3))
    assert layer.count_params() == 5 * 5 * 6 + 3


@pytest.mark.parametrize(
    ("table", "size", "message"),
    [
        ([], 3, r"table=\[\]"),
        ([(0,), ()], 3, r"table=\[\(0,\), \(\)\]"),
        ([(3,)], 3, r"0 to 2. Received: table=\[\[3\]\]"),
        ([(0,)], 0, "kernel_size=0"),
    ],
)
def test_errors(table, size, message):
    with pytest.raises(ValueError, match=message):
        SparseConv2D(table, size)(np.zeros((1, 4, 4, 3)))
