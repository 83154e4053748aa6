"""Pooling with switches and its way back, against PyTorch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import MaxPoolWithSwitches
from kcv.layers import MaxUnpool

# Window, stride, padding; of two sizes of maps, odd ones among them.
WINDOWS = [(2, 2, "same"), (2, 2, "valid"), (3, 2, "same"), (3, 2, "valid")]
WINDOWS += [(3, 1, "same"), (2, 3, "valid"), (1, 1, "same"), (4, 3, "same")]
SIZES = [(8, 12), (7, 11), (45, 30)]


def maps(size, seed=0, channels=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, *size, channels)).astype("float32")


def oracle(x, size, step, padding):
    """Switches and unpooled maxima, window by window."""
    batch, height, width, channels = x.shape
    spare = 0 if padding == "same" else size - 1
    rows, columns = (-(-(side - spare) // step) for side in (height, width))
    before = [
        max((n - 1) * step + size - side, 0) // 2 if padding == "same" else 0
        for n, side in ((rows, height), (columns, width))
    ]
    pooled = np.full((batch, rows, columns, channels), -np.inf, "float32")
    switches = np.zeros(pooled.shape, int)
    back = np.zeros_like(x)
    for b, r, c, k in np.ndindex(pooled.shape):
        for number, (i, j) in enumerate(np.ndindex(size, size)):
            y, z = r * step + i - before[0], c * step + j - before[1]
            inside = 0 <= y < height and 0 <= z < width
            if inside and x[b, y, z, k] > pooled[b, r, c, k]:
                pooled[b, r, c, k] = x[b, y, z, k]
                switches[b, r, c, k] = number
                place = y, z
        back[b, *place, k] += pooled[b, r, c, k]
    return pooled, switches, back


@pytest.mark.parametrize(("size", "step", "padding"), WINDOWS)
@pytest.mark.parametrize("sides", SIZES[:2])
def test_they_equal_a_walk_over_the_windows(size, step, padding, sides):
    x = maps(sides)
    pool = MaxPoolWithSwitches(size, step, padding)
    unpool = MaxUnpool(size, step, padding)
    pooled, switches = pool(x)
    expected, places, back = oracle(x, size, step, padding)
    np.testing.assert_array_equal(pooled, expected)
    np.testing.assert_array_equal(switches, places)
    np.testing.assert_allclose(unpool([pooled, switches, x]), back, rtol=1e-6)
    shapes = pool.compute_output_shape(x.shape)
    assert shapes == (pooled.shape, switches.shape)
    assert unpool.compute_output_shape((*shapes, x.shape)) == x.shape


@pytest.mark.parametrize("sides", SIZES)
def test_they_equal_torch(sides):
    torch = pytest.importorskip("torch")
    x = maps(sides)
    theirs = torch.tensor(x.transpose(0, 3, 1, 2)).requires_grad_()
    functional = torch.nn.functional
    pooled, indices = functional.max_pool2d(
        theirs, 2, ceil_mode=True, return_indices=True
    )
    back = functional.max_unpool2d(3 * pooled, indices, 2, output_size=sides)
    weights = maps(sides, seed=1)
    (back * torch.tensor(weights.transpose(0, 3, 1, 2))).sum().backward()

    images = tf.Variable(x)
    with tf.GradientTape() as tape:
        ours, switches = MaxPoolWithSwitches()(images)
        unpooled = MaxUnpool()([3 * ours, switches, images])
        loss = tf.reduce_sum(unpooled * weights)
    gradient = tape.gradient(loss, images)
    for mine, other in (
        (ours, pooled),
        (unpooled, back),
        (gradient, theirs.grad),
    ):
        other = other.detach().numpy().transpose(0, 2, 3, 1)
        np.testing.assert_allclose(mine, other, rtol=1e-6)


@pytest.mark.parametrize(("size", "step", "padding"), WINDOWS)
def test_the_gradient_of_unpooling_is_its_adjoint(size, step, padding):
    """<U y, w> = <y, U' w>, U being linear once the switches are given."""
    x = maps(SIZES[1]).astype("float64")
    windows = {"pool_size": size, "strides": step, "padding": padding}
    pool = MaxPoolWithSwitches(**windows, dtype="float64")
    unpool = MaxUnpool(**windows, dtype="float64")
    pooled, switches = pool(x)
    rng = np.random.default_rng(1)
    y, w = (tf.constant(rng.normal(size=z.shape)) for z in (pooled, x))
    with tf.GradientTape() as tape:
        tape.watch(y)
        unpooled = unpool([y, switches, x])
    gradient = tape.gradient(unpooled, y, output_gradients=w)
    np.testing.assert_allclose(
        np.sum(unpooled * w), np.sum(y * gradient), rtol=1e-12
    )


@pytest.mark.parametrize("sides", SIZES)
def test_pooling_what_was_unpooled_gives_it_back(sides):
    x = maps(sides)
    pooled, switches = MaxPoolWithSwitches()(x)
    values = abs(maps(pooled.shape[1:3], seed=1))
    again, _ = MaxPoolWithSwitches()(MaxUnpool()([values, switches, x]))
    np.testing.assert_array_equal(again, values)
    # One value in every whole window.
    ones = MaxUnpool()([np.ones_like(values), switches, x])
    assert np.sum(ones) == values.size


def test_of_equal_maxima_the_first_counts():
    pooled, switches = MaxPoolWithSwitches(3)(np.zeros((1, 3, 3, 1)))
    assert (pooled[0, 0, 0, 0], switches[0, 0, 0, 0]) == (0, 0)


@pytest.mark.parametrize("sides", SIZES[:2])
def test_contract_of_pooling(sides, check_layer):
    pooled, switches, _ = oracle(maps(sides), 3, 2, "same")
    check_layer(
        MaxPoolWithSwitches(3, 2),
        maps(sides),
        expected=(pooled, switches),
        free=(None, None, None, 3),
    )


@pytest.mark.parametrize("sides", SIZES[:2])
def test_contract_of_unpooling(sides, check_layer):
    pooled, switches, back = oracle(maps(sides), 3, 2, "same")
    check_layer(
        MaxUnpool(3, 2),
        [pooled, switches.astype("uint8"), maps(sides)],
        expected=back,
        free=[(None, None, None, 3)] * 3,
        differentiable=(True, False, False),
    )


def test_mixed_precision():
    pool = MaxPoolWithSwitches(dtype="mixed_bfloat16")
    pooled, switches = pool(maps((6, 6)))
    assert (pooled.dtype, switches.dtype) == ("bfloat16", "uint8")


@pytest.mark.parametrize("layer", [MaxPoolWithSwitches, MaxUnpool])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pool_size": 0}, "pool_size=0"),
        ({"pool_size": 17}, "from 1 to 16"),
        ({"strides": 1.5}, "strides=1.5"),
        ({"padding": "SAME"}, "padding='SAME'"),
    ],
)
def test_no_windows(layer, options, message):
    with pytest.raises(ValueError, match=message):
        layer(**options)


def test_switches_of_another_pooling():
    x = keras.Input((8, 8, 3))
    pooled, _ = MaxPoolWithSwitches()(x)
    _, switches = MaxPoolWithSwitches(4)(x)
    with pytest.raises(ValueError, match="x and switches must have the same"):
        MaxUnpool()([pooled, switches, x])
