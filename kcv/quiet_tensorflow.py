"""TensorFlow without its messages about the machine, for commands."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import IO

_QUIET = "3"  # No message of TensorFlow's C++ code, not even of errors.


def load_tensorflow() -> None:
    """Load TensorFlow without its messages about the machine.

    They come from C++, some of them before any setting can keep them back. So
    the standard error is a file until TensorFlow has looked for GPUs. If it
    cannot be loaded, what it has written is shown.

    One line is written instead if the machine has a GPU of NVIDIA and
    TensorFlow does not find it, which is slow and may not be noticed.

    Whoever sets the environment variable `TF_CPP_MIN_LOG_LEVEL`, for instance
    to 0, sees the messages. Once TensorFlow is loaded, nothing happens.
    """
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", _QUIET)
    if level != _QUIET or "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with _open_file() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            import tensorflow as tf

            # It looks for GPUs at the first use.
            gpus = tf.config.list_physical_devices("GPU")
        except BaseException:
            messages.seek(0)
            os.write(kept, messages.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    if not gpus and _has_gpu():
        print(
            "TensorFlow does not find the GPU of this machine, and runs on the "
            "CPU. Set TF_CPP_MIN_LOG_LEVEL=0 to see why. Its GPU libraries are "
            'installed by `pip install "tensorflow[and-cuda]"`.',
            file=sys.stderr,
        )


def _open_file() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError:  # No folder for temporary files can be written.
        return Path(os.devnull).open("w+b")


def _has_gpu() -> bool:
    """Return whether there is a GPU that the user has not hidden."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    return Path("/dev/nvidia0").exists() or bool(shutil.which("nvidia-smi"))
