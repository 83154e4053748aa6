import keras
import numpy as np
import pytest

from kcv.layers import LocallyConnected2D
from kcv.layers import PartiallySharedConv2D

RNG = np.random.default_rng(0)


def maps(*shape):
    return RNG.standard_normal(shape).astype("float32")


def convolve(x, layer, region):
    """Convolve place by place, as the definition reads."""
    kernel, bias = layer.kernel.numpy(), layer.bias.numpy()
    height, width = layer.kernel_size
    down, across = layer.strides
    _, rows, columns, _ = layer.compute_output_shape(x.shape)
    y = np.zeros((len(x), rows, columns, layer.filters))
    for i, j in np.ndindex(rows, columns):
        top, left = i * down, j * across
        window = x[:, top : top + height, left : left + width]
        place = (i // region[0], j // region[1])
        y[:, i, j] = np.tensordot(window, kernel[place], 3) + bias[place]
    return y


@pytest.mark.parametrize("strides", [1, 2, (2, 3)])
def test_local_connections_have_a_kernel_for_each_place(strides):
    x = maps(2, 9, 8, 3)
    layer = LocallyConnected2D(4, (3, 2), strides, bias_initializer="normal")
    found = layer(x)
    expected = convolve(x, layer, (1, 1))
    assert layer.kernel.shape == (*found.shape[1:3], 3, 2, 3, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("region", [2, 3, (2, 1), (9, 9)])
def test_regions_of_the_output_share_a_kernel(region):
    x = maps(2, 9, 7, 3)
    layer = PartiallySharedConv2D(4, 3, region, bias_initializer="normal")
    expected_regions = -(-7 // layer.region[0]), -(-5 // layer.region[1])
    found = layer(x)
    assert layer.kernel.shape[:2] == expected_regions
    expected = convolve(x, layer, layer.region)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_kernel_that_is_the_same_everywhere_is_that_of_a_convolution():
    x = maps(2, 11, 10, 3)
    convolution = keras.layers.Conv2D(4, 3, 2, bias_initializer="normal")
    expected = convolution(x)
    layer = LocallyConnected2D(4, 3, 2)
    layer.build(x.shape)
    for name in ("kernel", "bias"):
        shared = getattr(convolution, name)
        own = getattr(layer, name)
        own.assign(np.broadcast_to(shared, own.shape))
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_initializers_count_the_inputs_of_one_window():
    layer = LocallyConnected2D(16, 5, kernel_initializer="he_normal")
    layer.build((None, 12, 12, 8))
    assert np.std(layer.kernel) == pytest.approx((2 / 200) ** 0.5, rel=0.02)


@pytest.mark.parametrize("form", ["local", "shared"])
def test_contract(form, check_layer):
    if form == "local":
        layer = LocallyConnected2D(4, 3, 2, activation="tanh")
    else:
        layer = PartiallySharedConv2D(4, (2, 3), region=(2, 3))
    check_layer(layer, 0.1 * maps(2, 6, 7, 3))


def test_layers_without_a_bias():
    layer = LocallyConnected2D(4, 3, use_bias=False)
    layer.build((None, 5, 5, 2))
    assert layer.count_params() == 9 * 4 * 18


@pytest.mark.parametrize(
    ("argument", "value"),
    [("filters", 0), ("kernel_size", (3, 0)), ("region", 1.5), ("strides", -1)],
)
def test_numbers_are_positive_integers(argument, value):
    options = {"filters": 4, "kernel_size": 3} | {argument: value}
    with pytest.raises(ValueError, match=f"`{argument}` must be a positive"):
        PartiallySharedConv2D(**options)


@pytest.mark.parametrize("shape", [(None, None, 8, 3), (None, 8, 2, 3)])
def test_the_size_of_the_input_is_known_and_large_enough(shape):
    with pytest.raises(ValueError, match="The input must have a known height"):
        LocallyConnected2D(4, 3).build(shape)
