import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import UnitVector
from kcv.layers import unit_vectors

VECTORS = np.random.default_rng(0).standard_normal((4, 3, 7)).astype("float32")


def test_contract(check_layer):
    expected = VECTORS / np.linalg.norm(VECTORS, axis=-1, keepdims=True)
    check_layer(
        UnitVector(),
        VECTORS,
        expected=expected,
        free=(None, None, 7),
        keeps_float32=True,
    )


@pytest.mark.parametrize("scale", [1e-44, 1e-30, 1.0, 1e30, 1e38])
def test_the_length_is_one_at_any_scale(scale):
    x = np.float32(scale) * np.clip(VECTORS, -2, 2)
    lengths = np.linalg.norm(np.float64(unit_vectors(x)), axis=-1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)


def test_zeros_become_equal_components_without_a_gradient():
    x = tf.constant([[0.0, 0.0, 0.0, 0.0], [3.0, 0.0, 0.0, 4.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = unit_vectors(x)
        total = tf.reduce_sum(y * [1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(y, [[0.5] * 4, [0.6, 0, 0, 0.8]], atol=1e-6)
    gradient = tape.gradient(total, x).numpy()
    assert not gradient[0].any()
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_gives_float32(dtype):
    x = tf.cast(VECTORS, dtype)
    lengths = np.linalg.norm(np.float64(UnitVector(dtype=dtype)(x)), axis=-1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)
