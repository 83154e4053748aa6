"""DeepFace's Siamese head."""

import keras
import numpy as np
import pytest

from kcv.faces.verification import SiameseHead


def test_head_is_a_logistic_function_of_differences(tmp_path):
    head = SiameseHead(3)
    assert head.count_params() == 4
    alpha, bias = np.array([[1.0], [-2.0], [0.5]]), np.array([0.3])
    head.set_weights([alpha, bias])
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((2, 5, 3)).astype("float32")
    expected = 1 / (1 + np.exp(-(np.abs(first - second) @ alpha + bias)))
    np.testing.assert_allclose(head([first, second]), expected, rtol=1e-5)
    np.testing.assert_allclose(head([second, first]), expected, rtol=1e-5)
    head.save(tmp_path / "head.keras")
    loaded = keras.saving.load_model(tmp_path / "head.keras")
    np.testing.assert_array_equal(
        loaded([first, second]), head([first, second])
    )


def test_head_learns_to_verify():
    rng = np.random.default_rng(0)
    same = rng.random(400) < 0.5
    first = rng.standard_normal((400, 4)).astype("float32")
    second = np.where(same[:, None], first, rng.standard_normal((400, 4)))
    second = (second + 0.2 * rng.standard_normal((400, 4))).astype("float32")
    keras.utils.set_random_seed(0)
    head = SiameseHead(4)
    head.compile(
        keras.optimizers.Adam(0.1), "binary_crossentropy", metrics=["accuracy"]
    )
    head.fit([first, second], same, epochs=8, verbose=0)
    loss, accuracy = head.evaluate([first, second], same, verbose=0)
    assert accuracy > 0.95


def test_dimensions_must_be_positive():
    with pytest.raises(ValueError, match="`dimensions` must be a positive"):
        SiameseHead(0)
