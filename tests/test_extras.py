"""Messages about extras that are not installed."""

import re
import runpy
import shutil
from pathlib import Path

from kcv import extras

ROOT = Path(__file__).resolve().parents[1]


def test_a_checkout_is_installed_by_its_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    sentence = extras.describe_installation("style")
    assert sentence == 'Install it with `pip install -e ".[style]"`.'
    monkeypatch.chdir(tmp_path)
    sentence = extras.describe_installation("style")
    assert sentence == f'Install it with `pip install -e "{ROOT}[style]"`.'


def test_what_is_installed_is_known_by_its_name(tmp_path):
    package = tmp_path / "kcv"
    package.mkdir()
    file = shutil.copy(extras.__file__, package)
    describe = runpy.run_path(file)["describe_installation"]
    sentence = 'Install it with `pip install "kcv[style]"`.'
    assert describe("style") == sentence


def test_every_extra_that_is_named_is_declared():
    setup = (ROOT / "setup.py").read_text("utf-8")
    declared = set(re.findall(r'^    "([\w-]+)": \[', setup, re.MULTILINE))
    declared |= set(re.findall(r'^EXTRAS\["([\w-]+)"\] =', setup, re.MULTILINE))
    named = set()
    for package in ("kcv", "recipes", "export"):
        for file in (ROOT / package).rglob("*.py"):
            text = file.read_text("utf-8")
            named |= set(re.findall(r"describe_installation\(.(\w+).\)", text))
            # Such a command does not work in a checkout.
            assert 'pip install "kcv[' not in text or file.name == "extras.py"
    assert "style" in named
    assert named <= declared
