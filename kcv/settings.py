"""Numbers that configure a model, grouped by what they decide.

A class of settings is a frozen dataclass that compares by value, checks its
numbers, and is saved as part of a model.
"""

import dataclasses
from typing import Self

import numpy as np


class Settings:
    """Base of the settings: how they are saved and loaded."""

    def get_config(self) -> dict:
        """Return the numbers as Keras saves them."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
        }

    @classmethod
    def from_config(cls, config: dict) -> Self:
        """Create the settings from the result of `get_config`."""
        return cls(**config)

    def _check(self, holds: bool, argument: str, rule: str) -> None:
        if not holds:
            raise ValueError(
                f"`{argument}` must be {rule}. Received: "
                f"{argument}={getattr(self, argument)!r}"
            )

    def _set(self, argument: str, value: object) -> None:
        # A frozen dataclass offers no other way to normalize an argument.
        object.__setattr__(self, argument, value)


def is_count(value: object) -> bool:
    """Return whether a value is a whole number of at least 1.

    Args:
        value: Value of any type.

    Example:

    >>> is_count(3), is_count(0), is_count(2.5)
    (True, False, False)
    """
    return isinstance(value, int | float | np.number) and bool(
        int(value) == value and value >= 1
    )


def is_share(value: float) -> bool:
    """Return whether a number is in [0, 1].

    Args:
        value: Number.

    Example:

    >>> is_share(0.5), is_share(1.5)
    (True, False)
    """
    return bool(0 <= value <= 1)
