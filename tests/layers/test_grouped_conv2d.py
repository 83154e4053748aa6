import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import GroupedConv2D


def value_and_gradients(layer, x):
    with tf.GradientTape() as tape:
        variable = tf.Variable(x)
        y = layer(variable)
        loss = tf.reduce_sum(tf.sin(y))
    return y, tape.gradient(loss, [variable, *layer.trainable_variables])


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2])
def test_equals_the_convolutions_of_the_groups(groups, stride):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).standard_normal((2, 9, 7, 8)).astype("float32")
    options = {"padding": "same", "strides": stride, "activation": "relu"}
    layer = GroupedConv2D(12, 3, groups=groups, **options)
    y = layer(x)
    layer.bias.assign(np.linspace(-1, 1, 12))
    parts = []
    for inputs, kernel, bias in zip(
        np.split(x, groups, -1),
        np.split(layer.kernel.numpy(), groups, -1),
        np.split(layer.bias.numpy(), groups),
        strict=True,
    ):
        part = keras.layers.Conv2D(12 // groups, 3, **options)
        part.build(inputs.shape)
        part.set_weights([kernel, bias])
        parts.append(part(inputs))
    y, gradients = value_and_gradients(layer, x)
    np.testing.assert_allclose(y, np.concatenate(parts, -1), atol=1e-6)

    # Values and gradients of TensorFlow's own kernel for groups.
    single = keras.layers.Conv2D(12, 3, groups=groups, **options)
    single.build(x.shape)
    single.set_weights(layer.get_weights())
    expected, expected_gradients = value_and_gradients(single, x)
    np.testing.assert_allclose(y, expected, atol=1e-6)
    for ours, theirs in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_contract(check_layer):
    layer = GroupedConv2D(4, 3, groups=2, padding="same")
    maps = np.random.default_rng(0).standard_normal((2, 5, 6, 6))
    check_layer(layer, maps.astype("float32"), free=(None, None, None, 6))
    assert layer.count_params() == 3 * 3 * 3 * 4 + 4


@pytest.mark.parametrize(("filters", "channels"), [(5, 6), (4, 5)])
def test_what_groups_do_not_divide_is_refused(filters, channels):
    with pytest.raises(ValueError, match="groups"):
        GroupedConv2D(filters, 3)(np.zeros((1, 5, 5, channels)))
