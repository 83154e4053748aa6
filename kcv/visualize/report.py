"""The page `report.html`: one file, nothing else to fetch."""

import base64
import html
import math
import string
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from numbers import Integral
from numbers import Real
from pathlib import Path
from typing import Any
from typing import NamedTuple

from kcv.storage import write_whole
from kcv.visualize.curves import training_figure
from kcv.visualize.figure import encode_figure

TEMPLATE = Path(__file__).with_name("report_template.html")


class Published(NamedTuple):
    """A figure that the paper reports, with the data that it holds for.

    Attributes:
        metric: Name of the figure in the metrics of a run, such as "voc07_map".
        value: Value in the unit of the run's own figure.
        data: Data and network of the figure: what was trained and what was
            measured.
        source: Place of the figure, such as "Ren et al. 2015, table 3".
    """

    metric: str
    value: float
    data: str
    source: str


def write_report(
    folder: Path,
    title: str,
    metrics: Mapping[str, Any] | None = None,
    paper: Sequence[Published] = (),
    history: Mapping[str, Sequence[float]] | None = None,
    figures: Mapping[str, Any] | None = None,
    configuration: Mapping[str, Any] | None = None,
    command: str = "",
    summary: str = "",
    tables: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    environment: Mapping[str, Any] | None = None,
) -> Path:
    """Write `report.html` into the folder of a run.

    Args:
        folder: Folder of the run, which exists.
        title: Heading of the page.
        metrics: Numbers by name, as for `write_metrics`. A nested mapping
            becomes a table of its own. If None, there is no table of metrics.
            Defaults to None.
        paper: Published figures, which are shown beside the metric of the same
            name, with the data that they hold for. Defaults to none.
        history: Values of the epochs by name, which are drawn as curves.
            Defaults to none.
        figures: Matplotlib figures by caption, in the order of the page. If
            None, there are no figures. Defaults to None.
        configuration: Options of the run. If None, they are left out. Defaults
            to None.
        command: Command line that repeats it. Defaults to none.
        summary: A sentence or two below the title. Defaults to none.
        tables: Tables by caption. A table is a list of rows, a row is a dict
            from column to value, and a value is a number, a text, or a list of
            `Published`. Columns whose name begins with "paper:" are set apart.
            A table without rows is left out. If None, there are no tables.
            Defaults to None.
        environment: Versions, commit and machine, see `kcv.environment`. If
            None, they are left out. Defaults to None.

    Returns:
        Path of the file.

    Raises:
        OSError: If it cannot be written. An earlier report stays whole.

    Example:

    ```python
    write_report(
        Path("runs/faster_rcnn"),
        "Faster R-CNN on digit scenes",
        metrics,
        paper=[
            Published(
                "voc07_map", 0.699, "VOC 2007 trainval / test, VGG-16",
                "Ren et al. 2015, table 3",
            )
        ],
        history=history,
        figures={"Found, beside the ground truth": gallery},
    )
    ```
    """
    metrics = metrics or {}
    plain = {k: v for k, v in metrics.items() if not isinstance(v, Mapping)}
    nested = {k: v for k, v in metrics.items() if isinstance(v, Mapping)}
    pictures = dict(figures or {})
    curves = _picture("Training", training_figure(history)) if history else ""
    page = string.Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=_text(title),
        summary=f"<p class=summary>{_text(summary)}</p>" if summary else "",
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        metrics=_metrics_table(plain, paper) if plain else "",
        tables="".join(
            _rows_table(k, v) for k, v in (tables or {}).items() if v
        ),
        details="".join(_mapping_table(k, v) for k, v in nested.items()),
        figures="".join(_picture(k, v) for k, v in pictures.items()),
        curves=curves,
        command=_command(command),
        configuration=_mapping_table("Configuration", configuration or {}),
        environment=_mapping_table("Versions and machine", environment or {}),
    )
    path = Path(folder) / "report.html"
    write_whole(path, page.encode())
    return path


def _metrics_table(metrics, paper: Sequence[Published]) -> str:
    """One row per metric; those with a published figure come first."""
    published: dict[str, list[Published]] = {}
    for figure in paper:
        published.setdefault(figure.metric, []).append(figure)
    split = metrics.get("split", "held-out data")
    others = [name for name in metrics if name not in (*published, "split")]
    rows = []
    for name in [*published, *others]:
        ours = _number(metrics[name]) if name in metrics else "–"
        theirs = _published(published.get(name, ()))
        paper_cell = f"<td class=paper>{theirs}</td>" if paper else ""
        rows.append(
            f"<tr><th scope=row>{_text(name)}</th>"
            f"<td class=number>{ours}</td>{paper_cell}</tr>"
        )
    head = "<th>metric</th><th class=number>this run</th>"
    note = ""
    if paper:
        head += "<th>published<br><small>on its own data</small></th>"
        note = (
            "<p class=note>The published figures hold for the data named "
            "beside them. They are comparable with this run's only where the "
            "data are the same.</p>"
        )
    return (
        "<section class=metrics><h2>Metrics</h2>"
        f"<p class=note>Measured on {_text(split)}.</p>"
        f"<div class=wide><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>{note}</section>"
    )


def _rows_table(caption: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """One row per system; a dash where a figure is missing."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    first, *others = columns
    sides = {name: _side(name, rows) for name in others}
    head = f"<th>{_text(first)}</th>" + "".join(
        f"<th{side}>{_text(name)}</th>" for name, side in sides.items()
    )
    body = "".join(
        f"<tr><th scope=row>{_number(row.get(first))}</th>"
        + "".join(
            f"<td{side}>{_cell(row.get(name))}</td>"
            for name, side in sides.items()
        )
        + "</tr>"
        for row in rows
    )
    return (
        f"<section><h2>{_text(caption)}</h2><div class=wide><table>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        "</section>"
    )


def _side(column: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the classes of a column: numbers stand at the right."""
    values = [row.get(column) for row in rows]
    kinds = []
    if all(value is None or isinstance(value, Real) for value in values):
        kinds.append("number")
    if column.startswith("paper:"):
        kinds.append("paper")
    return f' class="{" ".join(kinds)}"' if kinds else ""


def _cell(value) -> str:
    """Write a value of a row, which may be the published figures."""
    return _published(value) if isinstance(value, list) else _number(value)


def _published(figures: Sequence[Published]) -> str:
    return "".join(
        f"<div><b>{_number(figure.value)}</b> <small>on {_text(figure.data)}"
        f"<br>{_text(figure.source)}</small></div>"
        for figure in figures
    )


def _mapping_table(name: str, values: Mapping[Any, Any]) -> str:
    if not values:
        return ""
    rows = "".join(
        f"<tr><th scope=row>{_text(key)}</th><td>{_number(value)}</td></tr>"
        for key, value in values.items()
    )
    heading = str(name).replace("_", " ")
    return (
        f"<section><h2>{_text(heading[:1].upper() + heading[1:])}</h2>"
        f"<div class=wide><table class=pairs>{rows}</table></div></section>"
    )


def _picture(caption: str, figure) -> str:
    data = base64.b64encode(encode_figure(figure)).decode()
    return (
        f"<section><h2>{_text(caption)}</h2>"
        f'<div class=wide><img alt="{_text(caption)}" '
        f'src="data:image/webp;base64,{data}"></div></section>'
    )


def _command(command: str) -> str:
    if not command:
        return ""
    return f"<section><h2>Command</h2><pre>{_text(command)}</pre></section>"


def _number(value) -> str:
    """Format a value: four digits of a fraction, whole numbers whole."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return _text("–" if value is None else value)
    if not math.isfinite(value):
        return "–" if math.isnan(value) else _text(value)
    if isinstance(value, Integral):
        return f"{int(value)}"
    return f"{value:.4g}"


def _text(value) -> str:
    return html.escape(str(value), quote=True)
