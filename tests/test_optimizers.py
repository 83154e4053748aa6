import keras
import numpy as np
import pytest

from kcv.optimizers import CaffeSGD


def test_caffe_sgd_follows_the_solver():
    dense = keras.layers.Dense(2)
    dense.build((None, 3))
    optimizer = CaffeSGD(0.1, momentum=0.9, l2=0.01, bias_lr_mult=2.0)
    rng = np.random.default_rng(0)
    dense.set_weights([rng.normal(size=(3, 2)), rng.normal(size=2)])
    expected = dense.get_weights()
    velocity = [np.zeros_like(w) for w in expected]
    for _ in range(3):
        gradients = [rng.normal(size=w.shape) for w in expected]
        optimizer.apply(
            [keras.ops.cast(g, "float32") for g in gradients],
            dense.trainable_variables,
        )
        for i, (gradient, lr_mult) in enumerate(
            zip(gradients, (1.0, 2.0), strict=True)
        ):
            decayed = gradient + 0.01 * expected[i]
            velocity[i] = 0.9 * velocity[i] - 0.1 * lr_mult * decayed
            expected[i] = expected[i] + velocity[i]
    for weight, value in zip(dense.get_weights(), expected, strict=True):
        np.testing.assert_allclose(weight, value, rtol=1e-5)


def test_normalisation_does_not_decay():
    layer = keras.layers.BatchNormalization()
    layer.build((None, 4))
    layer.gamma.assign(np.full(4, 3.0))
    optimizer = CaffeSGD(0.1, l2=0.5)
    zeros = [np.zeros(4, "float32")] * 2
    optimizer.apply(zeros, layer.trainable_variables)
    np.testing.assert_array_equal(layer.gamma, np.full(4, 3.0))


@pytest.mark.parametrize("apply", ["apply", "fit"])
def test_a_new_layer_learns_ten_times_as_fast_and_its_bias_twenty(apply):
    images = keras.Input((2,))
    x = keras.layers.Dense(2, kernel_initializer="ones", name="fc7")(images)
    x = keras.layers.Dense(2, kernel_initializer="ones", name="fc8")(x)
    model = keras.Model(images, x)
    optimizer = CaffeSGD(0.01, l2=0.0, layer_lr_mults={"fc8": 10.0})
    before = model.get_weights()
    if apply == "apply":
        ones = [keras.ops.ones_like(v) for v in model.trainable_variables]
        optimizer.apply(ones, model.trainable_variables)
        gradients = [np.ones_like(w) for w in before]
    else:
        # The mean of (y - 0)^2 over two outputs, each y of x = (1, 1) being 4.
        model.compile(optimizer, loss="mse")
        model.fit(np.ones((1, 2)), np.zeros((1, 2)), verbose=0)
        gradients = [np.full((2, 2), 8), np.full(2, 8)]
        gradients += [np.full((2, 2), 8), np.full(2, 4)]
    for weight, start, gradient, lr_mult in zip(
        model.get_weights(), before, gradients, (1, 2, 10, 20), strict=True
    ):
        np.testing.assert_allclose(
            weight, start - 0.01 * lr_mult * gradient, rtol=1e-5, atol=1e-6
        )


def test_config_round_trip():
    optimizer = CaffeSGD(
        0.1,
        l2=0.02,
        bias_lr_mult=3.0,
        bias_decay_mult=0.0,
        layer_lr_mults={"fc8": 10.0},
    )
    again = CaffeSGD.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
    assert again.l2 == 0.02
    assert again.bias_decay_mult == 0.0
