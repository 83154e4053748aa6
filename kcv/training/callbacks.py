"""Callbacks that any call of `fit` may use."""

import math
import os
import time
import warnings
from pathlib import Path

import h5py
import keras

from kcv.storage import write_whole


class Stopwatch(keras.callbacks.Callback):
    """Log the `seconds` that each epoch takes, evaluation not included."""

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["seconds"] = time.perf_counter() - self._start


class StopAtNaN(keras.callbacks.Callback):
    """Raise `FloatingPointError` as soon as the loss is not finite.

    `keras.callbacks.TerminateOnNaN` lets the epoch end, and the lost weights
    would replace the last good backup.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"The loss is {loss} at update {batch + 1} of epoch "
                f"{self._epoch + 1}. The backup of the epoch before is kept. "
                "Lower the learning rate, look for inputs that are not finite, "
                "and try --precision float32."
            )


class BestWeights(keras.callbacks.Callback):
    """Keep the weights of the best epoch, and stop when none gets better.

    The file holds the weights and the value that they reached, so that a run
    that is resumed compares with the epochs before it was stopped. The best
    weights are loaded when training ends.

    Args:
        file: Path of the best weights, which must end in ".weights.h5".
        monitor: Name of the logged value to compare, "val_loss" for example.
            Epochs that do not log it are not judged.
        patience: Number of epochs without a better value after which training
            stops. Int of at least 1.
        mode: "min" where a lower value is better, "max" where a higher one is.
            Defaults to "min".

    Raises:
        ValueError: If `patience` or `mode` is unknown.

    Example:

    ```python
    best = BestWeights("runs/mine/best.weights.h5", "val_loss", patience=3)
    model.fit(train, validation_data=test, epochs=100, callbacks=[best])
    ```
    """

    def __init__(
        self,
        file: str | os.PathLike,
        monitor: str,
        patience: int,
        mode: str = "min",
    ):
        super().__init__()
        if patience < 1:
            raise ValueError(
                f"`patience` must be at least 1. Received: patience={patience}"
            )
        if mode not in ("min", "max"):
            raise ValueError(
                f"`mode` must be 'min' or 'max'. Received: mode={mode!r}"
            )
        self.file = Path(file)
        self.monitor = monitor
        self.patience = patience
        self.sign = 1 if mode == "max" else -1

    def has_stopped(self, epochs: int) -> bool:
        """Return whether training was stopped for want of a better value.

        Args:
            epochs: Number of completed epochs, see `completed_epochs`.
        """
        if not self.file.exists():
            return False
        with h5py.File(self.file) as store:
            judged = int(store.attrs["judged"])
            waited = judged - int(store.attrs["epoch"])
        return judged == epochs - 1 and waited >= self.patience

    def on_train_begin(self, logs=None):
        self.best, self.best_epoch = -math.inf, -1
        if self.file.exists():
            with h5py.File(self.file) as store:
                self.best = self.sign * float(store.attrs["value"])
                self.best_epoch = int(store.attrs["epoch"])

    def on_epoch_end(self, epoch, logs=None):
        value = (logs or {}).get(self.monitor)
        if value is None:
            return
        if self.sign * value > self.best:
            self.best, self.best_epoch = self.sign * value, epoch
            self._write(
                self.model.save_weights,
                {"value": value, "epoch": epoch, "judged": epoch},
            )
        elif epoch - self.best_epoch >= self.patience:
            self.model.stop_training = True
            if self.file.exists():
                earlier = self.file.read_bytes()
                self._write(lambda file: file.write(earlier), {"judged": epoch})

    def on_train_end(self, logs=None):
        if self.file.exists():
            self.model.load_weights(self.file)
        else:
            warnings.warn(
                f"No epoch logged a finite {self.monitor!r}, so the last "
                "weights are kept, not the best.",
                stacklevel=2,
            )

    def _write(self, write, attributes):
        def write_with_attributes(file):
            write(file)
            with h5py.File(file, "a") as store:
                store.attrs.update(attributes)

        write_whole(self.file, write_with_attributes)
