"""Learning rate schedules that Keras does not name."""

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
