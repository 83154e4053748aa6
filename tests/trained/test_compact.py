"""Small `.keras` files: what is rounded, and what Keras makes of them."""

import io
import zipfile

import keras
import numpy as np
import pytest

from kcv.trained.compact import round_digits
from kcv.trained.compact import shrink


@pytest.mark.parametrize("digits", [1, 3, 10])
def test_values_are_rounded_to_the_nearest(digits):
    values = np.random.default_rng(0).standard_normal(200)
    # All numbers with so many digits, between 2^-12 and 2^3.
    steps = 1 + np.arange(2**digits) / 2**digits
    grid = np.outer(2.0 ** np.arange(-12, 4), steps).ravel()
    grid = np.concatenate([-grid[::-1], [0], grid])
    nearest = grid[np.abs(values[:, np.newaxis] - grid).argmin(1)]
    np.testing.assert_array_equal(round_digits(values, digits), nearest)


def test_small_values_and_zero_stay_small():
    rounded = round_digits(np.array([0.0, 1e-7, -1e-9]), 3)
    np.testing.assert_allclose(rounded, [0.0, 1e-7, 0.0], atol=3e-8)


@pytest.mark.parametrize("value", [7e4, np.inf, np.nan])
def test_values_that_do_not_fit_are_refused(value):
    with pytest.raises(ValueError, match="must be finite and fit"):
        round_digits(np.array([1.0, value]), 3)


@pytest.mark.parametrize("digits", [0, 11])
def test_digits_are_those_of_float16(digits):
    with pytest.raises(ValueError, match=r"`digits` must be in \[1, 10\]"):
        round_digits(np.ones(1), digits)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model with the state of its optimizer, and its file."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, dtype="mixed_bfloat16"),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(2, bias_initializer="glorot_uniform"),
        ]
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    file = tmp_path_factory.mktemp("trained") / "model.keras"
    model.save(file)
    return model, file.read_bytes()


@pytest.mark.parametrize("digits", [None, 3])
def test_keras_loads_the_rounded_values(trained, digits, tmp_path):
    model, content = trained
    file = tmp_path / "small.keras"
    file.write_bytes(shrink(content, digits, {"note": "text"}))
    loaded = keras.saving.load_model(file)
    assert not loaded.compiled
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    assert {weight.dtype for weight in loaded.weights} == {"float32"}
    for old, new in zip(model.get_weights(), loaded.get_weights(), strict=True):
        if digits is not None and old.ndim > 1:
            old = round_digits(old, digits)
        np.testing.assert_array_equal(new, old.astype("float32"))


def test_the_file_is_smaller_and_always_the_same(trained):
    _, content = trained
    small = shrink(content, 3, {})
    assert small == shrink(content, 3, {})
    assert len(small) < len(shrink(content, None, {})) < len(content)
    with zipfile.ZipFile(io.BytesIO(small)) as archive:
        assert len(archive.namelist()) == 3
