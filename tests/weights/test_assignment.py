"""All or nothing, and a report that says why."""

import keras
import numpy as np
import pytest

from kcv.weights.assignment import SourceWeight
from kcv.weights.assignment import assign


class Detector(keras.Model):
    """A subclass that holds a layer in a model and one of its own."""

    def __init__(self):
        super().__init__(name="detector")
        features = keras.layers.Dense(3, name="fc6")
        self.trunk = keras.Sequential([keras.Input((2,)), features])
        self.score = keras.layers.Dense(1, name="score")

    def call(self, x):
        return self.score(self.trunk(x))


@pytest.fixture
def model():
    model = Detector()
    model(np.zeros((1, 2)))
    return model


def weight(target, *shape, value=7.0):
    return SourceWeight(f"my {target}", target, np.full(shape, value))


FC6 = [weight("fc6/kernel", 2, 3), weight("fc6/bias", 3)]
SCORE = [weight("score/kernel", 3, 1), weight("score/bias", 1)]


def values(model):
    return np.concatenate([v.numpy().ravel() for v in model.weights])


def test_assigns_at_any_depth(model):
    report = assign(model, FC6 + SCORE, "the file")
    assert np.all(values(model) == 7)
    assert len(report.matched) == 4
    assert str(report) == "the file: 4 weights fit"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (FC6, r"missing in the source \(2\): score/kernel, score/bias"),
        (
            [*FC6, *SCORE, weight("fc9/kernel", 1)],
            r"left over in the source \(1\): my fc9/kernel",
        ),
        (
            [*FC6, *SCORE, SourceWeight("unheard of", None, np.ones(1))],
            r"left over in the source \(1\): unheard of",
        ),
        (
            [*FC6, weight("score/kernel", 3, 5), SCORE[1]],
            r"score/kernel: the model has \(3, 1\), the source \(3, 5\) "
            r"\(my score/kernel\): 5 units would take it",
        ),
        (
            [weight("fc6/kernel", 4, 3), FC6[1], *SCORE],
            r"fc6/kernel: .*: 4 inputs would take it",
        ),
        (
            [weight("fc6/kernel", 1, 1, 2, 3), FC6[1], *SCORE],
            r"fc6/kernel: .*: another kind of layer",
        ),
        ([*FC6, *FC6, *SCORE], "the source has more than one of this name"),
    ],
)
def test_assigns_nothing_if_anything_does_not_fit(model, weights, message):
    before = values(model)
    with pytest.raises(ValueError, match=message):
        assign(model, weights, "the file")
    np.testing.assert_array_equal(values(model), before)


def test_skip_leaves_out_on_both_sides(model):
    before = model.score.kernel.numpy()
    for skip in ("score", ("sc",), ["score"]):
        report = assign(model, FC6 + SCORE, "the file", skip=skip)
        assert report.skipped == ("score/kernel", "score/bias")
        assert "skipped (2): score/kernel, score/bias" in str(report)
    np.testing.assert_array_equal(model.score.kernel.numpy(), before)


def test_not_strict_still_wants_something_of_its_shape(model):
    report = assign(model, FC6, "the file", strict=False)
    assert report.missing == ("score/kernel", "score/bias")
    assert model.trunk.layers[0].kernel.numpy()[0, 0] == 7
    with pytest.raises(ValueError, match="0 weights fit"):
        assign(model, [weight("fc9/bias", 1)], "the file", strict=False)
    with pytest.raises(ValueError, match="score/kernel"):
        assign(model, [weight("score/kernel", 3, 5)], "it", strict=False)


def test_a_name_twice_in_the_model_is_refused():
    image = keras.Input((2,))
    parts = [
        keras.Sequential([keras.layers.Dense(1, name="fc6")], name=name)
        for name in "ab"
    ]
    model = keras.Model(image, [part(image) for part in parts])
    with pytest.raises(ValueError, match="the model has more than one"):
        assign(model, [weight("fc6/bias", 1)], "the file")


def test_a_model_without_variables_is_refused():
    model = keras.Sequential([keras.layers.Dense(1)], name="unbuilt")
    with pytest.raises(ValueError, match="'unbuilt' has no variables yet"):
        assign(model, FC6, "the file")


def test_long_lists_are_counted(model):
    weights = [weight(f"layer{i}/bias", 1) for i in range(40)]
    with pytest.raises(ValueError, match=r"\(40\): .* and 28 more"):
        assign(model, [*FC6, *SCORE, *weights], "the file")
