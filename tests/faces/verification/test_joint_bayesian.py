"""Joint Bayesian against golden values, closed forms and known covariances."""

import numpy as np
import pytest

from kcv.faces.verification import JointBayesian

CLOSE = {"rtol": 1e-9, "atol": 1e-12}


@pytest.fixture(scope="module")
def stored(golden):
    with np.load(golden / "networks" / "joint_bayesian.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def fitted(stored):
    return JointBayesian(iterations=20).fit(stored["x"], stored["labels"])


def fit(stored, method, iterations):
    model = JointBayesian(method, iterations, tolerance=0.0)
    return model.fit(stored["x"], stored["labels"])


@pytest.mark.parametrize("iterations", [0, 1, 5, 20])
@pytest.mark.parametrize("method", ["exact", "approximate"])
@pytest.mark.filterwarnings("ignore:The likelihood of approximate EM")
def test_estimates_are_the_golden_ones(stored, method, iterations):
    case = {"exact": "exact", "approximate": "approx"}[method]
    model = fit(stored, method, iterations)
    for name in ("S_mu", "S_eps"):
        np.testing.assert_allclose(
            getattr(model, name), stored[f"{case}_{name}_{iterations}"], **CLOSE
        )
    np.testing.assert_allclose(model.mean, stored["mean"], **CLOSE)
    np.testing.assert_allclose(
        model.log_likelihoods,
        stored[f"{case}_loglik"][: iterations + 1],
        **CLOSE,
    )


def test_scores_and_likelihood_ratios_are_the_golden_ones(stored, fitted):
    first, second = stored["x"][stored["pairs"].T]
    for name, value in (
        ("A", fitted.A),
        ("G", fitted.G),
        ("constant", fitted.constant),
        ("scores", fitted.score(first, second)),
        ("llr", fitted.log_likelihood_ratio(first, second)),
    ):
        np.testing.assert_allclose(value, stored[name], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(
        fitted.score(second, first), stored["scores"], rtol=1e-9, atol=1e-11
    )


def test_score_matrix_has_the_scores_of_all_pairs(stored, fitted):
    probes, gallery = stored["x"][:3], stored["x"][3:7]
    matrix = fitted.score_matrix(probes, gallery)
    for row, probe in zip(matrix, probes, strict=True):
        scores = fitted.score(np.tile(probe, (4, 1)), gallery)
        np.testing.assert_allclose(row, scores, **CLOSE)


def test_probability_is_that_of_the_two_hypotheses(stored, fitted):
    from scipy.stats import multivariate_normal

    first, second = stored["x"][stored["pairs"].T]
    total, own = fitted.S_mu + fitted.S_eps, fitted.S_mu
    zero = np.zeros_like(own)
    both = np.concatenate([first - fitted.mean, second - fitted.mean], axis=1)
    same, other = (
        multivariate_normal(cov=np.block([[total, c], [c, total]])).pdf(both)
        for c in (own, zero)
    )
    for prior in (0.5, 0.1):
        expected = prior * same / (prior * same + (1 - prior) * other)
        np.testing.assert_allclose(
            fitted.probability(first, second, prior), expected, rtol=1e-9
        )
    assert fitted.probability(np.full((1, 5), 1e6), np.zeros((1, 5))) == 0


def test_exact_em_never_lowers_the_likelihood(stored):
    likelihoods = fit(stored, "exact", 100).log_likelihoods
    assert (np.diff(likelihoods) >= -1e-9 * abs(likelihoods[0])).all()


def test_approximate_em_warns_of_a_falling_likelihood(stored):
    assert JointBayesian("approximate").iterations == 5
    with pytest.warns(UserWarning, match="fallen since iteration 2"):
        JointBayesian("approximate").fit(stored["x"], stored["labels"])
    fit(stored, "approximate", 2)


def test_em_stops_when_nothing_changes(stored):
    model = JointBayesian(iterations=500, tolerance=1e-3)
    model.fit(stored["x"], stored["labels"])
    assert 5 < len(model.log_likelihoods) < 20


def test_known_covariances_are_recovered():
    rng = np.random.default_rng(0)
    roots = rng.standard_normal((2, 4, 4)) * 0.4 + np.eye(4)
    counts = rng.integers(1, 7, 5000)
    owners = np.repeat(np.arange(5000), counts)
    x = rng.standard_normal((5000, 4))[owners] @ roots[0]
    x += rng.standard_normal((len(owners), 4)) @ roots[1] + 3.0
    model = JointBayesian(iterations=200).fit(x, owners)
    for found, root in ((model.S_mu, roots[0]), (model.S_eps, roots[1])):
        true = root.T @ root
        error = np.linalg.norm(found - true) / np.linalg.norm(true)
        assert error < 0.05


def test_a_person_with_one_photo_has_no_residual():
    x = np.array([[0.0], [2.0], [10.0], [4.0], [6.0]])
    model = JointBayesian(iterations=0).fit(x, [0, 0, 1, 2, 2])
    assert model.S_eps == 1.0
    np.testing.assert_allclose(
        model.S_mu, np.var([1, 10, 5]) + (16 / 3 - 4.4) ** 2
    )


def test_a_saved_verifier_has_the_same_scores(stored, fitted, tmp_path):
    fitted.save(tmp_path / "verifier.npz")
    loaded = JointBayesian.load(tmp_path / "verifier.npz")
    first, second = stored["x"][stored["pairs"].T]
    np.testing.assert_array_equal(
        loaded.probability(first, second), fitted.probability(first, second)
    )


def test_dead_dimensions_need_pca_or_regularization(stored):
    x = np.pad(stored["x"], ((0, 0), (0, 1)))
    with pytest.raises(ValueError, match="Reduce the dimensions with PCA"):
        JointBayesian().fit(x, stored["labels"])
    model = JointBayesian(regularization=1e-6).fit(x, stored["labels"])
    assert np.isfinite(model.score(x[:4], x[4:8])).all()


@pytest.mark.parametrize(
    ("x", "labels", "message"),
    [
        ([[1.0], [2.0]], [0, 1], "2 people with at most 1 photos"),
        ([[1.0], [2.0]], [0, 0], "1 people with at most 2"),
        ([[1.0], [np.nan]], [0, 0], "`x` must be finite.* the first at 1"),
        ([1.0, 2.0], [0, 0], r"`x` must have the shape \(images, dim"),
        ([[1.0], [2.0]], [0], r"`labels` must have the shape \(2,\)"),
    ],
)
def test_unfit_features_are_refused(x, labels, message):
    with pytest.raises(ValueError, match=message):
        JointBayesian().fit(x, labels)


def test_unfit_arguments_are_refused(fitted):
    for changes, message in (
        ({"method": "EM"}, "`method` must be 'exact' or"),
        ({"iterations": -1}, "`iterations` must not be negative"),
        ({"regularization": -1.0}, "`regularization` must not"),
    ):
        with pytest.raises(ValueError, match=message):
            JointBayesian(**changes)
    with pytest.raises(ValueError, match="must be fitted first"):
        JointBayesian().score([[0.0]], [[0.0]])
    with pytest.raises(ValueError, match=r"`second` must have the shape.* 5\)"):
        fitted.score(np.zeros((1, 5)), np.zeros((1, 4)))
    with pytest.raises(ValueError, match="as many rows"):
        fitted.score(np.zeros((1, 5)), np.zeros((2, 5)))
    with pytest.raises(ValueError, match="`prior` must be between"):
        fitted.probability(np.zeros((1, 5)), np.zeros((1, 5)), prior=1)
