"""The margin that DeepID2 estimates from recent pairs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.faces.learning.verification_margin import VerificationMargin
from kcv.faces.learning.verification_margin import best_threshold


def accuracy(distances, same, threshold):
    return ((distances < threshold) == same).mean()


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_is_better(seed):
    rng = np.random.default_rng(seed)
    same = rng.random(60) < 0.5
    # Some distances are equal.
    distances = np.round(rng.normal(np.where(same, 1.0, 2.0), 0.6), 1) + 3
    distances = distances.astype("float32")
    found = float(best_threshold(distances, same))
    candidates = np.unique(distances)
    middles = (candidates[1:] + candidates[:-1]) / 2
    accuracies = [accuracy(distances, same, m) for m in middles]
    assert found == pytest.approx(middles[np.argmax(accuracies)], rel=1e-6)


def test_estimate_follows_after_every_so_many_pairs():
    margin = VerificationMargin(every=4, initial=9.0)
    update = tf.function(margin.update_state)

    def after(distances, same):
        update(tf.constant(distances), tf.constant(same))
        return float(margin.result())

    assert after([1.0, 3.0], [True, False]) == 9
    assert after([1.0, 3.0], [True, False]) == 2
    assert after([5.0, 7.0], [True, False]) == 2
    # Only the last four pairs count: 5 and 5 against 7 and 11.
    assert after([5.0, 11.0], [True, False]) == 6
    margin.reset_state()
    assert float(margin.result()) == 6


def test_first_pairs_set_a_margin_that_is_not_given():
    margin = VerificationMargin(every=100)
    assert float(margin.result()) == 0
    margin.update_state([1.0, 4.0], [True, False])
    assert float(margin.result()) == 2.5
    margin.update_state([10.0, 20.0], [True, False])
    assert float(margin.result()) == 2.5


def test_more_pairs_than_are_kept_leave_the_last_ones():
    margin = VerificationMargin(every=2)
    margin.update_state([1.0, 1.0, 6.0, 8.0], [True, False, True, False])
    assert float(margin.result()) == 7


def test_a_saved_model_keeps_the_margin_as_no_weight(tmp_path):
    def build():
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.verification_margin = VerificationMargin(every=3)
        return model

    model = build()
    model.verification_margin.update_state([1.0, 2.0], [True, False])
    assert model.count_params() == 3
    model.save_weights(tmp_path / "x.weights.h5")
    other = build()
    other.load_weights(tmp_path / "x.weights.h5")
    assert float(other.verification_margin.result()) == 1.5
    config = model.verification_margin.get_config()
    assert VerificationMargin.from_config(config).every == 3


@pytest.mark.parametrize("argument", ["every", "initial"])
def test_numbers_out_of_range_are_refused(argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be"):
        VerificationMargin(**{argument: -1})
