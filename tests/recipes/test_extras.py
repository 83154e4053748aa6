"""What recipes say where their extra is not installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from kcv.extras import describe_installation

_WITHOUT = """
import runpy, sys
sys.modules["tyro"] = None
runpy.run_module(sys.argv[1], run_name="__main__")
"""


@pytest.mark.parametrize(
    "module", ["recipes.mnist", "recipes.tables.rcnn_family", "export.native"]
)
def test_without_tyro_the_extra_is_named(module):
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, module],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert last.endswith(describe_installation("recipes"))
