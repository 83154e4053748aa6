"""The end of a table: rows, bars and a page."""

import json
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from kcv.storage import write_whole
from kcv.visualize import new_figure
from recipes.common.report import write_report
from recipes.common.run import Run
from recipes.common.run import describe

Row = Mapping[str, Any]


def write_table(
    run: Run,
    title: str,
    summary: str,
    caption: str,
    rows: Sequence[Row],
    figures: Mapping[str, Figure],
) -> None:
    """Write `table.json` and `report.html` of a comparison.

    Args:
        run: Options of the table.
        title: Heading of the page.
        summary: Text below the heading: what is compared, and on what.
        caption: Heading of the rows.
        rows: One row per system, a dict from column to value.
        figures: Matplotlib figures by caption.
    """
    text = json.dumps(rows, indent=2)
    write_whole(run.out / "table.json", text.encode() + b"\n")
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
        tables={caption: rows},
    )
    print(f"Report: {report}")


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
