"""DeepID2's losses against golden values, and the pairs they are made of."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.faces.learning.identification import identification_losses
from kcv.faces.learning.verification import identification_verification
from kcv.faces.learning.verification import pair_distances
from kcv.faces.learning.verification import sample_pairs
from kcv.faces.learning.verification import verification_losses

CLOSE = {"rtol": 1e-9, "atol": 1e-12}
PAIRS = 10


@pytest.fixture(scope="module")
def stored(golden):
    return np.load(golden / "networks" / "deepid2_loss.npz")


def arguments(stored):
    features = np.concatenate([stored["f_i"], stored["f_j"]])
    labels = np.concatenate([stored["labels_i"], stored["labels_j"]])
    first = np.arange(PAIRS)
    return tf.constant(features), labels, first, first + PAIRS


def test_losses_and_gradients_are_the_golden_ones(stored):
    features, labels, first, second = arguments(stored)
    weight = tf.constant(stored["softmax_weight"])
    bias = tf.constant(stored["softmax_bias"])
    with tf.GradientTape() as tape:
        tape.watch([features, weight, bias])
        logits = features @ tf.transpose(weight) + bias
        losses = identification_verification(
            features,
            logits,
            labels,
            first,
            second,
            stored["margin"],
            float(stored["lam"]),
        )
        total = PAIRS * losses.loss
    gradients = tape.gradient(total, [features, weight, bias])
    np.testing.assert_allclose(total, stored["total_sum"], **CLOSE)
    ident = np.concatenate([stored["ident_i"], stored["ident_j"]])
    np.testing.assert_allclose(
        identification_losses(logits, labels), ident, **CLOSE
    )
    np.testing.assert_allclose(losses.identification, ident.mean(), **CLOSE)
    np.testing.assert_allclose(
        losses.verification, stored["verif"].mean(), **CLOSE
    )
    expected = [
        np.concatenate([stored["grad_f_i"], stored["grad_f_j"]]),
        stored["grad_softmax_weight"],
        stored["grad_softmax_bias"],
    ]
    for gradient, value in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(gradient, value, **CLOSE)


def test_verification_has_the_golden_gradient_even_at_distance_0(stored):
    features, labels, first, second = arguments(stored)
    with tf.GradientTape() as tape:
        tape.watch(features)
        distances, same = pair_distances(features, labels, first, second)
        losses = verification_losses(distances, same, stored["margin"])
        total = tf.reduce_sum(losses)
    gradient = tf.convert_to_tensor(tape.gradient(total, features))
    assert distances[9] == 0
    assert not same[9]
    np.testing.assert_array_equal(same, stored["same"].astype(bool))
    np.testing.assert_allclose(losses, stored["verif"], **CLOSE)
    np.testing.assert_allclose(
        gradient[:PAIRS], stored["verif_grad_f_i"], **CLOSE
    )
    np.testing.assert_array_equal(gradient[PAIRS:], -gradient[:PAIRS])


def test_partners_are_drawn_of_both_kinds_alike():
    labels = np.repeat([5, 6, 7, 8], [3, 3, 2, 1])
    seed = keras.random.SeedGenerator(0)
    counts = np.zeros((9, 9))
    for _ in range(400):
        first, second = sample_pairs(labels, seed)
        counts[first, second] += 1
    same = labels[:, None] == labels[None]
    np.fill_diagonal(same, False)
    assert not counts.diagonal().any()
    shares = (counts * same).sum(1) / 400
    assert (np.abs(shares[:8] - 0.5) < 0.1).all()
    assert shares[8] == 0  # no other photo of this person
    assert (counts[labels != 8][:, :8] + np.eye(8) > 0).all()


def test_a_batch_of_one_person_has_pairs_of_one_kind():
    _, second = sample_pairs([2, 2, 2])
    assert (second.numpy() != np.arange(3)).all()
    np.testing.assert_array_equal(sample_pairs([2]), [[0], [0]])


def test_features_of_half_precision_have_losses_of_float32():
    function = tf.function(
        lambda x, labels: identification_verification(
            x, x, labels, *sample_pairs(labels), 1.0
        ),
        input_signature=[
            tf.TensorSpec((None, 4), "bfloat16"),
            tf.TensorSpec((None,), "int32"),
        ],
    )
    for size in (2, 5):
        losses = function(tf.ones((size, 4), "bfloat16"), np.arange(size) % 4)
        assert losses.loss.dtype == "float32"
        # All scores and features are equal.
        np.testing.assert_allclose(losses.identification, np.log(4), rtol=1e-6)
        # Some pairs of the second batch show one person, at distance 0.
        assert 0.1 <= losses.verification <= 0.5
