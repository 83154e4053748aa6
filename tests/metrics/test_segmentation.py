"""Metrics of segmentation, against NumPy and by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.losses import PixelwiseCrossEntropy
from kcv.metrics import FrequencyWeightedIU
from kcv.metrics import MeanAccuracy
from kcv.metrics import MeanIU
from kcv.metrics import PixelAccuracy
from kcv.metrics import collect_confusion
from kcv.metrics import segmentation_scores

METRICS = (PixelAccuracy, MeanAccuracy, MeanIU, FrequencyWeightedIU)


def oracle(truth, found, classes):
    """Pixel accuracy, mean accuracy, mean IU, frequency weighted IU."""
    counts = truth != 255
    n = np.zeros((classes, classes))
    np.add.at(n, (truth[counts], found[counts]), 1)
    right, of, to = np.diag(n), n.sum(1), n.sum(0)
    with np.errstate(invalid="ignore"):
        iu = right / (of + to - right)
        accuracy = np.nanmean(right / of)
    weighted = np.nansum(of * iu) / of.sum()
    return right.sum() / of.sum(), accuracy, np.nanmean(iu), weighted


def test_the_closed_form():
    """Of the matrix [[3, 1], [2, 4]]."""
    truth = np.repeat([0, 0, 1, 1], [3, 1, 2, 4]).reshape(1, 2, 5)
    found = np.repeat([0, 1, 0, 1], [3, 1, 2, 4]).reshape(1, 2, 5)
    for kind, expected in zip(
        METRICS, (0.7, 0.708333, 0.535714, 0.542857), strict=True
    ):
        metric = kind(2)
        metric.update_state(truth, found)
        assert float(metric.result()) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("absent", [None, 3])
def test_streams_equal_numpy(absent):
    """Class 3 never occurs in the second; class 5 is not even found."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, (6, 9, 7))
    if absent is not None:
        truth[truth == absent] = 0
    truth[rng.random(truth.shape) < 0.2] = 255
    scores = rng.normal(size=(*truth.shape, 6)).astype("float32")
    scores[..., 5] = -9
    found = scores.argmax(-1)
    for kind, expected in zip(METRICS, oracle(truth, found, 6), strict=True):
        metric = kind(6)
        for start in (0, 2, 4):
            part = slice(start, start + 2)
            metric.update_state(truth[part], scores[part])
        assert float(metric.result()) == pytest.approx(expected, rel=1e-6)
        metric.reset_state()
        assert float(metric.result()) == 0


def test_per_class():
    metric = MeanIU(3)
    metric.update_state([[[0, 0, 1]]], [[[0, 1, 1]]])
    np.testing.assert_allclose(metric.per_class(), [0.5, 0.5, np.nan])


def test_all_void_counts_nothing():
    for kind in METRICS:
        metric = kind(2)
        metric.update_state(np.full((1, 2, 2), 255), np.zeros((1, 2, 2)))
        assert float(metric.result()) == 0
        assert not metric.confusion.numpy().any()


def test_in_evaluate_and_from_their_configuration():
    inputs = keras.Input((4, 4, 2))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    model.compile(
        loss=PixelwiseCrossEntropy(void=9),
        metrics=[
            kind.from_config(kind(2, void=9).get_config()) for kind in METRICS
        ],
    )
    labels = np.tile([0, 1, 1, 9], (3, 4, 1))
    logits = np.zeros((3, 4, 4, 2), "float32")
    logits[..., 0] = 1  # background everywhere
    logs = model.evaluate(logits, labels, verbose=0, return_dict=True)
    assert logs["pixel_accuracy"] == pytest.approx(1 / 3)
    assert logs["mean_accuracy"] == pytest.approx(1 / 2)
    assert logs["mean_iu"] == pytest.approx(1 / 6)
    assert logs["frequency_weighted_iu"] == pytest.approx(1 / 9)


def test_a_compiled_step_counts_alike():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (2, 4, 5)).astype("int32")
    labels[0, 0] = 255
    scores = rng.random((2, 4, 5, 3)).astype("float32")
    plain, compiled = MeanIU(3), MeanIU(3)
    plain.update_state(labels, scores)
    tf.function(compiled.update_state, jit_compile=True)(labels, scores)
    np.testing.assert_array_equal(plain.confusion, compiled.confusion)
    assert np.sum(plain.confusion) == np.sum(labels != 255)


def test_labels_beyond_the_classes():
    with pytest.raises(tf.errors.InvalidArgumentError, match="classes ="):
        MeanIU(3).update_state(np.full((1, 2, 2), 3), np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match="classes=0"):
        MeanIU(0)


def test_all_figures_of_a_matrix():
    scores = segmentation_scores([[3, 1, 0], [2, 4, 0], [0, 0, 0]])
    iu = scores.pop("iu")
    np.testing.assert_allclose(iu, [3 / 6, 4 / 7, np.nan])
    expected = {
        "pixel_accuracy": 0.7,
        "mean_accuracy": 0.708333,
        "mean_iu": 0.535714,
        "frequency_weighted_iu": 0.542857,
    }
    assert scores == pytest.approx(expected, abs=1e-6)


def test_confusion_of_a_model():
    images = keras.Input((None, None, 3))
    model = keras.Model(images, keras.layers.Activation("linear")(images))
    rng = np.random.default_rng(1)
    images = rng.normal(size=(5, 4, 6, 3)).astype("float32")
    labels = rng.integers(0, 3, (5, 4, 6), np.uint8)
    labels[:, 0] = 255
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(2)
    found = collect_confusion(model, batches, classes=3)
    expected = np.zeros((3, 3), np.int64)
    counts = labels != 255
    np.add.at(expected, (labels[counts], images.argmax(-1)[counts]), 1)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, expected)
