"""Booleans in the spellings of annotation tools."""

from typing import Any

_TRUE = ("1", "1.0", "true", "yes", "t", "y")
_FALSE = ("0", "0.0", "false", "no", "f", "n", "", "none", "unspecified")


def read_flag(value: Any, where: str) -> bool:
    """Read a boolean, such as `difficult` or `iscrowd`.

    Args:
        value: Value of the file: a number, a boolean, text, or None.
        where: Place of the value in error messages, with its file.

    Returns:
        The boolean. It is False for None and for empty text.

    Raises:
        ValueError: If the value is not a boolean in any known spelling.

    Example:

    >>> read_flag(" True ", "a.xml: object 0"), read_flag("0", "a.json")
    (True, False)
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    text = str(value).strip().lower()
    is_scalar = isinstance(value, str | int | float)
    if not is_scalar or text not in (*_TRUE, *_FALSE):
        raise ValueError(f"{where} must be 0 or 1. Received: {value!r}")
    return text in _TRUE
