"""The command lines of all recipes are alike where the thing is alike."""

import dataclasses
import importlib
import re
import runpy
import sys
from pathlib import Path

import pytest

from recipes.common.run import Folder
from recipes.common.run import Run

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts): file
    for folder in ("recipes", "recipes/tables")
    for file in sorted((ROOT / folder).glob("*.py"))
    if "run_command(main" in file.read_text("utf-8")
}
# Names that mean one thing, in the order in which every recipe lists them.
ORDER = (
    "out",
    "seed",
    "config",
    "epochs",
    "batch-size",
    "steps-per-epoch",
    "learning-rate",
    "patience",
    "validation",
    "augment",
    "callbacks",
    "resume",
    "export",
    "precision",
    "jit",
    "distribute",
    "on-error",
    "boxes",
    "weights",
    "freeze",
    "data",
    "preset",
    "backbone",
    "image-size",
)
# What `--preset`, `--image-size` and others replace.
FORMER = {"solver", "size", "loss", "lr", "dataset"}


@pytest.fixture(params=SCRIPTS)
def name(request):
    return request.param


@pytest.fixture
def page(name, monkeypatch, capsys):
    """What `python -m NAME --help` prints on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    # Imported by another recipe, perhaps, of which runpy would warn.
    monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(SystemExit) as end:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    assert end.value.code == 0
    return capsys.readouterr().out


def entries(page: str) -> dict[str, str]:
    """Return the text of each option, without its layout."""
    found, option = {}, None
    for line in page.partition("\nusage:")[2].splitlines():
        # A frame is drawn where the terminal has its characters.
        if match := re.match(r"[│ ] (?:-h, )?--([a-z0-9.-]+)", line):
            option = match[1]
        if option:
            found[option] = f"{found.get(option, '')} {line.strip('│')}"
    return {key: " ".join(text.split()) for key, text in found.items()}


def test_help_reads_well(name, page):
    module = importlib.import_module(name)
    assert page.startswith(module.__doc__)
    assert f"usage: python -m {name} [-h] [OPTIONS]" in page
    for line in page.splitlines():
        assert len(line) <= 80
    assert "(default: None)" not in page
    # The example commands are whole: a line that goes on says so.
    assert f"\n    python -m {name}" in page
    for line, following in re.findall(r"(    python .*)\n(.*)", page):
        another = not following or following.startswith("    python ")
        assert another != line.endswith("\\")
    for option, text in entries(page).items():
        if "." not in option:  # Of a group that has a text itself.
            assert len(text.split(maxsplit=2)) == 3, option


def test_what_is_alike_has_the_same_names_in_the_same_order(name, page):
    module = importlib.import_module(name)
    assert issubclass(module.Options, Folder)
    options = entries(page)
    assert not FORMER & set(options)
    places = [ORDER.index(option) for option in options if option in ORDER]
    if issubclass(module.Options, Run):
        assert places == sorted(places)
        assert places[:17] == [*range(17)]
    assert module.Options().out == Path("runs", *name.split(".")[1:])


def test_the_common_options_have_the_same_texts(name, page):
    module = importlib.import_module(name)
    options = entries(page)
    common = Run if issubclass(module.Options, Run) else Folder
    for field in dataclasses.fields(common):
        option = field.name.replace("_", "-")
        if option == "out":
            continue
        text = text_of(common, field.name)
        assert text in options[option]


def text_of(options: type, name: str) -> str:
    """Read the text of a field in the docstrings of its classes."""
    for kind in options.__mro__:
        found = re.search(
            rf"\n        {name}: (.*?)(?=\n        \w|\n    \S|\n *$)",
            kind.__doc__ or "",
            re.DOTALL,
        )
        if found:
            return " ".join(found[1].split())
    raise AssertionError(f"{name} has no text")


def test_a_recipe_is_short_and_flat(name):
    lines = SCRIPTS[name].read_text("utf-8").splitlines()
    assert len(lines) <= 170
    assert not [line for line in lines if "import benchmarks" in line]
    calls = "".join(lines)
    assert ".fit(" not in calls
    assert "EpochBackup" not in calls
