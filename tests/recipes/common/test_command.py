"""The command line of a recipe that the test writes itself."""

import runpy
import sys

import pytest

RECIPE = '''
"""A recipe of nothing.

    python -m recipe \\\\
        --depth 3

needs no data.
"""

import dataclasses
from pathlib import Path

from recipes.common.command import run_command
from recipes.common.run import Run


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Run):
    """Options of this recipe.

    Attributes:
        depth: Number of layers.
        weights: File of weights. Defaults to random weights.
    """

    out: Path = Path("runs/recipe")
    depth: int = 2
    weights: Path | None = None


def main(run):
    if run.depth == 0:
        raise FileNotFoundError("no\\n  such file")
    if run.depth == 1:
        raise RuntimeError("a defect")
    print(run)


if __name__ == "__main__":
    run_command(main, Options())
'''


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Return a function from arguments to (exit code, stdout, stderr)."""
    (tmp_path / "recipe.py").write_text(RECIPE.lstrip())
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["recipe.py", *arguments])
        code = 0
        try:
            runpy.run_module("recipe", run_name="__main__", alter_sys=True)
        except SystemExit as end:
            code = end.code
        return code, *capsys.readouterr()

    return call


def test_options_reach_the_recipe(call):
    code, out, _ = call("--depth", "5", "--epochs", "3", "--no-resume")
    assert code == 0
    assert "depth=5, weights=None" in out
    assert "epochs=3" in out
    assert "resume=False" in out


def test_help_has_the_docstring_as_it_stands(call):
    code, out, _ = call("--help")
    assert code == 0
    assert "    python -m recipe \\\n        --depth 3\n\nneeds" in out
    assert "usage: python -m recipe [-h] [OPTIONS]" in out
    assert "Number of layers. (default: 2)" in out
    assert "--weights PATH" in out
    assert "None" not in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--depth", "0"], "python -m recipe: error: no such file\n"),
        (["--epochs", "0"], "`epochs` must be positive. Received: epochs=0"),
        (["--depht", "3"], "--depht"),
    ],
)
def test_a_mistake_of_the_user_has_no_traceback(call, arguments, message):
    code, out, error = call(*arguments)
    assert code == 2
    assert message in out + error
    assert "Traceback" not in error


def test_defects_and_wishes_have_a_traceback(call, monkeypatch):
    with pytest.raises(RuntimeError, match="a defect"):
        call("--depth", "1")
    monkeypatch.setenv("KCV_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        call("--depth", "0")
