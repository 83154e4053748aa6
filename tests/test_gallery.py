"""The programs of docs/gallery, which are also its notebooks, run."""

import runpy
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest

GALLERY = Path(__file__).resolve().parents[1] / "docs" / "gallery"
PROGRAMS = sorted(GALLERY.glob("*.py"))
# What one does with the systems of the lecture: each has a notebook.
TASKS = ("detect", "paint", "propose", "recognize", "segment")


def test_each_task_has_a_notebook():
    names = {program.stem for program in PROGRAMS}
    assert names >= {f"plot_{task}" for task in TASKS}


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda file: file.stem)
def test_a_program_of_the_gallery_runs(program, capsys):
    """Run it as Python would, but in one process for all of them."""
    before = matplotlib.get_backend()
    plt.switch_backend("agg")
    try:
        runpy.run_path(str(program), run_name="__main__")
        assert plt.get_fignums()
        assert capsys.readouterr().out
    finally:
        plt.close("all")
        plt.switch_backend(before)
