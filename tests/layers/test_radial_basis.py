import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import RadialBasis


def test_is_the_negative_squared_distance():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 6)).astype("float32")
    centers = rng.standard_normal((6, 3)).astype("float32")
    layer = RadialBasis(3)
    layer.build(x.shape)
    layer.kernel.assign(centers)
    expected = [[-np.sum((a - c) ** 2) for c in centers.T] for a in x]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5)


def test_gradient_points_at_the_centre():
    layer = RadialBasis(1, kernel_initializer="ones")
    x = tf.Variable([[0.0, 3.0]])
    with tf.GradientTape() as tape:
        y = layer(x)
    np.testing.assert_allclose(tape.gradient(y, x), [[2, -4]])


def test_fixed_centres_stay_through_fit_and_saving(tmp_path):
    features = keras.Input((5,))
    x = keras.layers.Dense(4)(features)
    model = keras.Model(features, RadialBasis(2, trainable=False)(x))
    before = model.layers[-1].get_weights()[0]
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 5)), np.zeros((2, 2)), verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.layers[-1].get_weights()[0], before)
    assert not again.layers[-1].trainable_weights


def test_distances_are_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = RadialBasis(1, kernel_initializer="zeros")
    finally:
        keras.config.set_dtype_policy("float32")
    y = layer(np.full((1, 3), 10.0))
    assert y.dtype == "float32"
    assert float(y[0, 0]) == -300  # 300 is beyond the digits of bfloat16


def test_contract(check_layer):
    features = np.random.default_rng(0).standard_normal((4, 6))
    check_layer(
        RadialBasis(3, kernel_initializer="ones"),
        features.astype("float32"),
        expected=-np.square(features - 1).sum(1, keepdims=True).repeat(3, 1),
        keeps_float32=True,
    )


def test_errors():
    with pytest.raises(ValueError, match="units=0"):
        RadialBasis(0)
