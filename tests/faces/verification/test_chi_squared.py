"""DeepFace's scaling of features and weighted chi-squared distance."""

import numpy as np
import pytest

from kcv.faces.verification import ChiSquared
from kcv.faces.verification import ComponentScaling

RNG = np.random.default_rng(0)


def test_distance_is_the_formula():
    first, second = RNG.random((2, 5, 4))
    model = ChiSquared()
    model.weights = np.array([1.0, 0.5, 0.0, -2.0])
    expected = [
        sum(
            w * (a - b) ** 2 / (a + b)
            for w, a, b in zip(model.weights, x, y, strict=True)
        )
        for x, y in zip(first, second, strict=True)
    ]
    np.testing.assert_allclose(model.distance(first, second), expected)
    np.testing.assert_allclose(model.distance(second, first), expected)
    model.weights = None
    assert model.distance(np.zeros((1, 4)), np.zeros((1, 4))) == 0


def test_machine_weighs_the_components_that_tell_people_apart(tmp_path):
    same = RNG.random(300) < 0.5
    first = RNG.random((300, 3)) + 0.5
    second = RNG.random((300, 3)) + 0.5
    # The first component stays on all photos of a person, others are noise.
    second[same, 0] = first[same, 0] + 0.02 * RNG.random(same.sum())
    model = ChiSquared().fit(first, second, same)
    assert model.weights[0] > 10 * np.abs(model.weights[1:]).max()
    distances = model.distance(first, second)
    learned = ((distances < np.median(distances)) == same).mean()
    plain = ChiSquared().distance(first, second)
    assert learned > 0.85 > ((plain < np.median(plain)) == same).mean()
    model.save(tmp_path / "x.npz")
    loaded = ChiSquared.load(tmp_path / "x.npz")
    np.testing.assert_array_equal(loaded.distance(first, second), distances)


def test_scaling_divides_by_maxima_and_norms(tmp_path):
    x = np.array([[1.0, 0, 4], [2, 0, 1]])
    scaling = ComponentScaling().fit(x)
    expected = np.array([[0.5, 0, 1], [1, 0, 0.25]])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(scaling.transform(x), expected)
    assert not scaling.transform([[0.0, 7, 0]]).any()
    scaling.save(tmp_path / "x.npz")
    loaded = ComponentScaling.load(tmp_path / "x.npz")
    np.testing.assert_array_equal(loaded.maxima, [2, 0, 4])


def test_unfit_features_are_refused():
    with pytest.raises(ValueError, match="`second` must not be negative"):
        ChiSquared().distance([[1.0]], [[-1.0]])
    with pytest.raises(ValueError, match="`x` must not be negative"):
        ComponentScaling().fit([[-1.0]])
    with pytest.raises(ValueError, match="both kinds of pairs"):
        ChiSquared().fit([[1.0]], [[2.0]], [True])
    with pytest.raises(ValueError, match="as many rows"):
        ChiSquared().distance([[1.0]], [[2.0], [1.0]])
    with pytest.raises(ValueError, match="must be fitted first"):
        ChiSquared().save("x.npz")
    model = ChiSquared()
    model.weights = np.ones(2)
    with pytest.raises(ValueError, match="`first` must have 2 dimensions"):
        model.distance([[1.0]], [[2.0]])
