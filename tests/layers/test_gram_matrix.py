import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import GramMatrix


@pytest.fixture
def features():
    return np.random.default_rng(0).standard_normal((2, 4, 5, 6))


@pytest.mark.parametrize(
    ("normalization", "divisor"), [(None, 1), ("hw", 20), ("chw", 120)]
)
def test_it_sums_products_of_channels(features, normalization, divisor):
    expected = np.einsum("bhwi,bhwj->bij", features, features) / divisor
    found = GramMatrix(normalization)(tf.constant(features))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_it_is_symmetric_and_positive_semidefinite(features):
    gram = GramMatrix("hw")(tf.constant(features)).numpy()
    np.testing.assert_allclose(gram, gram.transpose(0, 2, 1), rtol=1e-12)
    assert np.linalg.eigvalsh(gram).min() > -1e-12


def test_positions_may_change_places(features):
    places = np.random.default_rng(1).permutation(20)
    shuffled = features.reshape(2, 20, 6)[:, places].reshape(features.shape)
    layer = GramMatrix()
    np.testing.assert_allclose(
        layer(tf.constant(shuffled)), layer(tf.constant(features)), rtol=1e-12
    )


def test_images_of_a_batch_do_not_meet(features):
    layer = GramMatrix("chw")
    both = layer(tf.constant(features))
    for number in range(2):
        alone = layer(tf.constant(features[number : number + 1]))
        np.testing.assert_allclose(both[number], alone[0], rtol=1e-12)


def test_half_precision_does_not_overflow():
    x = tf.fill((1, 64, 64, 1), tf.constant(100.0, tf.float16))
    gram = GramMatrix(dtype="float16")(x)
    assert gram.dtype == tf.float32
    assert float(gram[0, 0, 0]) == 64 * 64 * 100.0**2


def test_contract(features, check_layer):
    check_layer(
        GramMatrix("hw"),
        features.astype("float32"),
        expected=np.einsum("bhwi,bhwj->bij", features, features) / 20,
        free=(None, None, None, 6),
        keeps_float32=True,
    )


def test_an_unknown_normalization_is_named():
    with pytest.raises(ValueError, match="normalization='n'"):
        GramMatrix("n")
