"""A stopped training goes on as if it had never been stopped."""

import os

import numpy as np
import pytest

from kcv.training import EpochBackup
from kcv.training import completed_epochs
from kcv.training import remove_backups


def test_a_resumed_training_ends_with_the_same_weights(build, data, tmp_path):
    whole, first, second = build(), build(), build()
    whole.fit(*data, epochs=4, verbose=0)

    folder = tmp_path / "backup"
    assert completed_epochs(folder) == 0
    first.fit(*data, epochs=2, verbose=0, callbacks=[EpochBackup(folder)])
    assert completed_epochs(folder) == 2
    assert len(list(folder.iterdir())) == 1
    second.fit(
        *data,
        epochs=4,
        initial_epoch=2,
        verbose=0,
        callbacks=[EpochBackup(folder)],
    )
    assert completed_epochs(folder) == 4
    for a, b in zip(whole.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_epochs_are_compared_as_numbers(tmp_path):
    for epoch in (2, 10, 9):
        (tmp_path / f"epoch-{epoch}.weights.h5").touch()
    assert completed_epochs(tmp_path) == 10


def test_removed_backups_are_not_resumed(build, data, tmp_path):
    build().fit(*data, verbose=0, callbacks=[EpochBackup(tmp_path)])
    (tmp_path / "notes.txt").touch()
    remove_backups(tmp_path)
    assert completed_epochs(tmp_path) == 0
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_a_full_disk_leaves_the_last_backup(build, data, tmp_path, monkeypatch):
    model = build()
    model.fit(*data, verbose=0, callbacks=[EpochBackup(tmp_path)])

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left.*epoch-2.weights.h5"):
        model.fit(
            *data,
            epochs=2,
            initial_epoch=1,
            verbose=0,
            callbacks=[EpochBackup(tmp_path)],
        )
    names = [file.name for file in tmp_path.iterdir()]
    assert names == ["epoch-1.weights.h5"]
