"""A training that is stopped, resumed, prolonged, or stops by itself."""

import dataclasses
from typing import ClassVar

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.training import completed_epochs
from kcv.training import warm_cosine
from recipes.common.history import read_history
from recipes.common.plan import Plan
from recipes.common.plan import make_adamw
from recipes.common.run import begin
from recipes.common.train import train


def changed(run, **options):
    return dataclasses.replace(run, **options)


def assert_equal(model, other):
    pairs = zip(model.get_weights(), other.get_weights(), strict=True)
    for one, two in pairs:
        np.testing.assert_array_equal(one, two)


@pytest.fixture
def whole(fit, run, tmp_path):
    """An uninterrupted training of the same options."""
    model, _ = fit(changed(run, out=tmp_path / "whole"))
    return model


def test_a_stopped_training_ends_as_an_uninterrupted_one(
    fit, run, whole, stop_after
):
    stop_after(2)
    fit(run)
    assert completed_epochs(run.backup) == 2
    # Logged, but not backed up.
    with open(run.out / "history.csv", "a") as file:
        file.write("2,0.5,1.0\n")
    stop_after(None)
    model, plan = fit(run)
    assert_equal(model, whole)
    assert plan.steps_per_epoch == 3
    history = read_history(run.out)
    assert history["epoch"] == [0, 1, 2, 3]
    expected = read_history(run.out.with_name("whole"))
    assert history["loss"] == expected["loss"]
    assert history.keys() == {"epoch", "loss", "seconds"}


def test_a_finished_training_is_prolonged_and_repeated(fit, run, whole):
    fit(changed(run, epochs=3))
    begin(run)  # Other epochs are no other run.
    model, _ = fit(run)
    assert_equal(model, whole)
    model, _ = fit(run)  # There is nothing left to do.
    assert_equal(model, whole)
    assert read_history(run.out)["epoch"] == [0, 1, 2, 3]


def test_a_prolonged_training_has_the_rate_of_the_longer_one(run):
    rates = {}

    class Rates(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            optimizer = self.model.optimizer
            step = int(optimizer.iterations.numpy())
            rates[step] = float(optimizer.learning_rate)

    def prolong(epochs):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        longer = changed(run, epochs=epochs)
        plan = Plan(2, 32, 4, learning_rate=0.01)
        plan = plan.with_options(longer, group=1)
        model.compile(make_adamw(plan), "mse")
        pairs = tf.data.Dataset.from_tensors((tf.ones((2, 2)), tf.ones(2)))
        train(longer, model, plan, lambda start: pairs.repeat(), Rates())

    prolong(2)
    assert [*rates] == [*range(16)]
    assert rates[15] < 0.001  # At the end of its cosine.
    prolong(6)
    longer = warm_cosine(48, 0.01)
    assert [*rates] == [*range(48)]
    for step in range(16, 48):
        assert rates[step] == pytest.approx(float(longer(step)), rel=1e-5)
    assert rates[16] > 0.007


def test_fewer_epochs_than_completed_are_refused(fit, run):
    fit(run)
    with pytest.raises(ValueError, match="at least 4, .*completed.*epochs=3"):
        fit(changed(run, epochs=3))
    assert completed_epochs(run.backup) == 4


@pytest.mark.parametrize("option", ["patience", "validation"])
def test_choosing_without_an_evaluation_is_refused(fit, run, option):
    value = {"patience": 2, "validation": 0.5}[option]
    with pytest.raises(ValueError, match=f"`{option}` must be .*{option}="):
        fit(changed(run, **{option: value}))


def test_named_callbacks_are_called_with_the_logs(fit, run):
    noted = f"{__name__}:NOTED"
    fit(changed(run, epochs=2, callbacks=(noted, "keras.callbacks:History")))
    assert [sorted(logs) for logs in NOTED.logs] == 2 * [["loss", "seconds"]]


class Noted(keras.callbacks.Callback):
    logs: ClassVar[list] = []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))


NOTED = Noted()


# Keras leaves history.csv open when an update raises an error.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_lost_training_is_an_error_and_keeps_its_backup(fit, run):
    fit(changed(run, epochs=1))
    with pytest.raises(FloatingPointError, match="update 1 of epoch 2"):
        fit(
            run,
            lambda start: tf.data.Dataset.from_tensors(
                (tf.fill((2, 4, 4, 3), np.nan), tf.zeros((2, 4, 4, 3)))
            ).repeat(),
        )
    assert completed_epochs(run.backup) == 1


def test_patience_keeps_the_best_weights_and_stays_stopped(
    fit, run, stop_after, tmp_path
):
    far = tf.data.Dataset.from_tensors(
        (tf.ones((2, 4, 4, 3)), -tf.ones((2, 4, 4, 3)))
    )

    def patient(run):
        # Training lowers the loss; on these targets it only gets worse.
        return fit(run, validation_data=far, monitor=("val_loss", "max"))[0]

    whole = changed(run, out=tmp_path / "whole", epochs=9, patience=2)
    expected = patient(whole)
    losses = read_history(whole.out)["val_loss"]
    assert len(losses) < 9
    best = int(np.argmax(losses))
    assert len(losses) == best + 3
    assert expected.evaluate(far, verbose=0) == losses[best]

    stop_after(best + 2)
    run = changed(run, epochs=9, patience=2)
    patient(run)
    stop_after(None)
    for _ in range(2):  # Once resumed, once there is nothing left to do.
        assert_equal(patient(run), expected)
        assert read_history(run.out)["val_loss"] == losses
    more = changed(run, patience=3)
    patient(more)
    assert len(read_history(run.out)["val_loss"]) == len(losses) + 1

    # What an earlier training left behind is not compared with.
    begin(changed(run, resume=False))
    assert_equal(patient(run), expected)
