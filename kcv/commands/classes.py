"""The classes of a model and those of a dataset, brought together by name."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Classes(NamedTuple):
    """Classes in the order of a model.

    Attributes:
        names: Names of the classes.
        labels: Label of the model for each of the N labels of the dataset.
            Int64 array (N,).
    """

    names: tuple[str, ...]
    labels: np.ndarray

    def order(self, counts: ArrayLike) -> np.ndarray:
        """Bring numbers per class of the dataset into the order of the model.

        Args:
            counts: Numbers, one for each class of the dataset, (N,).

        Returns:
            Numbers, one for each class of the model. Int64 array.
        """
        ordered = np.zeros(len(self.names), np.int64)
        np.add.at(ordered, self.labels, counts)
        return ordered


def match_classes(
    data: Sequence[str], model: Sequence[str], source: str
) -> Classes:
    """Find the classes of a dataset among those of a model.

    Args:
        data: Names of the classes of the dataset.
        model: Names of the classes of the model, which may have others, too. If
            there are none, the classes of the dataset are taken in their order.
        source: Name of the dataset in the error message.

    Returns:
        The classes.

    Raises:
        ValueError: If the model does not have a class of the dataset.

    Example:

    >>> match_classes(["dog"], ["cat", "dog"], "mine").labels.tolist()
    [1]
    """
    names = tuple(model or data)
    if names == tuple(data):
        return Classes(names, np.arange(len(names)))
    unknown = [name for name in data if name not in names]
    if unknown:
        raise ValueError(
            f"`data` must have classes of the model. {source} has "
            f"{len(unknown)} others: {_some(unknown)}. The model has "
            f"{_some(names)}."
        )
    return Classes(names, np.array([names.index(name) for name in data]))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(map(repr, names[:8])) + more
