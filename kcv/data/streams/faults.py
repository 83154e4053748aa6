"""All faults of a set at once, where readers would end at the first one.

Readers check entry by entry, each inside of `one_entry`. An error ends the
reading, unless `gather_faults` is active: then it is kept, the entry is left
out, and the reader continues with the next one.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import NamedTuple


class Fault(NamedTuple):
    """What is wrong in the files of a set.

    Attributes:
        text: A message that names the place.
        is_error: Whether a reader refuses the set because of it. Otherwise it
            is read, or left out, without an error.
    """

    text: str
    is_error: bool


_gathered: ContextVar[dict[Fault, None] | None] = ContextVar(
    "gathered", default=None
)


@contextlib.contextmanager
def gather_faults() -> Iterator[dict[Fault, None]]:
    """Keep the faults that readers meet, in a dict with each of them once."""
    faults: dict[Fault, None] = {}
    token = _gathered.set(faults)
    try:
        yield faults
    finally:
        _gathered.reset(token)


def is_gathering() -> bool:
    """Return whether faults are gathered."""
    return _gathered.get() is not None


def note(text: str) -> None:
    """Keep a remark about an entry that is no error, if faults are gathered."""
    faults = _gathered.get()
    if faults is not None:
        faults[Fault(text, False)] = None


@contextlib.contextmanager
def one_entry() -> Iterator[None]:
    """Read an entry whose error need not end the reading."""
    try:
        yield
    except (ValueError, OSError) as error:
        faults = _gathered.get()
        if faults is None:
            raise
        faults[Fault(str(error), True)] = None
