"""Callbacks: time, losses that are not finite, and the best weights."""

import os

import keras
import numpy as np
import pytest

from kcv.training import BestWeights
from kcv.training import StopAtNaN
from kcv.training import Stopwatch


def test_seconds_are_logged(build, data):
    history = build().fit(*data, epochs=2, verbose=0, callbacks=[Stopwatch()])
    seconds = history.history["seconds"]
    assert len(seconds) == 2
    assert all(0 < value < 60 for value in seconds)


def test_a_loss_that_is_not_finite_is_an_error(build, data):
    inputs, targets = data
    lost = np.full_like(targets, np.nan)
    with pytest.raises(FloatingPointError, match="nan at update 1 of epoch 1"):
        build().fit(inputs, lost, verbose=0, callbacks=[StopAtNaN()])


class Epochs(keras.callbacks.Callback):
    """Log given values, and set the weights to the number of the epoch."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        if self.values[epoch] is not None:
            logs["value"] = self.values[epoch]
        kernel = self.model.trainable_variables[0]
        kernel.assign(np.full(kernel.shape, epoch, "float32"))


@pytest.fixture
def fit(build, data, tmp_path):
    """Fit with given values; return the trained and the kept epochs."""

    def fit(values, patience, mode="min", first=0):
        best = BestWeights(
            tmp_path / "best.weights.h5", "value", patience, mode
        )
        model = build()
        history = model.fit(
            *data,
            epochs=len(values),
            initial_epoch=first,
            verbose=0,
            callbacks=[Epochs(values), best],
        )
        return history.epoch, int(model.get_weights()[0][0, 0])

    return fit


def test_training_stops_and_keeps_the_best_epoch(fit):
    assert fit([3, 1, 2, 1, 0, 0], patience=2) == ([0, 1, 2, 3], 1)


def test_higher_may_be_better(fit):
    assert fit([1, 3, 2, 4, 2], patience=2, mode="max") == ([*range(5)], 3)


def test_epochs_that_are_not_evaluated_are_not_judged(fit):
    values = [3, None, 1, None, None, 2, 0]
    assert fit(values, patience=2) == ([*range(6)], 2)


def test_a_resumed_training_knows_the_epochs_before(fit, tmp_path):
    values = [3, 1, 2, 2, 2]
    assert fit(values[:3], patience=3) == ([0, 1, 2], 1)
    assert fit(values, patience=3, first=3) == ([3, 4], 1)
    best = BestWeights(tmp_path / "best.weights.h5", "value", 3)
    assert best.has_stopped(5)
    assert not best.has_stopped(4)  # The last epoch had no backup.
    # More patience lets a stopped training go on.
    best.patience = 4
    assert not best.has_stopped(5)


def test_a_full_disk_leaves_the_best_weights(fit, tmp_path, monkeypatch):
    fit([1], patience=1)
    file = tmp_path / "best.weights.h5"
    whole = file.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        fit([1, 0], patience=1, first=1)
    assert [*tmp_path.iterdir()] == [file]
    assert file.read_bytes() == whole


def test_a_value_that_is_never_logged_is_named(fit):
    with pytest.warns(UserWarning, match="finite 'value'"):
        assert fit([None, None], patience=1) == ([0, 1], 1)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"patience": 0}, "patience=0"),
        ({"patience": 1, "mode": "best"}, "mode='best'"),
    ],
)
def test_refuses(options, match):
    with pytest.raises(ValueError, match=match):
        BestWeights("best.weights.h5", "loss", **options)
