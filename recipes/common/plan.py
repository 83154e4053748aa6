"""How long networks are trained: plans, and how options change them."""

import dataclasses
from typing import NamedTuple

import keras

import kcv
from kcv.data import BATCH_GROUP
from recipes.common import run as experiment


class Plan(NamedTuple):
    """How long a network is trained, and on how many images at once.

    Attributes:
        batch_size: images per step.
        steps: in all, at that batch size.
        epochs: the parts that they are divided into.
        learning_rate: the highest.
        accumulate: steps whose gradients are averaged to one update.
    """

    batch_size: int
    steps: int
    epochs: int
    learning_rate: float
    accumulate: int = 1


class Schedule(NamedTuple):
    """A plan as it is carried out.

    Attributes:
        batch_size: images per step.
        epochs: number of epochs.
        steps: per epoch.
        learning_rate: the highest.
    """

    batch_size: int
    epochs: int
    steps: int
    learning_rate: float

    @property
    def images(self) -> int:
        """Images of an epoch."""
        return self.steps * self.batch_size

    @property
    def all_steps(self) -> int:
        """Steps of all epochs."""
        return self.epochs * self.steps


def make_schedule(
    plan: Plan, run: experiment.Run, steps_per_epoch: int | None
) -> Schedule:
    """Divide a plan into epochs, as the options of the run wish.

    Args:
        plan: what is done without options.
        run: the common options.
        steps_per_epoch: None for as many as show the plan's images.

    Returns:
        The schedule.

    Raises:
        ValueError: if an epoch would not end with a window of the data's
            batching.
    """
    check_steps(steps_per_epoch)
    batch_size = run.batch_size or plan.batch_size
    images = plan.steps * plan.batch_size / plan.epochs
    return Schedule(
        batch_size,
        run.epochs or plan.epochs,
        steps_per_epoch or whole_windows(images / batch_size),
        plan.learning_rate,
    )


class Part(NamedTuple):
    """A part of training, with a folder and a schedule of its own.

    Attributes:
        run: the common options, with that folder.
        schedule: how long.
    """

    run: experiment.Run
    schedule: Schedule


def begin_part(
    run: experiment.Run,
    name: str,
    plan: Plan,
    steps_per_epoch: int | None,
    configuration: dict,
) -> Part:
    """Begin a part of training, or go on with it.

    Args:
        run: the common options.
        name: of the part's folder, in that of the run.
        plan: what is done without options.
        steps_per_epoch: None for as many as show the plan's images.
        configuration: all options of the recipe.

    Returns:
        The part, its seeds set.
    """
    own = dataclasses.replace(run, out=run.out / name)
    experiment.prepare(own, configuration)
    return Part(own, make_schedule(plan, run, steps_per_epoch))


def whole_windows(steps: float) -> int:
    """Round steps to what ends with a window of the data's batching."""
    return max(round(steps / BATCH_GROUP), 1) * BATCH_GROUP


def check_steps(steps_per_epoch: int | None) -> None:
    """Make sure that a run of so many steps can be resumed exactly.

    Raises:
        ValueError: if an epoch would end within a window.
    """
    if steps_per_epoch is not None and steps_per_epoch % BATCH_GROUP:
        raise ValueError(
            f"steps_per_epoch must be a multiple of {BATCH_GROUP}, so that a "
            "run can be resumed exactly. Received: "
            f"steps_per_epoch={steps_per_epoch}"
        )


def warm_cosine(
    steps: int, learning_rate: float
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Make a rate that is warmed up, and falls to zero.

    Args:
        steps: of all epochs; a sixteenth of them warm up.
        learning_rate: the highest.

    Returns:
        The schedule.
    """
    return keras.optimizers.schedules.CosineDecay(
        0.0,
        steps - steps // 16,
        warmup_target=learning_rate,
        warmup_steps=steps // 16,
    )


def quick_optimizer(
    steps: int, learning_rate: float
) -> keras.optimizers.Optimizer:
    """Make a solver that learns from random weights in minutes.

    Args:
        steps: of all epochs.
        learning_rate: the highest, of `warm_cosine`.

    Returns:
        AdamW.
    """
    rate = warm_cosine(steps, learning_rate)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4, global_clipnorm=10.0)


def muon_optimizer(
    steps: int, learning_rate: float
) -> keras.optimizers.Optimizer:
    """Make a solver that needs fewer updates, each of more arithmetic.

    Args:
        steps: of all epochs.
        learning_rate: the highest, of `warm_cosine`.

    Returns:
        Muon, and AdamW for the layers that score.
    """
    return kcv.optimizers.Muon(
        warm_cosine(steps, learning_rate),
        exclude_layers=["score"],
        weight_decay=1e-4,
        adam_weight_decay=1e-4,
        global_clipnorm=10.0,
    )
