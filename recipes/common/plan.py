"""Plans: how long a network is trained, and how options change that."""

import logging
from typing import NamedTuple
from typing import Self

import keras

import kcv
from kcv.data import BATCH_GROUP
from kcv.training import warm_cosine
from recipes.common.run import Run

# Number of times that a plan shows each image of a small dataset: the number of
# epochs that Ultralytics trains detectors for if it is not told another.
REPEATS = 100

_LOG = logging.getLogger(__name__)


class Plan(NamedTuple):
    """How long a network is trained, and on how many images at once.

    Attributes:
        batch_size: Images per step.
        steps: Steps of the whole training.
        epochs: Number of epochs into which the steps are divided.
        learning_rate: Highest learning rate.
        accumulate: Number of steps whose gradients are averaged to one update.
            Defaults to 1.
    """

    batch_size: int
    steps: int
    epochs: int
    learning_rate: float
    accumulate: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Steps of one epoch."""
        return self.steps // self.epochs

    @property
    def images_per_epoch(self) -> int:
        """Images that one epoch shows."""
        return self.steps_per_epoch * self.batch_size

    def with_options(
        self,
        run: Run,
        group: int = BATCH_GROUP,
        linear_rate: bool = False,
        images: int | None = None,
    ) -> Self:
        """Change the plan as the options of a run ask for.

        With another batch size or number of epochs, an epoch shows as many
        images as before. A dataset with few images shortens the epochs, so that
        the epochs of the plan show each image about 100 times at most. A log
        line says so.

        Args:
            run: Options of the recipe.
            group: Number of steps, a multiple of which an epoch has.
                `kcv.data.batch` groups images over 8 batches, and a run can
                only be resumed exactly between two groups. 1 for other batches.
                Defaults to 8.
            linear_rate: Whether the plan's learning rate grows in proportion
                to the batch size. Defaults to False.
            images: Number of training images. Defaults to None, for as many as
                the plan shows.

        Returns:
            The plan, whose `steps` are a multiple of `epochs`.

        Raises:
            ValueError: If `run.steps_per_epoch` is not a multiple of `group`.

        Example:

        >>> from pathlib import Path
        >>> plan = Plan(batch_size=4, steps=4096, epochs=8, learning_rate=1e-3)
        >>> run = Run(out=Path("runs/mine"), epochs=2, batch_size=8)
        >>> plan = plan.with_options(run)
        >>> plan.batch_size, plan.epochs, plan.steps
        (8, 2, 512)
        """
        steps = run.steps_per_epoch
        if steps is not None and steps % group:
            raise ValueError(
                f"`steps_per_epoch` must be a multiple of {group}, so that a "
                f"run can be resumed exactly. Received: steps_per_epoch={steps}"
            )
        batch_size = run.batch_size or self.batch_size
        if steps is None:
            shown = self.steps * self.batch_size
            limit = shown if images is None else min(REPEATS * images, shown)
            groups = round(limit / self.epochs / batch_size / group)
            steps = max(groups, 1) * group
            if images is not None and limit < shown:
                _log_few(self, images, steps * self.epochs * batch_size)
        epochs = run.epochs or self.epochs
        rate = self.learning_rate
        if linear_rate:
            rate *= batch_size / self.batch_size
        return self._replace(
            batch_size=batch_size,
            steps=steps * epochs,
            epochs=epochs,
            learning_rate=run.learning_rate or rate,
        )


def _log_few(plan: Plan, images: int, shown: int) -> None:
    _LOG.warning(
        "%s training images are few for a plan of %s. Its %d epochs show %s, "
        "each image about %d times. --epochs and --steps-per-epoch change it.",
        f"{images:,}",
        f"{plan.steps * plan.batch_size:,}",
        plan.epochs,
        f"{shown:,}",
        round(shown / images),
    )


def count_images(images: kcv.data.DataSet) -> int:
    """Return the number of images of a dataset, which epochs are planned by.

    Args:
        images: Dataset, read once.

    Returns:
        The number of images.

    Raises:
        ValueError: If the number is not known.
    """
    if images.size is None:
        raise ValueError(
            "`images` must have a known number of images. Received: "
            f"images.size={images.size}"
        )
    return images.size


def plan_epochs(
    run: Run, images: int, batch_size: int, epochs: int, learning_rate: float
) -> Plan:
    """Plan epochs each of which shows all images of a set once.

    Args:
        run: Options of the recipe, which may change every number of the plan.
        images: Number of images of the set.
        batch_size: Images per step.
        epochs: Number of epochs.
        learning_rate: Highest learning rate.

    Returns:
        The plan, with the options of the run.
    """
    batch_size = run.batch_size or batch_size
    steps = max(images // batch_size, 1)
    plan = Plan(batch_size, epochs * steps, epochs, learning_rate)
    return plan.with_options(run, group=1)


def make_adamw(plan: Plan) -> keras.optimizers.Optimizer:
    """Make an optimizer that learns from random weights in minutes.

    Args:
        plan: Plan of the training.

    Returns:
        AdamW with a warmed-up cosine as its learning rate.
    """
    return keras.optimizers.AdamW(
        warm_cosine(plan.steps, plan.learning_rate),
        weight_decay=1e-4,
        global_clipnorm=10.0,
    )


def make_muon(plan: Plan) -> keras.optimizers.Optimizer:
    """Make an optimizer that needs fewer updates, each of more arithmetic.

    Args:
        plan: Plan of the training.

    Returns:
        Muon with a warmed-up cosine as its learning rate, and AdamW for the
        layers that compute scores.
    """
    return kcv.optimizers.Muon(
        warm_cosine(plan.steps, plan.learning_rate),
        exclude_layers=["score"],
        weight_decay=1e-4,
        adam_weight_decay=1e-4,
        global_clipnorm=10.0,
    )
