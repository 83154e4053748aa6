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
def list_physical_devices(kind):
    os.write(2, b"about GPUs")
    return {gpus}
config = types.SimpleNamespace(list_physical_devices=list_physical_devices)
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
    done = load(tmp_path, after=after, **environment)
    error, _, traceback = done.stderr.partition("Traceback")
    assert error == shown
    assert ("broken" in traceback) == bool(after)


def load(folder, after="", gpus=("GPU:0",), **environment):
    text = _STAND_IN.format(after=after, gpus=gpus)
    (folder / "tensorflow.py").write_text(text)
    code = (
        "import os\n"
        "from kcv.quiet_tensorflow import load_tensorflow\n"
        "load_tensorflow()\n"
        "import tensorflow\n"
        "os.write(2, b'later')"
    )
    path = f"{folder}{os.pathsep}{ROOT}"
    return run("-c", code, PYTHONPATH=path, **environment)


def test_a_gpu_that_is_not_found_is_one_line(tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("")
    tool.chmod(0o755)
    done = load(tmp_path, gpus=(), PATH=str(tmp_path), CUDA_VISIBLE_DEVICES="0")
    line, later = done.stderr.splitlines()
    assert "does not find the GPU" in line
    assert later == "later"
    hidden = {"PATH": str(tmp_path), "CUDA_VISIBLE_DEVICES": "-1"}
    assert load(tmp_path, gpus=(), **hidden).stderr == "later"


def test_no_temporary_file_is_needed(tmp_path):
    stop = "import tempfile; tempfile.tempdir = '/nowhere'"
    (tmp_path / "sitecustomize.py").write_text(stop)
    assert load(tmp_path).stderr == "later"


@pytest.mark.parametrize(
    "command", ["export", "kcv", "kcv predict", "recipes.lenet_digits"]
)
def test_help_comes_alone(command):
    """Of these a recipe alone loads TensorFlow, which takes three seconds."""
    done = run("-m", *command.split(), "--help")
    assert done.returncode == 0
    assert done.stdout.strip()
    assert done.stderr == ""
