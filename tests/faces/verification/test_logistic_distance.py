"""The squared distance of embeddings as a probability."""

import numpy as np
import pytest

from kcv.faces.verification import LogisticDistance

RNG = np.random.default_rng(0)
LABELS = np.repeat(np.arange(40), 5)
X = RNG.standard_normal((40, 6))[LABELS] + 0.7 * RNG.standard_normal((200, 6))


def test_ratio_is_linear_in_the_distance(tmp_path):
    verifier = LogisticDistance(threshold=1.5, slope=4.0)
    distances = ((X[:9] - X[9:18]) ** 2).sum(1)
    ratios = verifier.log_likelihood_ratio(X[:9], X[9:18])
    np.testing.assert_allclose(ratios, 4.0 * (1.5 - distances))
    np.testing.assert_allclose(
        verifier.ratio_matrix(X[:9], X[9:18]).diagonal(), ratios
    )
    np.testing.assert_allclose(
        verifier.probability(X[:9], X[9:18]), 1 / (1 + np.exp(-ratios))
    )
    verifier.save(tmp_path / "x.npz")
    loaded = LogisticDistance.load(tmp_path / "x.npz")
    assert (loaded.threshold, loaded.slope) == (1.5, 4.0)


def test_fit_is_the_logistic_regression_of_all_pairs():
    from sklearn.linear_model import LogisticRegression

    verifier = LogisticDistance(max_pairs=100_000).fit(X, LABELS)
    first, second = np.triu_indices(200, 1)
    distances = ((X[first] - X[second]) ** 2).sum(1)
    same = LABELS[first] == LABELS[second]
    reference = LogisticRegression(C=1e9, class_weight="balanced", tol=1e-8)
    reference.fit(-distances[:, None], same)
    # Pairs of two people are drawn with repetition here.
    assert verifier.slope == pytest.approx(reference.coef_[0, 0], rel=0.05)
    threshold = reference.intercept_[0] / reference.coef_[0, 0]
    assert verifier.threshold == pytest.approx(threshold, rel=0.02)


def test_pairs_of_one_person_are_all_or_different_ones():
    verifier = LogisticDistance(max_pairs=1000)
    first, second = verifier._draw_pairs(LABELS)
    same = LABELS[first] == LABELS[second]
    assert same.sum() == 40 * 10
    found = {
        frozenset(pair) for pair in zip(first[same], second[same], strict=True)
    }
    assert len(found) == 400
    assert min(map(len, found)) == 2
    assert (~same).sum() == 1000
    few = LogisticDistance(max_pairs=30)._draw_pairs(LABELS)
    assert (LABELS[few[0]] == LABELS[few[1]]).tolist() == [True] * 30 + [
        False
    ] * 30


def test_pairs_that_can_be_separated_have_a_finite_slope():
    verifier = LogisticDistance().fit(
        [[0.0], [0.1], [5.0], [5.1], [9.0], [9.1]], [0, 0, 1, 1, 2, 2]
    )
    assert 0.01 < verifier.threshold < 15
    assert np.isfinite(verifier.slope)
    assert verifier.probability([[0.0]], [[0.1]]) > 0.5
    assert verifier.probability([[0.0]], [[5.0]]) < 0.5


def test_unfit_embeddings_and_numbers_are_refused():
    with pytest.raises(ValueError, match="closer for photos of one person"):
        LogisticDistance().fit([[0.0], [9.0], [1.0], [8.0]], [0, 0, 1, 1])
    with pytest.raises(ValueError, match="at most 1 photos"):
        LogisticDistance().fit([[0.0], [9.0]], [0, 1])
    with pytest.raises(ValueError, match="`slope` must be positive"):
        LogisticDistance(slope=0)
    with pytest.raises(ValueError, match="as many rows"):
        LogisticDistance().probability([[0.0]], [[0.0], [1.0]])
