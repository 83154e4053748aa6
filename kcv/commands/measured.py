"""What a measure of a model tells in the end."""

import heapq
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kcv.visualize import pictures_figure

# Numbers of the worst images that are listed, and that are shown.
_LISTED = 20
_SHOWN = 6


class Measured(NamedTuple):
    """Figures of a model on a dataset.

    Attributes:
        metrics: Numbers by name, the most important first.
        tables: Rows by caption. A row is a dict from column to value.
        figures: Matplotlib figures by caption.
    """

    metrics: Mapping[str, float]
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    figures: Mapping[str, Any]


class WorstImages:
    """The images that a model does worst on.

    Memory is taken by the pixels of the few that are shown.
    """

    def __init__(self):
        self._rows = []
        self._shown = []

    def add(self, badness: float, row: dict[str, Any], shown: Any) -> None:
        """Add an image.

        Args:
            badness: Number that is larger for a worse image. At 0 it is good
                and not listed.
            row: Row of the table.
            shown: Data for the drawing of the image.
        """
        if badness <= 0:
            return
        # The first of two that are equally bad, without comparing the rest.
        rank = (badness, -len(self._rows))
        self._rows.append((rank, row))
        heapq.heappush(self._shown, (rank, shown))
        if len(self._shown) > _SHOWN:
            heapq.heappop(self._shown)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the worst images, the worst first."""
        return [row for _, row in heapq.nlargest(_LISTED, self._rows, _rank)]

    def shown(self) -> list[Any]:
        """Return what was kept of the worst images, the worst first."""
        return [shown for _, shown in sorted(self._shown, key=_rank)[::-1]]


def _rank(entry):
    return entry[0]


def images_figure(shown: Sequence[tuple[str, np.ndarray]], columns: int) -> Any:
    """Show images in rows, with numbers that keep equal titles apart.

    Args:
        shown: Pairs of a title and an image (H, W, 3), at least one.
        columns: Number of images of a row.

    Returns:
        Matplotlib figure.
    """
    pairs = [
        (f"{k}: {title}", image) for k, (title, image) in enumerate(shown, 1)
    ]
    starts = range(0, len(pairs), columns)
    return pictures_figure(*(dict(pairs[k : k + columns]) for k in starts))


def class_rows(
    names: Sequence[str], columns: Mapping[str, ArrayLike]
) -> list[dict[str, Any]]:
    """Make the rows of a table of classes.

    Args:
        names: Names of the classes.
        columns: Numbers, one for each class, by the heading of their column.

    Returns:
        A row for each class.

    Example:

    >>> class_rows(["cat", "dog"], {"objects": [2, 3]})
    [{'class': 'cat', 'objects': 2}, {'class': 'dog', 'objects': 3}]
    """
    numbers = {name: np.asarray(own).tolist() for name, own in columns.items()}
    return [
        {"class": name, **{column: own[k] for column, own in numbers.items()}}
        for k, name in enumerate(names)
    ]


def image_name(example: Mapping[str, Any]) -> str:
    """Return the id of an example as text.

    Args:
        example: Single example with `image_id`.

    Returns:
        The id.
    """
    name = np.asarray(example["image_id"]).item()
    return name.decode() if isinstance(name, bytes) else str(name)
