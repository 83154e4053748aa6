"""Keras callbacks that a command line names."""

import importlib
from collections.abc import Iterable

import keras


def load_callbacks(names: Iterable[str]) -> list[keras.callbacks.Callback]:
    """Import callbacks of other packages, or of one's own files.

    Args:
        names: Callbacks as MODULE:NAME, such as
            "wandb.integration.keras:WandbMetricsLogger". NAME is a class that
            is created without arguments, or an object.

    Returns:
        The callbacks, in the same order.

    Raises:
        ValueError: If a name does not lead to a callback. The message says why.

    Example:

    >>> [stop] = load_callbacks(["keras.callbacks:TerminateOnNaN"])
    >>> type(stop).__name__
    'TerminateOnNaN'
    """
    return [_load(name, _make) for name in names]


def check_callbacks(names: Iterable[str]) -> None:
    """Import callbacks without creating any, which may have effects.

    Args:
        names: Callbacks as MODULE:NAME, see `load_callbacks`.

    Raises:
        ValueError: If a name does not lead to a callback. The message says why.
    """
    for name in names:
        _load(name, _find)


def _load(name, find):
    try:
        found = find(name)
    except Exception as error:  # Whatever a module or a class may raise.
        raise ValueError(
            "`callbacks` must name a Keras callback as MODULE:NAME. Received: "
            f"callbacks={name!r}, which fails with {type(error).__name__}: "
            f"{error}"
        ) from error
    kind = found if isinstance(found, type) else type(found)
    if not issubclass(kind, keras.callbacks.Callback):
        raise ValueError(
            "`callbacks` must name a Keras callback as MODULE:NAME. Received: "
            f"callbacks={name!r}, which is {found!r}"
        )
    return found


def _find(name: str) -> object:
    module, colon, path = name.partition(":")
    if not (module and colon and path):
        raise ValueError("the name is not MODULE:NAME")
    found = importlib.import_module(module)
    for attribute in path.split("."):
        found = getattr(found, attribute)
    return found


def _make(name: str) -> object:
    found = _find(name)
    return found() if isinstance(found, type) else found
