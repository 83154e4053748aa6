import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.optimizers import CaffeSGD
from kcv.optimizers import Muon


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


def test_normalization_decays_where_it_is_told_to():
    """SegNet-Basic's and DeconvNet's prototxt files."""
    layer = keras.layers.BatchNormalization()
    layer.build((None, 1))
    layer.gamma.assign([3.0])
    layer.beta.assign([2.0])
    optimizer = CaffeSGD(0.1, l2=0.5, gamma_decay_mult=1.0, beta_decay_mult=0.5)
    optimizer.apply([np.zeros(1, "float32")] * 2, layer.trainable_variables)
    np.testing.assert_allclose(layer.gamma, [3 - 0.1 * 0.5 * 3])
    np.testing.assert_allclose(layer.beta, [2 - 0.1 * 0.25 * 2])


def test_a_layer_has_multipliers_of_its_bias():
    """FCN-AlexNet's prototxt: 2 and 0 for score_fr, 1 and 1 for all others."""
    layers = [keras.layers.Dense(1, name=name) for name in ("fc7", "score_fr")]
    for layer in layers:
        layer.build((None, 1))
        layer.bias.assign([1.0])
    optimizer = CaffeSGD(
        0.1, l2=0.5, bias_lr_mult=1.0, layer_bias_mults={"score_fr": (2.0, 0.0)}
    )
    biases = [layer.bias for layer in layers]
    optimizer.apply([np.ones(1, "float32")] * 2, biases)
    np.testing.assert_allclose(layers[0].bias, [1 - 0.1 * 1.5], rtol=1e-6)
    np.testing.assert_allclose(layers[1].bias, [1 - 0.1 * 2], rtol=1e-6)


def test_copies_on_other_devices_learn_as_the_first():
    """A variable of replica 1 ends in "replica_1"."""
    optimizer = CaffeSGD(
        momentum=0.0, l2=0.0, layer_bias_mults={"score_fr": (3.0, 0.0)}
    )
    for name in ("score_fr/bias", "score_fr/bias/replica_1"):
        bias = tf.Variable([5.0], name=name)
        optimizer.update_step(tf.constant([1.0]), bias, 0.5)
        np.testing.assert_allclose(bias, [5 - 0.5 * 3])


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
        layer_bias_mults={"fc8": (2.0, 0.0)},
        gamma_decay_mult=1.0,
        beta_decay_mult=0.5,
    )
    again = CaffeSGD.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
    assert again.l2 == 0.02
    assert again.bias_decay_mult == 0.0


def one_step(optimizer, gradient, path="kernel"):
    variable = keras.Variable(np.zeros(gradient.shape, "float32"), name=path)
    optimizer.apply([keras.ops.cast(gradient, "float32")], [variable])
    return -variable.numpy()


@pytest.mark.parametrize("shape", [(3, 3, 8, 16), (1, 1, 40, 8), (12, 30)])
def test_muon_makes_orthogonal_steps(shape):
    gradient = np.random.default_rng(0).normal(size=shape)
    gradient *= np.geomspace(0.1, 10, shape[-1])
    step = one_step(Muon(0.5, weight_decay=None), gradient)
    matrix = step.reshape(-1, shape[-1])
    scale = 0.5 * 0.2 * np.sqrt(max(matrix.shape))
    values = np.linalg.svd(matrix / scale, compute_uv=False)
    assert values.min() > 0.6
    assert values.max() < 1.3
    # The size of a step of Adam: its root mean square is 0.2 of the rate.
    assert np.sqrt(np.mean(step**2)) == pytest.approx(0.1, rel=0.2)
    # And it goes down.
    assert (step * gradient).sum() > 0


def test_muon_treats_a_convolution_as_a_dense_layer_of_patches():
    gradient = np.random.default_rng(1).normal(size=(3, 3, 4, 6))
    found = one_step(Muon(0.5), gradient)
    dense = one_step(keras.optimizers.Muon(0.5), gradient.reshape(36, 6))
    np.testing.assert_allclose(found.reshape(36, 6), dense, rtol=1e-4)


def test_muon_leaves_the_rest_to_adamw():
    rng = np.random.default_rng(2)
    for shape, path in (((7,), "bias"), ((2, 2, 3, 4), "score_fr")):
        gradient = rng.normal(size=shape)
        optimizer = Muon(0.5, exclude_layers=["score"])
        found = one_step(optimizer, gradient, path)
        np.testing.assert_allclose(found, 0.5 * np.sign(gradient), rtol=1e-4)


def test_muon_is_saved_with_its_model(tmp_path):
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]
    )
    model.compile(Muon(1e-3, exclude_layers=["score"]), "mse")
    model.fit(np.zeros((2, 8, 8, 3)), np.zeros((2, 6, 6, 4)), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras").optimizer
    assert isinstance(again, Muon)
    assert again.exclude_layers == ["score"]
    assert int(again.iterations) == 1
