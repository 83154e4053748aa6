"""Commands print nothing of TensorFlow's messages about the machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# What TensorFlow does, in C++: it writes when it is loaded.
_STAND_IN = """
import os, types
os.write(2, b"about the machine")
{after}
config = types.SimpleNamespace(
    list_physical_devices=lambda: os.write(2, b"no GPU"))
"""


def run(*words, **environment):
    inherited = {**os.environ, "PYTHONPATH": str(ROOT)}
    inherited.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        env={**inherited, **environment},
    )


@pytest.mark.parametrize(
    ("environment", "after", "shown"),
    [
        ({}, "", "later"),
        ({"TF_CPP_MIN_LOG_LEVEL": "3"}, "", "later"),
        # The user wants to see them.
        ({"TF_CPP_MIN_LOG_LEVEL": "0"}, "", "about the machinelater"),
        ({}, "raise OSError('broken')", "about the machine"),
    ],
)
def test_messages_are_kept_back(tmp_path, environment, after, shown):
    (tmp_path / "tensorflow.py").write_text(_STAND_IN.format(after=after))
    code = (
        "import os\n"
        "from kcv.quiet_tensorflow import load_tensorflow\n"
        "load_tensorflow()\n"
        "import tensorflow\n"
        "os.write(2, b'later')"
    )
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    done = run("-c", code, PYTHONPATH=path, **environment)
    error, _, traceback = done.stderr.partition("Traceback")
    assert error == shown
    assert ("broken" in traceback) == bool(after)


@pytest.mark.parametrize(
    "command", ["export", "kcv", "kcv predict", "recipes.lenet_digits"]
)
def test_help_comes_alone(command):
    """Of these a recipe alone loads TensorFlow, which takes three seconds."""
    done = run("-m", *command.split(), "--help")
    assert done.returncode == 0
    assert done.stdout.strip()
    assert done.stderr == ""
