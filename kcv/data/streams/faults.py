"""Gather all faults of a dataset, instead of raising the first one.

Readers check each entry inside of `one_entry`. An error ends the reading,
unless `gather_faults` is active. Then the error is kept, the entry is left out,
and the reader continues with the next one.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import NamedTuple


class Fault(NamedTuple):
    """A fault in the files of a dataset.

    Attributes:
        text: Message that names the place.
        is_error: Whether a reader raises an error because of it. If False, the
            entry is read or left out without an error.
    """

    text: str
    is_error: bool


_gathered: ContextVar[dict[Fault, None] | None] = ContextVar(
    "gathered", default=None
)


@contextlib.contextmanager
def gather_faults() -> Iterator[dict[Fault, None]]:
    """Collect the faults that readers find, each once, as keys of a dict."""
    faults: dict[Fault, None] = {}
    token = _gathered.set(faults)
    try:
        yield faults
    finally:
        _gathered.reset(token)


def is_gathering() -> bool:
    """Return whether faults are collected at the moment."""
    return _gathered.get() is not None


def note(text: str) -> None:
    """Add a remark that is not an error, if faults are collected.

    Args:
        text: Text of the remark.
    """
    faults = _gathered.get()
    if faults is not None:
        faults[Fault(text, False)] = None


@contextlib.contextmanager
def one_entry() -> Iterator[None]:
    """Return a context in which an error concerns a single entry only."""
    try:
        yield
    except (ValueError, OSError) as error:
        faults = _gathered.get()
        if faults is None:
            raise
        faults[Fault(str(error), True)] = None
