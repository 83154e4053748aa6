"""Learning rate schedules that Keras does not name."""

from collections.abc import Sequence

import keras


def warm_cosine(
    updates: int, learning_rate: float
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Make a learning rate that is warmed up and then falls to zero.

    Args:
        updates: Number of updates of the whole training. The first sixteenth
            warms up, the rest follows half a period of a cosine.
        learning_rate: Highest learning rate.

    Returns:
        A Keras learning rate schedule.

    Example:

    >>> rate = warm_cosine(160, 1e-3)
    >>> [round(float(rate(step)), 6) for step in (0, 10, 160)]
    [0.0, 0.001, 0.0]
    """
    warmup = updates // 16
    return keras.optimizers.schedules.CosineDecay(
        0.0,
        updates - warmup,
        warmup_target=learning_rate,
        warmup_steps=warmup,
    )


def step_decay(
    learning_rate: float, drops: Sequence[int], gamma: float = 0.1
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Make a learning rate that falls as in Caffe's "step" and "multistep".

    The rate is lower from the update of that number on, the first update
    having number 0. `keras.optimizers.schedules.PiecewiseConstantDecay` with
    the same numbers falls one update later.

    Args:
        learning_rate: Learning rate of the first update.
        drops: Numbers of the updates at which the rate falls. Sequence of
            increasing integers.
        gamma: Factor by which the rate is multiplied. Defaults to 0.1.

    Returns:
        A Keras learning rate schedule.

    Example:

    >>> rate = step_decay(1e-3, [50_000])
    >>> [round(float(rate(step)), 6) for step in (49_999, 50_000, 50_001)]
    [0.001, 0.0001, 0.0001]
    """
    return keras.optimizers.schedules.PiecewiseConstantDecay(
        [drop - 1 for drop in drops],
        [learning_rate * gamma**power for power in range(len(drops) + 1)],
    )
