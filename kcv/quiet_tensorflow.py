"""TensorFlow without its messages about the machine, for commands."""

import os
import sys
import tempfile

_QUIET = "3"  # No message of TensorFlow's C++ code, not even of errors.


def load_tensorflow() -> None:
    """Load TensorFlow without its messages about the machine.

    They come from C++, some of them before any setting can keep them back. So
    the standard error is a file until TensorFlow has looked for GPUs. If it
    cannot be loaded, what it has written is shown.

    Whoever sets the environment variable `TF_CPP_MIN_LOG_LEVEL`, for instance
    to 0, sees the messages. Once TensorFlow is loaded, nothing happens.
    """
    level = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", _QUIET)
    if level != _QUIET or "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            import tensorflow as tf

            # It looks for GPUs at the first use.
            tf.config.list_physical_devices()
        except BaseException:
            messages.seek(0)
            os.write(kept, messages.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
