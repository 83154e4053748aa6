"""The file `metrics.json` of a run."""

import json
import math
from collections.abc import Mapping
from numbers import Integral
from numbers import Real
from pathlib import Path
from typing import Any

from kcv.storage import write_whole

# Without these no other figure can be judged.
REQUIRED = ("seconds", "epochs", "examples_per_second", "split")


def write_metrics(folder: Path, metrics: Mapping[str, Any]) -> Path:
    """Write `metrics.json` into the folder of a run.

    Args:
        folder: the run's folder, which exists.
        metrics: plain names (`voc07_map`, `average_recall` ...) and numbers,
            texts or nested mappings of them; always `seconds` (of training),
            `epochs`, `examples_per_second` and `split` (what was measured).
            NaN, which JSON does not know, becomes null.

    Returns:
        The path of the file.

    Raises:
        ValueError: if a required name is absent.
        TypeError: for a value that is neither number, text nor mapping.

    Example:

    ```python
    write_metrics(
        Path("runs/faster_rcnn"),
        {
            "voc07_map": 0.78,
            "seconds": 640.0,
            "epochs": 12,
            "examples_per_second": 15.2,
            "split": "digit_scenes test, 500 images",
        },
    )
    ```
    """
    missing = [name for name in REQUIRED if name not in metrics]
    if missing:
        raise ValueError(
            f"metrics must have {', '.join(REQUIRED)}; {', '.join(missing)} "
            f"missing among {sorted(metrics)}"
        )
    path = Path(folder) / "metrics.json"
    text = json.dumps(_plain(metrics, "metrics"), indent=2, allow_nan=False)
    write_whole(path, text.encode() + b"\n")
    return path


def _plain(value, name: str):
    """Turn NumPy's numbers into Python's, and what is not finite into None."""
    if isinstance(value, Mapping):
        return {
            str(key): _plain(entry, f"{name}[{key!r}]")
            for key, entry in value.items()
        }
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    raise TypeError(
        f"{name} must be a number, a text or a mapping of them, got {value!r}"
    )
