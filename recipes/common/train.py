"""Training that can be stopped: one call of `fit` for every recipe."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kcv.training import BestWeights
from kcv.training import EpochBackup
from kcv.training import StopAtNaN
from kcv.training import Stopwatch
from kcv.training import completed_epochs
from recipes.common.history import keep_epochs
from recipes.common.plan import Plan
from recipes.common.run import Run


def train(
    run: Run,
    model: keras.Model,
    plan: Plan,
    batches: Callable[[int], tf.data.Dataset],
    *measures: keras.callbacks.Callback,
    monitor: tuple[str, str] = ("val_loss", "min"),
    **options: Any,
) -> None:
    """Train a compiled model, or continue where its training was stopped.

    Args:
        run: Options of the recipe, with the folder of this training.
        model: Compiled model.
        plan: Plan of the training, with the options of the run.
        batches: Function from the position of the first example to the stream
            of batches that begins there.
        *measures: Callbacks that add values to the logs of an epoch.
        monitor: Name of the logged value by which `run.patience` judges an
            epoch, and "min" or "max".
        **options: Further arguments of `fit`, such as `validation_data`.

    Raises:
        ValueError: If `run.patience` is given and no epoch is evaluated.
    """
    if run.patience and not measures and "validation_data" not in options:
        raise ValueError(
            "`patience` must be left out of training whose epochs are not "
            f"evaluated. Received: patience={run.patience}"
        )
    done = completed_epochs(run.backup)
    model.fit(
        batches(done * plan.images_per_epoch),
        epochs=plan.epochs,
        initial_epoch=done,
        steps_per_epoch=plan.steps_per_epoch,
        shuffle=False,  # The stream is shuffled.
        callbacks=_callbacks(run, measures, monitor, done),
        **options,
    )


def _callbacks(run, measures, monitor, done) -> list:
    """List the callbacks in the order that they need.

    The backup is last: it makes an epoch count.
    """
    history = run.out / "history.csv"
    keep_epochs(history, done)
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
    if run.patience is not None:
        name, mode = monitor
        best = run.out / "best.weights.h5"
        listed.append(BestWeights(best, name, run.patience, mode))
    return [*listed, EpochBackup(run.backup)]
