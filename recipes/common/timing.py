"""Median times of several functions, measured alternately."""

import statistics
import time
from collections.abc import Callable
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf


def medians(
    functions: Mapping[str, Callable[[], object]],
    rounds: int = 15,
    warm_up: int = 3,
) -> dict[str, float]:
    """Time functions alternately and take the median of each.

    A disturbance of the machine then affects all functions alike, so that
    ratios hold where absolute times do not.

    Args:
        functions: Functions to time, by name. Each must wait for its result.
        rounds: Number of timed calls of each function. Defaults to 15.
        warm_up: Number of untimed calls of each function before, for tracing
            and caches. Defaults to 3.

    Returns:
        Milliseconds by name.
    """
    for _ in range(warm_up):
        for function in functions.values():
            function()
    times = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(t) for name, t in times.items()}


def time_models(
    models: Mapping[str, keras.Model], size: tuple[int, int], rounds: int
) -> dict[str, float]:
    """Time one image with each of several models.

    Args:
        models: Models from images (B, H, W, 3) to a tensor, by name.
        size: Height and width of the image, in pixels.
        rounds: Number of timed calls of each model.

    Returns:
        Median of the milliseconds, by name.
    """
    image = np.random.default_rng(0).uniform(0, 255, (1, *size, 3))
    image = tf.constant(image, tf.float32)

    def timed(model):
        call = tf.function(lambda x: model(x, training=False))
        return lambda: call(image).numpy()

    return medians(
        {name: timed(model) for name, model in models.items()}, rounds
    )
