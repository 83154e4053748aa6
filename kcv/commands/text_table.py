"""Tables for a screen."""

import math
from collections.abc import Mapping
from collections.abc import Sequence
from numbers import Integral
from numbers import Real
from typing import Any


def format_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as lines with aligned columns, numbers to the right.

    Args:
        rows: Rows, dicts from column to value, with the same columns.

    Returns:
        Lines, the first with the names of the columns.

    Example:

    >>> print(format_table([{"class": "cat", "ap": 0.5}]))
    class     ap
    cat    0.500
    """
    names = list(rows[0])
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    numeric = [
        all(isinstance(row[name], Real) for row in rows) for name in names
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    )


def _cell(value: Any) -> str:
    if isinstance(value, bool | Integral) or not isinstance(value, Real):
        return str(value)
    return "-" if math.isnan(value) else f"{value:.3f}"
