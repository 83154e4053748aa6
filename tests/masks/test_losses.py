import numpy as np
import pytest
import tensorflow as tf

from kcv.masks import patch_losses
from kcv.masks import total_loss


@pytest.fixture(scope="module")
def stored(golden):
    return np.load(golden / "networks" / "deepmask_loss.npz")


@pytest.fixture(scope="module")
def y(stored):
    return (stored["mask"] > 0).astype("uint8"), (stored["y"] > 0) * 1


def test_terms_equal_the_golden_values(stored, y):
    found = patch_losses(stored["mask_logits"], stored["score_logits"], *y)
    np.testing.assert_allclose(found.score, stored["score_term_each"], 1e-9)
    is_object = stored["y"] > 0
    np.testing.assert_allclose(
        found.mask, stored["mask_term_each"] * is_object, 1e-9
    )


def test_the_sum_and_its_gradients_equal_the_golden_values(stored, y):
    masks = tf.Variable(stored["mask_logits"])
    scores = tf.Variable(stored["score_logits"])
    with tf.GradientTape() as tape:
        loss = total_loss(patch_losses(masks, scores, *y), 1 / 32)
    of_masks, of_scores = tape.gradient(loss, [masks, scores])
    np.testing.assert_allclose(loss, stored["loss_sum"], 1e-9)
    np.testing.assert_allclose(of_masks, stored["grad_mask_logits"], 1e-9)
    np.testing.assert_allclose(of_scores, stored["grad_score_logits"], 1e-9)


def test_one_over_the_number_of_scores_is_the_weight_of_the_code():
    """Of 32 scores it is the paper's 1/32."""
    random = np.random.default_rng(0)
    masks = random.integers(0, 2, (32, 4, 4))
    labels = random.integers(0, 2, 32)
    losses = patch_losses(
        random.standard_normal((32, 4, 4)),
        random.standard_normal(32),
        masks,
        labels,
    )
    paper, code = total_loss(losses, 1 / 32), total_loss(losses, None)
    np.testing.assert_allclose(paper, code, 1e-12)


def test_what_is_void_is_not_learned_from():
    logits = tf.Variable(np.ones((3, 2, 2)))
    scores = tf.Variable(np.ones(3))
    masks = np.array([[[1, 255], [0, 255]], [[255] * 2] * 2, [[1, 1], [0, 0]]])
    labels = np.array([1, 1, -1])
    with tf.GradientTape() as tape:
        losses = patch_losses(logits, scores, masks, labels)
        loss = total_loss(losses, 0.5)
    of_masks, of_scores = tape.gradient(loss, [logits, scores])
    assert losses.has_mask.numpy().tolist() == [True, False, True]
    assert losses.has_score.numpy().tolist() == [True, True, False]
    assert (of_masks.numpy()[0] != 0).tolist() == [[True, False]] * 2
    assert not of_masks.numpy()[1].any()
    assert of_scores.numpy()[2] == 0
    # log(1 + e^-1) and log(1 + e), over the two pixels that are known.
    expected = (np.log1p(np.exp(-1)) + np.log1p(np.e)) / 2
    np.testing.assert_allclose(losses.mask[0], expected)
