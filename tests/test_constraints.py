import keras
import numpy as np
import pytest

from kcv.constraints import MaxFilterRMS


def rms(kernel):
    return np.sqrt(np.mean(np.square(kernel), axis=(0, 1, 2)))


def test_only_filters_beyond_the_limit_are_rescaled():
    kernel = np.random.default_rng(0).standard_normal((3, 3, 4, 5))
    kernel = (kernel / rms(kernel) * [0.02, 0.09, 0.1, 0.3, 7]).astype(
        "float32"
    )
    after = np.asarray(MaxFilterRMS(0.1)(kernel))
    np.testing.assert_allclose(
        rms(after), [0.02, 0.09, 0.1, 0.1, 0.1], rtol=1e-5
    )
    np.testing.assert_array_equal(after[..., :2], kernel[..., :2])
    # The direction stays.
    np.testing.assert_allclose(
        after[..., 4] / kernel[..., 4], 0.1 / 7, rtol=1e-4
    )


def test_a_filter_of_zeros_stays():
    zeros = np.zeros((3, 3, 1, 2), "float32")
    np.testing.assert_array_equal(MaxFilterRMS()(zeros), zeros)


def test_holds_through_fit_and_saving(tmp_path):
    layer = keras.layers.Conv2D(4, 3, kernel_constraint=MaxFilterRMS(0.05))
    model = keras.Sequential([keras.Input((5, 5, 2)), layer])
    model.compile(keras.optimizers.SGD(10.0), "mse")
    model.fit(np.ones((2, 5, 5, 2)), np.ones((2, 3, 3, 4)), verbose=0)
    np.testing.assert_allclose(rms(layer.get_weights()[0]), 0.05, rtol=1e-5)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.layers[0].kernel_constraint.limit == 0.05


def test_errors():
    with pytest.raises(ValueError, match="limit=0"):
        MaxFilterRMS(0)
