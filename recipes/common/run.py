"""What all recipes share: options, the output folder, resuming."""

import csv
import dataclasses
import io
import json
import sys
import time
from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import h5py
import keras
import numpy as np
import tensorflow as tf

from kcv.storage import write_whole

_RANDOM_STATES = "random_states"


@dataclasses.dataclass(frozen=True)
class Run:
    """Options of every recipe.

    Attributes:
        out: Output folder of the run.
        epochs: Number of epochs; by default the recipe's.
        batch_size: Images per update; by default the recipe's.
        resume: Go on where a run with the same options was stopped.
        export: Also publish the trained model there for TensorFlow Serving.
        precision: Keras policy; mixed_bfloat16 pays on CPUs with AMX or
            avx512_bf16 and on GPUs.
        jit: Compile the steps with XLA, where the model allows it.
        seed: Of weights, data and sampling.
        distribute: One device, or a copy of the model on each GPU.
    """

    out: Path
    epochs: int | None = None
    batch_size: int | None = None
    resume: bool = True
    export: Path | None = None
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    jit: bool = False
    seed: int = 3
    distribute: Literal["none", "mirrored"] = "none"


def prepare(run: Run, configuration: dict) -> tf.distribute.Strategy:
    """Set seeds and precision, and make sure that the folder is this run's.

    Args:
        run: the common options.
        configuration: all options of the recipe, written to `config.json`;
            a folder with another configuration is not resumed.

    Returns:
        The strategy under whose scope the model belongs.

    Raises:
        FileExistsError: if the folder holds the backup of a run with other
            options.
    """
    keras.utils.set_random_seed(run.seed)
    # So that a resumed run ends with the weights of an uninterrupted one.
    tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(run.precision)

    run.out.mkdir(parents=True, exist_ok=True)
    text = configuration_text(configuration)
    file = run.out / "config.json"
    backup = EpochBackup(run.out / "backup")
    if not run.resume:
        backup.clear()
    elif backup.epoch and file.exists() and file.read_text() != text:
        raise FileExistsError(
            f"{run.out} holds a stopped run with other options (see "
            f"{file}). Give another folder by --out, or start it anew with "
            "--no-resume."
        )
    write_whole(file, text.encode())
    if run.distribute == "mirrored":
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def configuration_text(configuration: dict) -> str:
    """Write the options of a recipe as `config.json` has them."""
    return json.dumps(configuration, indent=2, default=str, sort_keys=True)


class EpochBackup(keras.callbacks.Callback):
    """Keep the whole state of training after each epoch, in one file.

    `keras.callbacks.BackupAndRestore` writes weights and epoch to two files;
    a run killed between the two would repeat an epoch it has had. Here the
    name of the file is the epoch, and it appears by a rename.

    Args:
        folder: where the backup lies; made when needed.
    """

    def __init__(self, folder: Path):
        super().__init__()
        self.folder = Path(folder)

    @property
    def epoch(self) -> int:
        """Number of epochs that are done: `fit(initial_epoch=...)`."""
        return max((self._number(file) for file in self._files()), default=0)

    def on_train_begin(self, logs=None):
        for file in self._files():
            if self._number(file) == self.epoch:
                # The state of the optimiser has no place to go before.
                self.model.optimizer.build(self.model.trainable_variables)
                self.model.load_weights(file)
                with h5py.File(file) as store:
                    for number, state in enumerate(self._random_states()):
                        state.assign(store[f"{_RANDOM_STATES}/{number}"][()])

    def on_epoch_end(self, epoch, logs=None):
        self.folder.mkdir(parents=True, exist_ok=True)
        earlier = self._files()
        temporary = self.folder / "unfinished.weights.h5"
        try:
            self.model.save_weights(temporary, overwrite=True)
            with h5py.File(temporary, "a") as store:
                for number, state in enumerate(self._random_states()):
                    store[f"{_RANDOM_STATES}/{number}"] = state.numpy()
            temporary.rename(self.folder / f"epoch-{epoch + 1}.weights.h5")
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        for file in earlier:
            file.unlink()

    def _random_states(self):
        return [
            variable
            for variable in self.model.variables
            if variable.path.endswith("seed_generator_state")
        ]

    def clear(self) -> None:
        """Forget the run."""
        for file in self._files():
            file.unlink()

    def _files(self):
        return sorted(self.folder.glob("epoch-*.weights.h5"))

    @staticmethod
    def _number(file):
        return int(file.name.split(".")[0].removeprefix("epoch-"))


class Stopwatch(keras.callbacks.Callback):
    """Log the seconds that each epoch took, evaluation not included."""

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["seconds"] = time.perf_counter() - self._start


class StopAtNaN(keras.callbacks.Callback):
    """Raise an error as soon as the loss is not finite.

    `keras.callbacks.TerminateOnNaN` by default lets the epoch end, and the
    weights that are lost would take the place of the last good backup.
    """

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss", 0.0)
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"the loss is {loss} at update {batch + 1} of epoch "
                f"{self._epoch + 1}; the backup of the epoch before is left. "
                "Look for a learning rate that is too high, for inputs that "
                "are not finite, and at --precision float32"
            )


def callbacks(run: Run, *measures: keras.callbacks.Callback) -> list:
    """List the callbacks of a recipe in the order that they need.

    Args:
        run: the common options.
        *measures: callbacks that add to the logs of an epoch.

    Returns:
        Stopwatch, measures, history.csv, TensorBoard where it is installed,
        and last the backup, which makes the epoch count.
    """
    done = EpochBackup(run.out / "backup").epoch
    history = run.out / "history.csv"
    _keep_epochs(history, done)
    listed = [
        Stopwatch(),
        *measures,
        keras.callbacks.CSVLogger(history, append=done > 0),
        StopAtNaN(),
    ]
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        pass
    else:
        listed.append(keras.callbacks.TensorBoard(run.out / "tensorboard"))
    return [*listed, EpochBackup(run.out / "backup")]


def _keep_epochs(history: Path, done: int) -> None:
    """Drop rows of epochs that were logged but not backed up."""
    if not history.exists():
        return
    rows = list(csv.reader(io.StringIO(history.read_text())))
    kept = [row for row in rows[1:] if int(row[0]) < done]
    write_rows(history, [*rows[:1], *kept])


def write_rows(file: Path, rows: Iterable[Iterable]) -> None:
    """Write a CSV file, of which the first row names the columns."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_whole(file, text.getvalue().encode())


def read_history(*folders: Path) -> dict[str, list[float]]:
    """Read `history.csv`, earlier parts of a resumed run included.

    Args:
        *folders: of a run, or of its steps one after another.

    Returns:
        Column to values, one for each epoch, which are counted through; NaN
        where a step has no such column.
    """
    epochs = []
    for folder in folders:
        with open(folder / "history.csv", newline="") as file:
            epochs += csv.DictReader(file)
    columns = list(dict.fromkeys(name for row in epochs for name in row))
    history = {
        name: [float(row.get(name, "nan")) for row in epochs]
        for name in columns
        # Keras makes a column of a validation that did not happen.
        if all(row.get(name) != "NA" for row in epochs)
    }
    return {**history, "epoch": [float(i) for i in range(len(epochs))]}


def save_model(model: keras.Model, folder: Path) -> Path:
    """Write `model.keras` whole or not at all."""
    temporary = folder / "unfinished.keras"
    try:
        model.save(temporary)
        return temporary.rename(folder / "model.keras")
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def write_labels(class_names: Sequence[str], folder: Path) -> Path:
    """Write `labels.txt`, by which `python -m export` names classes.

    Args:
        class_names: of the labels 0, 1, ...
        folder: of the run.

    Returns:
        The file, one name a line.
    """
    file = folder / "labels.txt"
    write_whole(file, "".join(f"{name}\n" for name in class_names).encode())
    return file


def command_line() -> str:
    """Return the command that started this run."""
    module = sys.modules["__main__"].__spec__
    name = module.name if module else sys.argv[0]
    return " ".join(["python -m", name, *sys.argv[1:]])
