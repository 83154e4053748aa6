"""Median times of several functions, measured alternately."""

import statistics
import time
from collections.abc import Callable
from collections.abc import Mapping


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
