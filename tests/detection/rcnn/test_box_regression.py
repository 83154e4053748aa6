import numpy as np
import pytest

from kcv.detection import train_box_regressors
from kcv.detection.rcnn.box_regression import fit_regressor
from kcv.detection.rcnn.box_regression import whitener


@pytest.fixture
def random():
    return np.random.default_rng(0)


def test_whitening_whitens_and_inverts_exactly(random):
    targets = random.normal(size=(500, 4)) @ random.normal(size=(4, 4))
    targets -= targets.mean(0)
    whiten, unwhiten = whitener(targets, added=0.0)
    covariance = np.cov((targets @ whiten).T, bias=True)
    np.testing.assert_allclose(covariance, np.eye(4), atol=1e-10)
    np.testing.assert_allclose(whiten, whiten.T, atol=1e-12)  # ZCA, not PCA
    whiten, unwhiten = whitener(targets)
    np.testing.assert_allclose(whiten @ unwhiten, np.eye(4), atol=1e-12)
    np.testing.assert_allclose(targets @ whiten @ unwhiten, targets, atol=1e-12)


def test_a_target_that_never_varies_does_not_blow_up():
    whiten, unwhiten = whitener(np.zeros((9, 4)))
    np.testing.assert_allclose(whiten, np.eye(4) / np.sqrt(0.001))
    np.testing.assert_allclose(unwhiten, np.eye(4) * np.sqrt(0.001))


@pytest.mark.parametrize(("rows", "columns"), [(300, 7), (20, 50)])
def test_equals_the_normal_equations(random, rows, columns):
    inputs = random.normal(size=(rows, columns))
    targets = random.normal(size=(rows, 4)) * [1, 2, 3, 4] + [5, 0, -5, 1]
    kernel, bias = fit_regressor(inputs, targets, ridge=1000.0)

    mean = targets.mean(0)
    covariance = (targets - mean).T @ (targets - mean) / rows
    values, vectors = np.linalg.eig(covariance)
    values = np.diag(values + 0.001)
    whiten = vectors @ np.linalg.inv(np.sqrt(values)) @ vectors.T
    unwhiten = vectors @ np.sqrt(values) @ vectors.T
    extended = np.hstack([inputs, np.ones((rows, 1))])
    system = extended.T @ extended + 1000 * np.eye(columns + 1)
    beta = np.linalg.solve(system, extended.T @ ((targets - mean) @ whiten))
    expected = extended @ beta @ unwhiten + mean
    np.testing.assert_allclose(inputs @ kernel + bias, expected, atol=1e-9)


def test_learns_the_way_to_the_object_that_is_overlapped_most(
    make_features, random
):
    """pool5 tells the targets linearly; widths are x2 - x1."""
    features = make_features(random, classes=2)
    truth = random.normal(size=(4, 9))
    offsets = random.normal(size=(2, 4))
    expected = []
    for entry in features:
        objects = entry.boxes[: len(entry.labels)].astype(float)
        boxes = entry.boxes[entry.pool5_rows].astype(float)
        best = entry.overlaps()[entry.pool5_rows].argmax(1)
        near = objects[best]
        sides, own = boxes[:, 2:] - boxes[:, :2], near[:, 2:] - near[:, :2]
        shift = (near[:, :2] + near[:, 2:] - boxes[:, :2] - boxes[:, 2:]) / 2
        deltas = np.hstack([shift / sides, np.log(own / sides)])
        labels = entry.labels[best]
        # What a linear layer of inverse `truth` makes the deltas.
        pool5 = (deltas - offsets[labels]) @ truth
        entry.arrays["pool5"] = pool5.astype("float32")
        expected.append((pool5, deltas, labels))
    kernel, bias = train_box_regressors(features, ["a", "b"], 2.0, ridge=1e-6)
    assert kernel.shape == (9, 8)
    for pool5, deltas, labels in expected:
        found = (pool5 @ kernel + bias).reshape(-1, 2, 4)
        own = found[np.arange(len(labels)), labels]
        np.testing.assert_allclose(own, deltas, atol=1e-3)


def test_a_class_without_examples_stays_as_it_is(make_features, random):
    features = make_features(random, classes=1)
    with pytest.warns(
        UserWarning, match="above 0.6 with an object of class 'cow'"
    ):
        kernel, bias = train_box_regressors(features, ["ant", "cow"], 1.0)
    assert (kernel[:, 4:] == 0).all()
    assert (bias[4:] == 0).all()
    assert (kernel[:, :4] != 0).all()


def test_objects_are_examples_of_zero_targets_on_request(make_features, random):
    """As if each were a proposal that needs no change."""
    features = make_features(random, classes=1)
    for entry in features:
        pool5 = random.normal(size=(len(entry.labels), 9))
        entry.arrays["object_pool5"] = pool5.astype("float32")
    found = train_box_regressors(features, ["a"], 1.0, with_objects=True)
    for entry in features:
        arrays, count = entry.arrays, len(entry.labels)
        rows = np.concatenate([np.arange(count), arrays["pool5_rows"]])
        arrays["pool5"] = np.concatenate(
            [arrays["object_pool5"], arrays["pool5"]]
        )
        arrays["pool5_rows"] = rows
    expected = train_box_regressors(features, ["a"], 1.0)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-6)
