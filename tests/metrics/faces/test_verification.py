"""The protocol of LFW against golden values and cases with a known answer."""

import numpy as np
import pytest

from kcv.metrics import accuracy_threshold
from kcv.metrics import far_threshold
from kcv.metrics import lfw_accuracy
from kcv.metrics import validation_rate
from kcv.metrics import verification_roc

CLOSE = {"rtol": 1e-9, "atol": 1e-12}


@pytest.fixture(scope="module")
def stored(golden):
    return np.load(golden / "networks" / "lfw_protocol.npz")


@pytest.fixture(scope="module")
def pairs(stored):
    return stored["distances"], stored["same"], stored["fold"]


@pytest.mark.parametrize(
    ("thresholds", "case"), [("exact", "exact"), ("grid", "grid_0.01")]
)
def test_accuracy_is_the_golden_one(stored, pairs, thresholds, case):
    result = lfw_accuracy(*pairs, thresholds)
    names = {
        "mean": "mean",
        "standard_error": "standard_error",
        "fold_accuracies": "fold_accuracy",
        "thresholds": "thresholds",
    }
    for field, key in names.items():
        np.testing.assert_allclose(
            getattr(result, field), stored[f"{case}_{key}"], **CLOSE
        )
    np.testing.assert_allclose(
        result.fold_accuracies.std(), stored[f"{case}_population_std"], **CLOSE
    )


@pytest.mark.parametrize("far", [0.01, 0.1])
@pytest.mark.parametrize(
    ("method", "case"), [("exact", "exact"), ("interpolated", "interp")]
)
def test_validation_rate_is_the_golden_one(stored, pairs, method, case, far):
    result = validation_rate(*pairs, far, method)
    for values, key in (
        (result.fold_rates, "val"),
        (result.fold_fars, "far"),
        (result.thresholds, "thr"),
    ):
        np.testing.assert_allclose(
            values, stored[f"{key}_{case}_{far}"], **CLOSE
        )
    assert result.mean == pytest.approx(result.fold_rates.mean())


def test_threshold_does_not_see_its_own_fold():
    # In fold 0 a threshold of 2.5 would be right for all, but fold 1 says 1.5.
    distances = [1, 2, 3, 3, 1, 1, 2, 2]
    same = [1, 1, 0, 0, 1, 1, 0, 0]
    folds = [0, 0, 0, 0, 1, 1, 1, 1]
    result = lfw_accuracy(distances, same, folds)
    np.testing.assert_array_equal(result.thresholds, [1.5, 2.5])
    np.testing.assert_array_equal(result.fold_accuracies, [0.75, 0.5])
    rate = validation_rate(distances, same, folds, far=0.0)
    np.testing.assert_array_equal(rate.thresholds, [2, 3])
    np.testing.assert_array_equal(rate.fold_rates, [0.5, 1])
    np.testing.assert_array_equal(rate.fold_fars, [0, 1])


@pytest.mark.parametrize("thresholds", ["exact", "grid"])
def test_perfect_distances_have_no_error(pairs, thresholds):
    _, same, folds = pairs
    result = lfw_accuracy(np.where(same, 0.3, 1.7), same, folds, thresholds)
    assert (result.mean, result.standard_error) == (1, 0)
    rate = validation_rate(np.where(same, 0.3, 1.7), same, folds)
    assert (rate.mean, rate.fold_fars.max()) == (1, 0)
    assert verification_roc(np.where(same, 0.3, 1.7), same).auc == 1


def test_random_distances_are_right_half_of_the_time(pairs):
    _, same, folds = pairs
    distances = np.random.default_rng(0).random(len(same))
    assert abs(lfw_accuracy(distances, same, folds).mean - 0.5) < 0.05
    assert abs(verification_roc(distances, same).auc - 0.5) < 0.05


def test_order_of_the_pairs_does_not_matter(pairs):
    order = np.random.default_rng(0).permutation(len(pairs[0]))
    expected, result = (
        lfw_accuracy(*values)
        for values in (pairs, (values[order] for values in pairs))
    )
    assert result.mean == expected.mean
    np.testing.assert_array_equal(result.thresholds, expected.thresholds)


def test_false_accept_rate_of_the_training_folds_is_kept(pairs):
    distances, same, folds = pairs
    for far in (0.0, 0.02, 0.5, 1.0):
        thresholds = validation_rate(*pairs, far).thresholds
        for fold, threshold in enumerate(thresholds):
            negatives = distances[~same & (folds != fold)]
            assert (negatives < threshold).mean() <= far
    assert validation_rate(*pairs, 1.0).mean == 1


def test_roc_is_that_of_scikit_learn(pairs):
    from sklearn.metrics import roc_auc_score
    from sklearn.metrics import roc_curve

    distances, same, _ = pairs
    distances = np.round(distances, 1)  # many are equal
    roc = verification_roc(distances, same)
    far, rate, _ = roc_curve(same, -distances, drop_intermediate=False)
    np.testing.assert_allclose(roc.far, far)
    np.testing.assert_allclose(roc.rate, rate)
    assert roc.auc == pytest.approx(roc_auc_score(same, -distances))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distances": [0.0, np.nan, 1, 1]}, "finite.* the first at 1"),
        ({"distances": [[0.0, 0, 1, 1]]}, "`distances` must have 1 dim"),
        ({"same": [1, 0]}, r"`same` must have the shape \(4,\)"),
        ({"same": [1, 2, 1, 0]}, "`same` must be True and False"),
        ({"same": [1, 1, 1, 0]}, "2 pairs of one person among 2 in fold 0"),
        ({"folds": [3, 3, 3, 3]}, "`folds` must have at least two"),
        ({"thresholds": "fine"}, "`thresholds` must be 'exact' or 'grid'"),
        ({"thresholds": "grid", "distances": [0, 9, 1, 1]}, r"in \[0, 4\]"),
    ],
)
def test_wrong_arguments_are_refused(changes, message):
    arguments = {
        "distances": [0.0, 1, 0, 1],
        "same": [1, 0, 1, 0],
        "folds": [0, 0, 1, 1],
        **changes,
    }
    with pytest.raises(ValueError, match=message):
        lfw_accuracy(**arguments)


def test_wrong_rates_and_methods_are_refused(pairs):
    with pytest.raises(ValueError, match=r"`far` must be in \[0, 1\]"):
        validation_rate(*pairs, far=2)
    with pytest.raises(ValueError, match="`method` must be 'exact' or"):
        validation_rate(*pairs, method="grid")
    with pytest.raises(ValueError, match="`same` must have pairs of one"):
        verification_roc([1, 2], [1, 1])


def test_a_threshold_needs_pairs():
    with pytest.raises(ValueError, match="`negatives` must have at least one"):
        far_threshold([], 0.1)
    with pytest.raises(ValueError, match="`distances` must have at least one"):
        accuracy_threshold([], [])
