"""A converted file, run by its runtime in a process of its own.

A runtime that meets an operation it cannot compute may end its process.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kcv.convert import runtime


class ConversionError(ValueError):
    """A model that does not convert, or a file that answers otherwise."""


def run_file(
    file: Path, samples: Sequence[Mapping[str, np.ndarray]]
) -> list[dict[str, np.ndarray]]:
    """Run a converted file.

    Args:
        file: `.tflite` or `.onnx` file.
        samples: Inputs of each run, arrays of any shape by name.

    Returns:
        Outputs of each run, arrays by name.

    Raises:
        ConversionError: If the runtime reports an error or crashes.
    """
    with tempfile.TemporaryDirectory() as folder:
        given = [Path(folder, f"in{n}.npz") for n in range(len(samples))]
        answered = [Path(folder, f"out{n}.npz") for n in range(len(samples))]
        for path, inputs in zip(given, samples, strict=True):
            np.savez(path, **inputs)  # type: ignore[arg-type]  # names are free
        # A script, which does not import kcv and with it TensorFlow.
        done = subprocess.run(
            [sys.executable, runtime.__file__, file, *given, *answered],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            last = lines[-1] if lines else ""
            last = re.sub(r"^.*\[ONNXRuntimeError\][\s:\w]* : ", "", last)
            last = re.sub(r"^Load model from .* failed:", "", last)
            if done.returncode < 0:
                last = f"it crashed with signal {-done.returncode}"
            raise ConversionError(
                f"the runtime of {file.suffix} files does not run this model: "
                f"{last[:500]}"
            )
        outputs = []
        for path in answered:
            with np.load(path) as arrays:
                outputs.append(dict(arrays))
        return outputs
