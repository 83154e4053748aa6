"""What the tables share: times, bars, and a page of rows."""

import json
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from kcv.storage import write_whole
from kcv.visualize import new_figure
from kcv.visualize.report import write_report
from recipes.common.run import Folder
from recipes.common.run import describe
from recipes.common.run import write_config
from recipes.common.timing import medians

Row = Mapping[str, Any]


def write_tables(
    run: Folder,
    title: str,
    summary: str,
    tables: Mapping[str, Sequence[Row]],
    figures: Mapping[str, Figure],
) -> None:
    """Write `table.json`, `config.json` and `report.html` of a comparison.

    Args:
        run: Options of the comparison.
        title: Heading of the page.
        summary: Text below the heading: what is compared, and on what.
        tables: Rows by caption, one row per system, a dict from column to
            value.
        figures: Matplotlib figures by caption.
    """
    text = json.dumps(tables, indent=2)
    write_whole(run.out / "table.json", text.encode() + b"\n")
    write_config(run)
    told = describe(run)
    report = write_report(
        run.out,
        title,
        figures=figures,
        configuration={
            **told["options"],
            **told["versions"],
            "machine": told["machine"],
        },
        command=told["command"],
        summary=summary,
        tables=tables,
    )
    print(f"Report: {report}")


def row_text(row: Row) -> str:
    """Write a row as one line of text, each fraction with three digits.

    Args:
        row: Dict from column to value.

    Returns:
        The line.

    Example:

    >>> row_text({"system": "SegNet", "mean IU": 0.53512})
    'system SegNet, mean IU 0.535'
    """
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in row.items()
    )


def draw_bars(rows: Sequence[Row], name: str, value: str) -> Figure:
    """Draw a fraction as one bar per row.

    Args:
        rows: Rows of a table.
        name: Column that names the bars.
        value: Column with their lengths, in [0, 1].

    Returns:
        Matplotlib figure.
    """
    figure = new_figure(6, 0.8 + 0.4 * len(rows))
    axes = figure.add_subplot()
    bars = axes.barh([row[name] for row in rows], [row[value] for row in rows])
    axes.bar_label(bars, fmt="%.3f", padding=3)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel=value)
    return figure


def time_models(
    models: Mapping[str, keras.Model], size: tuple[int, int], rounds: int
) -> dict[str, float]:
    """Time one image with each of several models.

    Args:
        models: Models from images (B, H, W, 3) to a tensor, by name.
        size: Height and width of the image, in pixels.
        rounds: Number of timed calls of each model.

    Returns:
        Median of the milliseconds, by name.
    """
    image = np.random.default_rng(0).uniform(0, 255, (1, *size, 3))
    image = tf.constant(image, tf.float32)

    def timed(model):
        call = tf.function(lambda x: model(x, training=False))
        return lambda: call(image).numpy()

    return medians(
        {name: timed(model) for name, model in models.items()}, rounds
    )
