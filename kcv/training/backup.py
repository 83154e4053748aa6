"""Backups from which a stopped run of `fit` goes on exactly."""

import os
from pathlib import Path

import h5py
import keras

from kcv.storage import write_whole

_RANDOM_STATES = "random_states"


def completed_epochs(folder: str | os.PathLike) -> int:
    """Return the number of epochs that a backup folder holds.

    Args:
        folder: Folder of an `EpochBackup`. It need not exist.

    Returns:
        Number of completed epochs, for `fit(initial_epoch=...)`. 0 where there
        is no backup.

    Example:

    >>> completed_epochs("runs/never_started/backup")
    0
    """
    return max(map(_epoch, _backups(Path(folder))), default=0)


def remove_backups(folder: str | os.PathLike) -> None:
    """Delete all backups of a folder, so that training starts over.

    Args:
        folder: Folder of an `EpochBackup`. It need not exist.
    """
    for file in _backups(Path(folder)):
        file.unlink()


class EpochBackup(keras.callbacks.Callback):
    """Back up the whole state of training after each epoch, in one file.

    The file holds the weights, the optimizer and the random number generators
    of the model, so that a run that was killed ends with the weights of an
    uninterrupted one. `keras.callbacks.BackupAndRestore` writes weights and
    epoch to two files, and a run killed between the two repeats an epoch. Here
    the name of the file is the epoch, and the file appears by a rename. If the
    disk is full, an error ends the training, and the backup before is kept.

    The callback must be the last of its list: an epoch counts when its backup
    is written.

    Args:
        folder: Folder of the backups. It is made when the first epoch ends.

    Example:

    ```python
    model.fit(
        train,
        epochs=10,
        initial_epoch=completed_epochs("runs/mine/backup"),
        callbacks=[EpochBackup("runs/mine/backup")],
    )
    ```
    """

    def __init__(self, folder: str | os.PathLike):
        super().__init__()
        self.folder = Path(folder)

    def on_train_begin(self, logs=None):
        file = max(_backups(self.folder), key=_epoch, default=None)
        if file is None:
            return
        # The optimizer has no variables to load into before it is built.
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.load_weights(file)
        with h5py.File(file) as store:
            for number, state in enumerate(self._random_states()):
                state.assign(store[f"{_RANDOM_STATES}/{number}"][()])

    def on_epoch_end(self, epoch, logs=None):
        self.folder.mkdir(parents=True, exist_ok=True)
        earlier = _backups(self.folder)
        write_whole(
            self.folder / f"epoch-{epoch + 1}.weights.h5", self._write_state
        )
        for file in earlier:
            file.unlink()

    def _write_state(self, file):
        self.model.save_weights(file)
        with h5py.File(file, "a") as store:
            for number, state in enumerate(self._random_states()):
                store[f"{_RANDOM_STATES}/{number}"] = state.numpy()

    def _random_states(self):
        return [
            variable
            for variable in self.model.variables
            if variable.path.endswith("seed_generator_state")
        ]


def _backups(folder: Path) -> list[Path]:
    return list(folder.glob("epoch-*.weights.h5"))


def _epoch(file: Path) -> int:
    return int(file.name.split(".")[0].removeprefix("epoch-"))
