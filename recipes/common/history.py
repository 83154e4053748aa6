"""The file `history.csv` of a run: the logs of its epochs."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras

from kcv.storage import write_whole


def write_rows(file: Path, rows: Iterable[Iterable]) -> None:
    """Write a CSV file whole or not at all.

    Args:
        file: Path of the file.
        rows: Rows of values. The first names the columns.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_whole(file, text.getvalue().encode())


class HistoryFile(keras.callbacks.Callback):
    """Write the logs of each epoch as a row, the whole file at once.

    `keras.callbacks.CSVLogger` keeps the file open and appends to it, so that a
    full disk leaves half a row.

    Args:
        file: Path of a `history.csv`. Rows that it has are kept.
    """

    def __init__(self, file: Path):
        super().__init__()
        self.file = file

    def on_train_begin(self, logs=None):
        self._rows: list[dict[str, Any]] = []
        if self.file.exists():
            with open(self.file, newline="") as file:
                self._rows = [*csv.DictReader(file)]

    def on_epoch_end(self, epoch, logs=None):
        values = {
            name: float((logs or {})[name]) for name in sorted(logs or {})
        }
        self._rows.append({"epoch": epoch, **values})
        columns = dict.fromkeys(name for row in self._rows for name in row)
        # Not every epoch is evaluated.
        rows = ([row.get(key, "NA") for key in columns] for row in self._rows)
        write_rows(self.file, [columns, *rows])


def keep_epochs(file: Path, count: int) -> None:
    """Drop the rows of epochs that were logged but not backed up.

    Args:
        file: Path of a `history.csv`. It need not exist.
        count: Number of epochs to keep.
    """
    if not file.exists():
        return
    rows = list(csv.reader(io.StringIO(file.read_text("utf-8"))))
    kept = [row for row in rows[1:] if int(row[0]) < count]
    write_rows(file, [*rows[:1], *kept])


def read_history(*folders: Path) -> dict[str, list[float]]:
    """Read the logs of a run, or of its stages one after another.

    Args:
        *folders: Folders with a `history.csv`.

    Returns:
        Dict from column to one value per epoch. Epochs are counted through,
        and a stage without a column has NaN in it.
    """
    epochs = []
    for folder in folders:
        with open(folder / "history.csv", newline="") as file:
            epochs += csv.DictReader(file)
    columns = list(dict.fromkeys(name for row in epochs for name in row))
    history = {
        name: [float(row.get(name, "nan")) for row in epochs]
        for name in columns
        # An evaluation may happen in some epochs only.
        if all(row.get(name) != "NA" for row in epochs)
    }
    return {**history, "epoch": [float(i) for i in range(len(epochs))]}
