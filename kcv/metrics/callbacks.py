"""Metrics of held-out data that `fit` shows, records and monitors."""

from collections.abc import Callable
from numbers import Real

import keras

from kcv.metrics.collect import collect_detections
from kcv.metrics.voc import voc_average_precision


class PeriodicEvaluation(keras.callbacks.Callback):
    """Base of callbacks that measure a model at the end of epochs.

    A subclass has a method `measure()` that returns a dictionary of figures.
    The first epoch of a `fit` and its last one are always measured, as are
    those whose number (from 1) is a multiple of `every`. In the others the
    figures are NaN, since `CSVLogger` keeps the columns of its first epoch, and
    no checkpoint takes NaN for the best.

    Args:
        every: Number of epochs between measurements. Positive integer.
            Defaults to 1.
        prefix: Text in front of the names of the figures. Defaults to "val_".

    Raises:
        ValueError: If `every` is not positive.
    """

    def __init__(self, every: int = 1, prefix: str = "val_"):
        super().__init__()
        if every < 1:
            raise ValueError(
                f"`every` must be at least 1. Received: every={every!r}"
            )
        self.every = every
        self.prefix = prefix
        self._names: list[str] = []

    def measure(self) -> dict:
        """Compute the figures of the model as it is.

        Returns:
            Figures by name. Those that are numbers are logged.
        """
        raise NotImplementedError

    def on_train_begin(self, logs=None):
        self._names = []

    def on_epoch_end(self, epoch, logs=None):
        number = epoch + 1
        last = number == self.params.get("epochs")
        if self._names and number % self.every and not last:
            values = dict.fromkeys(self._names, float("nan"))
        else:
            values = {
                self.prefix + name: float(value)
                for name, value in self.measure().items()
                if isinstance(value, Real)
            }
            self._names = list(values)
        if logs is not None:
            logs.update(values)


class DetectionEvaluation(PeriodicEvaluation):
    """Measure a detector on held-out data at the end of epochs.

    The figures join the epoch's logs, so that the progress bar, the history,
    `CSVLogger`, `TensorBoard` and `ModelCheckpoint` have them, provided that
    those stand *behind* this callback in the list given to `fit`: Keras hands
    the logs from one to the next. The first epoch of a `fit` and its last
    one are always measured, as are those whose number (from 1) is a multiple
    of `every`. In the others the figures are NaN, since `CSVLogger` keeps the
    columns of its first epoch, and no checkpoint takes NaN for the best.

    Args:
        dataset: `tf.data.Dataset` of batches of held-out examples, as
            `kcv.data.batch` makes them. Labels are padded by -1.
        metric: Function of (ground_truth, detections) that returns a
            dictionary; its numbers are logged, nested values are not. Defaults
            to `voc_average_precision`.
        every: Number of epochs from one measurement to the next. Defaults to 1.
        prefix: Text in front of the names of the figures. Defaults to "val_".

    Example:

    ```python
    model.fit(
        train_batches,
        epochs=12,
        callbacks=[
            DetectionEvaluation(test_batches),
            keras.callbacks.ModelCheckpoint(
                "best.keras", "val_voc07_map", mode="max", save_best_only=True
            ),
        ],
    )
    ```
    """

    def __init__(
        self,
        dataset,
        metric: Callable[[dict, dict], dict] = voc_average_precision,
        every: int = 1,
        prefix: str = "val_",
    ):
        super().__init__(every, prefix)
        self.dataset = dataset
        self.metric = metric

    def measure(self) -> dict:
        """Measure the model on the held-out examples.

        Returns:
            What `metric` returns.
        """
        return self.metric(*collect_detections(self.model, self.dataset))
