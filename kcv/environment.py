"""What a result was computed with: versions, commit and machine."""

import os
import platform
import subprocess
from pathlib import Path


def package_versions() -> dict[str, str | None]:
    """Return the versions of kcv and of what it runs on.

    Returns:
        Dict from name to version. `commit` is that of the checkout that kcv is
        imported from, or None where it is installed without one.

    Example:

    >>> sorted(package_versions())
    ['commit', 'kcv', 'keras', 'numpy', 'python', 'tensorflow']
    """
    # Not above: `import kcv` loads neither of them.
    import keras
    import numpy as np
    import tensorflow as tf

    import kcv

    return {
        "kcv": kcv.__version__,
        "commit": _commit(Path(kcv.__file__).parents[1]),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def describe_machine() -> str:
    """Return the system, the processors and the GPUs of this machine.

    Returns:
        One line, such as "Linux-6.1-x86_64, 2 x AMD EPYC 9R14, no GPU".
    """
    import tensorflow as tf

    details = [
        tf.config.experimental.get_device_details(device)
        for device in tf.config.list_physical_devices("GPU")
    ]
    gpus = [own.get("device_name", "GPU") for own in details] or ["no GPU"]
    processors = f"{_cores()} x {_processor()}"
    return ", ".join([platform.platform(), processors, *gpus])


def _cores() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # Linux alone has this file.
        lines = []
    names = [line for line in lines if line.startswith("model name")]
    if names:
        return names[0].partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _commit(checkout: Path) -> str | None:
    """Return the commit of a checkout, None for any other folder.

    An installed package may lie inside of somebody else's checkout.
    """
    if not (checkout / ".git").exists():
        return None
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=checkout,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()
