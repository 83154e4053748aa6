import numpy as np
import pytest
from sklearn.svm import LinearSVC

from kcv.detection import train_svms
from kcv.detection.rcnn.features import ImageFeatures

NAMES = ["ant", "bee"]


@pytest.fixture
def features(make_features):
    return make_features(np.random.default_rng(0))


def all_examples(features, label, scale):
    """Positives and negatives of a class, as the paper defines them."""
    positives, negatives = [], []
    for entry in features:
        own = entry.labels == label
        positives.append(entry.fc7[: len(own)][own])
        best = entry.overlaps()[:, own].max(1, initial=0)
        negatives.append(entry.fc7[best < 0.3])
    return scale * np.concatenate(positives), scale * np.concatenate(negatives)


def objective(weights, positives, negatives):
    """What liblinear minimizes, the bias being a weight of a feature of 10."""
    inputs = np.concatenate([positives, negatives])
    inputs = np.hstack([inputs, np.full((len(inputs), 1), 10)])
    sign = np.repeat([1, -1], [len(positives), len(negatives)])
    cost = np.repeat([2e-3, 1e-3], [len(positives), len(negatives)])
    loss = np.maximum(0, 1 - sign * (inputs @ weights))
    return weights @ weights / 2 + cost @ loss


def test_mining_reaches_the_machine_of_all_examples(features):
    """Nothing that is easy moves a support vector machine."""
    scale = 5.0
    machines = train_svms(features, NAMES, scale, retrain_after=100)
    for label, machine in enumerate(machines.machines):
        positives, negatives = all_examples(features, label, scale)
        inputs = np.concatenate([positives, negatives])
        full = LinearSVC(
            C=1e-3,
            loss="hinge",
            dual=True,
            intercept_scaling=10,
            class_weight={1: 2},
            max_iter=100_000,
        ).fit(inputs, np.arange(len(inputs)) < len(positives))
        values = [
            objective(
                np.append(m.coef_[0], m.intercept_[0] / 10),
                positives,
                negatives,
            )
            for m in (machine, full)
        ]
        assert values[0] == pytest.approx(values[1], rel=0.02)
        scores = machine.decision_function(positives)
        assert scores.mean() > machine.decision_function(negatives).mean() + 0.5


@pytest.mark.parametrize("tolerance", [0.1, 0.5])
def test_liblinear_stops_at_the_tolerance(features, tolerance):
    everything = {"hard_score": -np.inf, "evict_score": -np.inf}
    exact = train_svms(features, NAMES, 5.0, **everything)
    machines = train_svms(
        features, NAMES, 5.0, tolerance=tolerance, **everything
    )
    for label in range(2):
        positives, negatives = all_examples(features, label, 5.0)
        inputs = np.concatenate([positives, negatives])
        twin = LinearSVC(
            C=1e-3,
            loss="hinge",
            dual=True,
            intercept_scaling=10,
            class_weight={1: 2},
            random_state=0,
            tol=tolerance,
        ).fit(inputs, np.arange(len(inputs)) < len(positives))
        found = machines.machines[label].coef_
        np.testing.assert_allclose(found, twin.coef_, rtol=1e-6)
        assert np.abs(exact.machines[label].coef_ - found).max() > 1e-5


def test_no_other_weights_are_better(features):
    """Ours minimize the paper's objective, constants and all."""
    machines = train_svms(features, NAMES, 5.0, hard_score=-np.inf)
    random = np.random.default_rng(0)
    for label, machine in enumerate(machines.machines):
        examples = all_examples(features, label, 5.0)
        weights = np.append(machine.coef_[0], machine.intercept_[0] / 10)
        best = objective(weights, *examples)
        for size in (0.3, 0.03):
            for _ in range(20):
                other = weights + size * random.normal(size=len(weights)) * (
                    np.abs(weights).mean()
                )
                assert objective(other, *examples) > best * (1 - 1e-4)


def test_the_linear_layer_is_the_machines(features):
    machines = train_svms(features, NAMES, 0.7)
    inputs = np.random.default_rng(1).normal(size=(50, 6))
    np.testing.assert_allclose(
        inputs @ machines.kernel + machines.bias,
        machines.decision_function(inputs),
        atol=1e-12,
    )


def test_the_pass_keeps_what_is_hard(monkeypatch):
    """First all of the first image, then what scores above -1.0001."""
    fits = []

    class Machine:
        def __init__(self, **options):
            self.options = options

        def fit(self, inputs, positive):
            assert positive.sum() == 1
            assert positive[0]
            fits.append(inputs[~positive, 0].tolist())
            self.coef_, self.intercept_ = np.ones((1, 1)), np.zeros(1)

        def decision_function(self, inputs):
            return inputs[:, 0]

    monkeypatch.setattr(
        "kcv.detection.rcnn.support_vectors.solvers", lambda: (Machine, None)
    )

    def image(fc7, labels=()):
        boxes = [[0, 0, 10, 10]] * len(labels)
        boxes += [[20, 20, 30, 30]] * (len(fc7) - len(labels))
        return ImageFeatures(
            "",
            {
                "boxes": np.array(boxes, "float32"),
                "labels": np.array(labels, "int32"),
                "fc7": np.array(fc7)[:, None],
            },
        )

    machines = train_svms(
        [
            image([9.0, -5.0, 3.0, -1.2], labels=[0]),
            image([-1.0001, -1.0, -0.5, -2.0]),  # one of them at the edge
            image([0.5, -1.1, 0.0]),
        ],
        ["one"],
        1.0,
        retrain_after=3,
    )
    assert fits == [
        [-5.0, 3.0, -1.2],
        # -5 was evicted, -1.2 was not; two new ones are not more than three.
        [3.0, -1.2, -1.0, -0.5, 0.5, 0.0],
        [3.0, -1.2, -1.0, -0.5, 0.5, 0.0],  # at the end, once more
    ]
    assert machines.machines[0].options == {
        "C": 1e-3,
        "loss": "hinge",
        "dual": True,
        "intercept_scaling": 10.0,
        "class_weight": {1: 2.0},
        "max_iter": 100_000,
        "random_state": 0,
    }


def test_errors_name_the_class(features):
    with pytest.raises(ValueError, match="no object of class 'cow'"):
        train_svms(features, [*NAMES, "cow"], 1.0)
    with pytest.raises(ValueError, match="negatives of each class.*'ant'"):
        train_svms(features, NAMES, 1.0, negative_iou=0.0)
