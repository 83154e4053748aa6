"""Images side by side, and the losses of an optimization."""

from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from kcv.pixels import to_rgb
from kcv.visualize.figure import new_figure


def pictures_figure(
    *rows: Mapping[str, np.ndarray], height: float = 2.4
) -> Figure:
    """Show images in rows, each with its title.

    Args:
        *rows: Rows, dicts from titles to images (H, W, 3) or (H, W) with values
            in [0, 255].
        height: Height of a row in inches. Defaults to 2.4.

    Returns:
        Matplotlib figure. Each image keeps its proportions.

    Raises:
        ValueError: If there is no image, or a row is empty.

    Example:

    ```python
    pictures_figure({"content": photograph, "style": painting, "result": found})
    ```
    """
    if not rows or not all(rows):
        raise ValueError("`rows` must have at least one image each")
    columns = max(map(len, rows))
    aspect = max(
        image.shape[1] / image.shape[0]
        for row in rows
        for image in row.values()
    )
    figure = new_figure(columns * height * aspect, len(rows) * (height + 0.3))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for line, row in zip(grid, rows, strict=True):
        for axes, (title, image) in zip(line, row.items(), strict=False):
            axes.imshow(to_rgb(image, clip=True))
            axes.set_title(title.replace("$", r"\$"), fontsize=9)
    return figure


def losses_figure(
    history: Mapping[str, Sequence[float]],
    references: Mapping[str, float] | None = None,
    xlabel: str = "evaluations of the losses",
) -> Figure:
    """Draw losses over the number of iterations or evaluations.

    Args:
        history: Dict from names of losses to their values.
        references: Dict from names to losses for comparison, which are drawn as
            horizontal lines. If None, there are none. Defaults to None.
        xlabel: Label of the horizontal axis. Defaults to "evaluations of the
            losses".

    Returns:
        Matplotlib figure with a logarithmic axis of losses.

    Raises:
        ValueError: If `history` is empty.

    Example:

    >>> figure = losses_figure({"total_loss": [9.0, 3.0, 1.0]})
    >>> figure.axes[0].get_yscale()
    'log'
    """
    if not history:
        raise ValueError("`history` must have at least one loss. Received: {}")
    figure = new_figure(6, 3.4)
    axes = figure.add_subplot()
    for name, values in history.items():
        axes.plot(range(1, len(values) + 1), values, label=name, linewidth=1.3)
    for name, value in (references or {}).items():
        axes.axhline(value, color="black", linestyle="--", linewidth=0.9)
        axes.annotate(
            name,
            (1, value),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=8,
        )
    axes.set(xlabel=xlabel, ylabel="loss", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, frameon=False)
    return figure
