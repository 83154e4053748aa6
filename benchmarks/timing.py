"""Ratios of the times that `recipes.common.timing` measures."""

from collections.abc import Mapping


def print_ratios(title: str, times: Mapping[str, float], ours: str) -> None:
    """Print medians, and how many times as long as ours the others take.

    Args:
        title: Description of what was timed.
        times: Milliseconds by name.
        ours: Name to which the ratios refer.
    """
    print(title)
    for name, milliseconds in times.items():
        ratio = milliseconds / times[ours]
        print(f"  {name:36s} {milliseconds:9.2f} ms  {ratio:6.2f} x")
