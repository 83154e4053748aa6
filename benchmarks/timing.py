"""Time several functions by turns."""

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

    Alternation lets a disturbance of the machine hit all of them alike, so
    that ratios hold where absolute times do not.

    Args:
        functions: what to time, by name; each must wait for its own result.
        rounds: timed calls of each.
        warm_up: untimed calls of each, for tracing and caches.

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


def print_ratios(title: str, times: Mapping[str, float], ours: str) -> None:
    """Print medians, and how many times as long as ours the others take.

    Args:
        title: what was timed.
        times: milliseconds by name.
        ours: the name that the ratios refer to.
    """
    print(title)
    for name, milliseconds in times.items():
        ratio = milliseconds / times[ours]
        print(f"  {name:36s} {milliseconds:9.2f} ms  {ratio:6.2f} x")
