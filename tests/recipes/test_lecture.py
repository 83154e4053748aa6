"""The table of the lecture, of runs that a test writes."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from recipes.tables import lecture
from recipes.tables.lecture_results import LECTURE


def write(file: Path, content) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture
def runs(tmp_path):
    """A folder with two runs: one of a system, one of a table."""
    folder = tmp_path / "runs"
    config = {
        "command": "python -m recipes.faster_rcnn",
        "machine": "a machine",
        "versions": {"commit": "0123456789ab"},
    }
    run = folder / "faster_rcnn_alternating"
    write(run / "metrics.json", {"voc07_map": 0.741, "split": "some scenes"})
    write(run / "config.json", config)
    rows = {"Times": [{"system": "R-CNN", "seconds": 7.5}]}
    write(folder / "tables" / "rcnn_family" / "table.json", rows)
    return folder


def collect(runs, **options):
    options = {"chapters": ("Detection",), **options}
    out = runs.parent / "lecture"
    out.mkdir(exist_ok=True)
    return lecture.main(lecture.Options(runs=runs, out=out, **options)), out


def test_figures_are_traced_to_their_runs(runs, capsys):
    tables, out = collect(runs)
    (row,) = tables["Detection"]
    assert row["this run"] == 0.741
    assert row["measured on"] == "some scenes"
    published = row["paper: figure, on its own data"]
    assert 0.699 in [figure.value for figure in published]
    one, other = tables["Runs"]
    assert one["run"] == row["run"] == str(runs / "faster_rcnn_alternating")
    assert one["commit"] == "0123456789ab"
    assert other["commit"] is None  # Its folder does not say it.
    assert tables["The R-CNN line: Times"][0]["seconds"] == 7.5
    page = (out / "report.html").read_text("utf-8")
    for text in ("0.741", "some scenes", "0123456789ab", "Ren et al. 2015"):
        assert text in page
    printed = capsys.readouterr().out
    assert f"-m recipes.rcnn --out {runs / 'rcnn'}" in printed
    assert "alternating" not in printed
    assert "recipes.rcnn" in page
    told = "3 results are missing. To measure them takes about 28 minutes"
    assert told in printed
    assert told in page


def test_a_figure_that_is_missing_in_a_run_is_named(runs):
    write(runs / "rcnn" / "metrics.json", {"loss": 1.0})
    with pytest.raises(ValueError, match=r"rcnn.*does not contain 'voc07_map'"):
        collect(runs)


def test_what_is_missing_is_run(runs, monkeypatch, capsys):
    started = []

    def run(command, check):
        started.append(command[2])
        if "fast_rcnn" in command[2]:
            return subprocess.CompletedProcess(command, 2)
        file = "metrics.json" if "tables" not in command[2] else "table.json"
        write(Path(command[-1]) / file, {"voc07_map": 0.5, "top1": 0.9})
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(lecture, "subprocess", SimpleNamespace(run=run))
    with pytest.raises(ChildProcessError, match="Fast R-CNN"):
        collect(runs, run=True)
    assert started == [
        "recipes.rcnn",
        "recipes.fast_rcnn",
        "recipes.faster_rcnn",
    ]
    assert "3 runs, about 28 minutes" in capsys.readouterr().out
    # The page is written all the same.
    page = (runs.parent / "lecture" / "report.html").read_text("utf-8")
    assert "recipes.fast_rcnn --out" in page
    # What needs a download is run on request alone.
    started.clear()
    collect(runs, chapters=("Classification",), run=True)
    assert started == ["recipes.lenet_digits"]


def test_chapters_are_checked(runs):
    with pytest.raises(ValueError, match="`chapters` must be among"):
        collect(runs, chapters=("Tracking",))


def test_every_result_has_a_folder_of_its_own():
    runs = Path("runs")
    results = [result for results in LECTURE.values() for result in results]
    assert len({result.out(runs) for result in results}) == len(results)
