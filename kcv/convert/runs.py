"""A converted file, run by its runtime in a process of its own.

A runtime that meets an operation it cannot compute may end its process.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kcv.convert import runtime


class ConversionError(ValueError):
    """A model that does not convert, or a file that answers otherwise."""


def run_file(
    file: Path, inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Run a converted file.

    Args:
        file: `.tflite` or `.onnx` file.
        inputs: Inputs by name.

    Returns:
        Outputs by name.

    Raises:
        ConversionError: If the runtime reports an error or crashes.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, answered = Path(folder, "in.npz"), Path(folder, "out.npz")
        np.savez(given, **inputs)  # type: ignore[arg-type]  # names are free
        # A script, which does not import kcv and with it TensorFlow.
        done = subprocess.run(
            [sys.executable, runtime.__file__, file, given, answered],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            last = lines[-1] if lines else ""
            last = re.sub(r"^.*\[ONNXRuntimeError\][\s:\w]* : ", "", last)
            if done.returncode < 0:
                last = f"it crashed with signal {-done.returncode}"
            raise ConversionError(
                f"the runtime of {file.suffix} files does not run this model: "
                f"{last[:500]}"
            )
        with np.load(answered) as outputs:
            return dict(outputs)
