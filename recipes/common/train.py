"""Training that can be stopped: one call of `fit` for every recipe."""

from collections.abc import Callable

import keras
import tensorflow as tf

from kcv.locks import FolderLock
from kcv.training import BestWeights
from kcv.training import EpochBackup
from kcv.training import StopAtNaN
from kcv.training import Stopwatch
from kcv.training import completed_epochs
from recipes.common.callbacks import load_callbacks
from recipes.common.history import HistoryFile
from recipes.common.history import keep_epochs
from recipes.common.plan import Plan
from recipes.common.run import Run

_MONITOR = ("val_loss", "min")
_BEST = "best.weights.h5"


def train(
    run: Run,
    model: keras.Model,
    plan: Plan,
    batches: Callable[[int], tf.data.Dataset],
    *measures: keras.callbacks.Callback,
    monitor: tuple[str, str] = _MONITOR,
    validation_data: tf.data.Dataset | None = None,
) -> None:
    """Train a compiled model, or continue where its training was stopped.

    A finished training is prolonged by a plan of more epochs. Weights, the
    state of the optimizer, the number of updates and the place in the stream
    are those of the end. The learning rate is what the schedule of the longer
    plan has for the next update: a cosine that had fallen to zero rises to
    where the longer one is, and falls again. The result is not that of an
    uninterrupted training of the longer plan, whose rate was higher before.

    Args:
        run: Options of the recipe, with the folder of this training.
        model: Compiled model.
        plan: Plan of the training, with the options of the run.
        batches: Function from the position of the first example to the stream
            of batches that begins there.
        *measures: Callbacks that add values to the logs of an epoch.
        monitor: Name of the logged value by which `run.patience` judges an
            epoch, and "min" or "max". Defaults to `("val_loss", "min")`.
        validation_data: Batches whose loss is logged after each epoch. They are
            of `run.watched_split`, so that `run.patience` does not judge by
            held-out images. If None, nothing is logged. Defaults to None.

    Raises:
        ValueError: If `run.validation_part` is positive and no epoch is
            evaluated, or more epochs are completed than the plan has.
        FolderInUseError: If another process writes to the folder.
    """
    if run.validation_part and not measures and validation_data is None:
        name = "patience" if run.patience else "validation"
        raise ValueError(
            f"`{name}` must be left out of training whose epochs are not "
            f"evaluated: --epochs says how long it is. Received: "
            f"{name}={getattr(run, name)}"
        )
    with FolderLock(run.out):
        _train(run, model, plan, batches, measures, monitor, validation_data)


def is_finished(
    run: Run, plan: Plan, monitor: tuple[str, str] = _MONITOR
) -> bool:
    """Return whether a training has ended, by its epochs or by `run.patience`.

    Args:
        run: Options of the recipe, with the folder of this training.
        plan: Plan of the training.
        monitor: Name of the logged value by which epochs are judged, and "min"
            or "max". Defaults to ("val_loss", "min").
    """
    done = completed_epochs(run.backup)
    best = _best_weights(run, monitor)
    return done >= plan.epochs or (best is not None and best.has_stopped(done))


def _train(run, model, plan, batches, measures, monitor, validation_data):
    done = completed_epochs(run.backup)
    if done > plan.epochs:
        raise ValueError(
            f"`epochs` must be at least {done}, the number of epochs that "
            f"{run.out} has completed. Received: epochs={plan.epochs}. Give "
            "another folder by --out, or start over with --no-resume."
        )
    keep_epochs(run.out / "history.csv", done)
    if not done:  # Left by a run that was started over.
        (run.out / _BEST).unlink(missing_ok=True)
    finished = is_finished(run, plan, monitor)
    # `fit` would do so while it builds the graph of an update, and then have
    # to build it a second time.
    with model.distribute_strategy.scope():
        model.optimizer.build(model.trainable_variables)
    model.fit(
        batches(done * plan.images_per_epoch),
        epochs=done if finished else plan.epochs,
        initial_epoch=done,
        steps_per_epoch=plan.steps_per_epoch,
        shuffle=False,  # The stream is shuffled.
        callbacks=_callbacks(run, measures, _best_weights(run, monitor)),
        validation_data=validation_data,
    )


def _best_weights(run, monitor) -> BestWeights | None:
    if run.patience is None:
        return None
    return BestWeights(run.out / _BEST, monitor[0], run.patience, monitor[1])


def _callbacks(run, measures, best) -> list:
    """List the callbacks in the order that they need.

    The backup is last: it makes an epoch count.
    """
    listed = [
        Stopwatch(),
        *measures,
        HistoryFile(run.out / "history.csv"),
        StopAtNaN(),
    ]
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        pass
    else:
        listed.append(keras.callbacks.TensorBoard(run.out / "tensorboard"))
    if best is not None:
        listed.append(best)
    listed += load_callbacks(run.callbacks)
    return [*listed, EpochBackup(run.backup)]
