r"""The tables of the lecture, from runs that exist.

    python -m recipes.tables.lecture

collects the figure of each system from the folder `runs`, puts the paper's
figure with its data beside it, and writes one page. Each figure names its run,
and a table of the runs has their commands, commits, days and machines. What has
not been run yet is listed with its command and its time on two CPU cores. The
page can be printed as slides: every table begins on a page of its own.

    python -m recipes.tables.lecture --run --chapters Detection Masks

runs what is missing of two chapters, after it has printed how long that takes.
A run that was stopped continues. What needs a download is left out unless
`--downloads` is given.
"""

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from recipes.common.command import run_command
from recipes.common.results import Result
from recipes.common.results import figure_row
from recipes.common.results import missing_row
from recipes.common.results import run_row
from recipes.common.results import table_rows
from recipes.common.run import Folder
from recipes.common.tables import write_tables
from recipes.tables.lecture_results import LECTURE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Folder):
    """Options of this table.

    Attributes:
        out: Folder of the page.
        runs: Folder of all runs, in which each has a folder of its own.
        chapters: Chapters of the page. Defaults to all.
        run: Run what is missing before the page is written.
        downloads: Also run what needs a download.
    """

    out: Path = Path("runs/tables/lecture")
    runs: Path = Path("runs")
    chapters: tuple[str, ...] = tuple(LECTURE)
    run: bool = False
    downloads: bool = False


def main(run: Options) -> dict:
    """Collect all figures, and write a page."""
    if unknown := sorted({*run.chapters} - {*LECTURE}):
        raise ValueError(
            f"`chapters` must be among {', '.join(LECTURE)}. Received: "
            f"chapters={unknown}"
        )
    chapters = {x: LECTURE[x] for x in LECTURE if x in run.chapters}
    everything = [*chain(*chapters.values())]
    failed: list[str] = []
    if run.run:
        failed = run_missing(
            [x for x in everything if run.downloads or not x.needs], run.runs
        )

    # === Collect ===
    tables: dict[str, list] = {}
    done = [x for x in everything if x.file(run.runs).exists()]
    for chapter, results in chapters.items():
        own = [x for x in results if x in done]
        tables[chapter] = [figure_row(x, run.runs) for x in own if x.metric]
        for result in own:
            if not result.metric:
                tables |= table_rows(result, run.runs)
    tables["Runs"] = [run_row(x, run.runs) for x in done]
    missing = [missing_row(x, run.runs) for x in everything if x not in done]

    # === Page ===
    for row in missing:
        minutes = row["minutes on two CPU cores"] or "?"
        print(f"missing, {minutes} minutes: {row['command']}")
    times = [x.minutes for x in everything if x not in done]
    told = (
        f"{len(times)} results are missing. To measure them takes about "
        f"{sum(time or 0 for time in times)} minutes on two CPU cores, without "
        f"{times.count(None)} whose time is unknown."
    )
    print(told)
    write_tables(
        run,
        "Applications of CNN in computer vision",
        f"{len(done)} of {len(everything)} results of the lecture, each with "
        "the run that measured it. The paper's figure stands beside it with "
        "the data that it holds for. The two are comparable only where the "
        f"data are the same. {told}",
        {**tables, "Not measured yet": missing},
        {},
    )
    if failed:
        raise ChildProcessError(f"These runs have failed: {', '.join(failed)}")
    return tables


def run_missing(results: Sequence[Result], runs: Path) -> list[str]:
    """Run the recipes whose figures are missing, one after another.

    Args:
        results: Results to measure, unless their runs are finished.
        runs: Folder of all runs.

    Returns:
        Names of the systems whose recipes have failed.
    """
    missing = [x for x in results if not x.file(runs).exists()]
    minutes = sum(x.minutes or 0 for x in missing)
    print(f"{len(missing)} runs, about {minutes} minutes on two CPU cores")
    failed = []
    for number, result in enumerate(missing, 1):
        print(
            f"\n{number} of {len(missing)}: {result.system}, about "
            f"{result.minutes or '?'} minutes",
            flush=True,
        )
        command = [sys.executable, *result.command(runs)]
        if subprocess.run(command, check=False).returncode:
            failed.append(result.system)
    return failed


if __name__ == "__main__":
    run_command(main, Options())
