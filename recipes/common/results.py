"""Figures of finished runs, read from their folders."""

import shlex
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any
from typing import NamedTuple

from kcv.text_files import read_json
from kcv.text_files import read_object
from kcv.visualize.report import Published

Row = dict[str, Any]


class Result(NamedTuple):
    """A figure or a table, and the recipe that measures it.

    Attributes:
        system: Name of the system, or of the table.
        recipe: Module below `recipes` and its options, such as
            "fcn --stride 8".
        metric: Name of the figure in `metrics.json`. None for a recipe that
            compares systems, whose figures are the rows of `table.json`.
        minutes: Time of the recipe on two CPU cores, roughly. None where
            that was not measured.
        paper: Published figures, of which those of `metric` are shown. Defaults
            to none.
        needs: Requirements of the recipe besides kcv, such as a download.
            Defaults to none.
    """

    system: str
    recipe: str
    metric: str | None
    minutes: float | None
    paper: Sequence[Published] = ()
    needs: str = ""

    def out(self, runs: Path) -> Path:
        """Return the folder of the run, such as "runs/fcn_8"."""
        name, *options = self.recipe.split()
        return runs / "_".join([name.replace(".", "/"), *options[1::2]])

    def command(self, runs: Path) -> list[str]:
        """Return the arguments of Python that measure the figure."""
        return [
            "-m",
            *f"recipes.{self.recipe} --out".split(),
            str(self.out(runs)),
        ]

    def file(self, runs: Path) -> Path:
        """Return the file that a finished run has written its figures to."""
        name = "metrics.json" if self.metric else "table.json"
        return self.out(runs) / name


def figure_row(result: Result, runs: Path) -> Row:
    """Make the row of a system: its figure, the paper's, and its run.

    Args:
        result: Result with a `metric`, whose run is finished.
        runs: Folder of all runs.

    Returns:
        Dict from column to value.

    Raises:
        ValueError: If a file of the run is damaged, or the figure is missing.
    """
    file = result.file(runs)
    metrics = read_object(file)
    if result.metric not in metrics:
        raise ValueError(
            f"{file} does not contain {result.metric!r}. Remove the folder, "
            f"and run `python {shlex.join(result.command(runs))}`."
        )
    return {
        "system": result.system,
        "figure": result.metric,
        "this run": metrics[result.metric],
        "measured on": metrics.get("split"),
        "paper: figure, on its own data": [
            figure for figure in result.paper if figure.metric == result.metric
        ],
        "run": str(file.parent),
    }


def table_rows(result: Result, runs: Path) -> dict[str, list[Row]]:
    """Read the tables of a recipe that compares several systems.

    Args:
        result: Result without a `metric`, whose run is finished.
        runs: Folder of all runs.

    Returns:
        Rows by caption.

    Raises:
        ValueError: If a file of the run is damaged.
    """
    content = read_json(result.file(runs))
    if isinstance(content, list):
        content = {"all systems": content}
    return {
        f"{result.system}: {caption}": rows for caption, rows in content.items()
    }


def run_row(result: Result, runs: Path) -> Row:
    """Make the row of a run: where, when and by which code it was measured.

    Args:
        result: Result whose run is finished.
        runs: Folder of all runs.

    Returns:
        Dict from column to value.
    """
    file = result.file(runs)
    written = file.with_name("config.json")
    config = read_object(written) if written.exists() else {}
    finished = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return {
        "run": str(file.parent),
        "command": config.get("command"),
        "commit": config.get("versions", {}).get("commit"),
        "finished": finished.strftime("%Y-%m-%d"),
        "machine": config.get("machine"),
    }


def missing_row(result: Result, runs: Path) -> Row:
    """Make the row of a result that has not been measured.

    Args:
        result: Result whose run is not finished.
        runs: Folder of all runs.

    Returns:
        Dict of the system, its command, its minutes, and what it needs.
    """
    return {
        "system": result.system,
        "command": f"python {shlex.join(result.command(runs))}",
        "minutes on two CPU cores": result.minutes,
        "needs": result.needs,
    }
