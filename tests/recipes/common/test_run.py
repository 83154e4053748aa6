import keras
import numpy as np
import pytest

from recipes.common import run as experiment
from recipes.common.run import EpochBackup


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    layers = [keras.Input((3,)), keras.layers.Dropout(0.5)]
    model = keras.Sequential([*layers, keras.layers.Dense(2)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    return model


DATA = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")


def test_backup_restores_weights_and_optimiser(model, tmp_path):
    def fresh():
        keras.utils.set_random_seed(0)
        copy = keras.models.model_from_json(model.to_json())
        copy.set_weights(model.get_weights())
        copy.compile(keras.optimizers.Adam(0.1), "mse")
        return copy

    whole, first, second = fresh(), fresh(), fresh()
    whole.fit(*DATA, epochs=4, verbose=0)
    backup = EpochBackup(tmp_path)
    assert backup.epoch == 0
    first.fit(*DATA, epochs=2, verbose=0, callbacks=[backup])
    assert backup.epoch == 2
    assert len(list(tmp_path.iterdir())) == 1
    second.fit(
        *DATA,
        epochs=4,
        initial_epoch=backup.epoch,
        verbose=0,
        callbacks=[EpochBackup(tmp_path)],
    )
    for a, b in zip(whole.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_full_disk_leaves_the_last_backup(model, tmp_path, monkeypatch):
    model.fit(*DATA, verbose=0, callbacks=[EpochBackup(tmp_path)])

    def full(path, **_):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "save_weights", full)
    with pytest.raises(OSError, match="No space left"):
        model.fit(
            *DATA,
            epochs=2,
            initial_epoch=1,
            verbose=0,
            callbacks=[EpochBackup(tmp_path)],
        )
    names = [file.name for file in tmp_path.iterdir()]
    assert names == ["epoch-1.weights.h5"]


# Keras leaves history.csv open when an update raises an error.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_lost_run_is_an_error_and_keeps_its_backup(model, tmp_path):
    run = experiment.Run(tmp_path)
    model.fit(*DATA, verbose=0, callbacks=experiment.callbacks(run))
    before = {file.name for file in (tmp_path / "backup").iterdir()}
    lost = DATA[0], np.full_like(DATA[1], np.nan)
    with pytest.raises(FloatingPointError, match="update 1 of epoch 2"):
        model.fit(
            *lost,
            epochs=2,
            initial_epoch=1,
            verbose=0,
            callbacks=experiment.callbacks(run),
        )
    assert {file.name for file in (tmp_path / "backup").iterdir()} == before


def test_a_full_disk_leaves_no_half_model(model, tmp_path, monkeypatch):
    experiment.save_model(model, tmp_path)
    whole = (tmp_path / "model.keras").read_bytes()

    def full(path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "save", full)
    with pytest.raises(OSError, match="No space left"):
        experiment.save_model(model, tmp_path)
    assert (tmp_path / "model.keras").read_bytes() == whole
    assert len(list(tmp_path.iterdir())) == 1


def test_rows_of_epochs_without_backup_are_dropped(model, tmp_path):
    run = experiment.Run(tmp_path)
    (tmp_path / "history.csv").write_text("epoch,loss\n0,2.0\n1,1.5\n")
    EpochBackup(tmp_path / "backup").folder.mkdir()
    (tmp_path / "backup" / "epoch-1.weights.h5").touch()
    experiment.callbacks(run)
    assert experiment.read_history(tmp_path) == {"epoch": [0.0], "loss": [2.0]}


def test_a_run_without_validation_has_a_history(model, tmp_path):
    run = experiment.Run(tmp_path)
    model.fit(*DATA, epochs=2, verbose=0, callbacks=experiment.callbacks(run))
    history = experiment.read_history(tmp_path)
    assert history.keys() == {"epoch", "loss", "seconds"}
    assert history["epoch"] == [0, 1]
