"""The choice between fast operations and those that converters take.

A few layers use operations of TensorFlow that LiteRT and ONNX do not have,
because they are faster. While a model is traced for a converter, these layers
compute the same by common operations.
"""

import contextlib
import contextvars
from collections.abc import Iterator

_IS_PORTABLE = contextvars.ContextVar("is_portable", default=False)


@contextlib.contextmanager
def portable_operations() -> Iterator[None]:
    """Let layers that are called in this context use common operations only.

    Example:

    >>> with portable_operations():
    ...     is_portable()
    True
    >>> is_portable()
    False
    """
    token = _IS_PORTABLE.set(True)
    try:
        yield
    finally:
        _IS_PORTABLE.reset(token)


def is_portable() -> bool:
    """Return whether `portable_operations` is in force."""
    return _IS_PORTABLE.get()
