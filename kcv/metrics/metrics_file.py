"""Writing of `metrics.json`, the file of the measured figures."""

import json
import math
from collections.abc import Mapping
from numbers import Integral
from numbers import Real
from pathlib import Path
from typing import Any

from kcv.storage import write_whole


def write_metrics_file(folder: Path, metrics: Mapping[str, Any]) -> Path:
    """Write `metrics.json` into a folder, completely or not at all.

    Args:
        folder: Folder, which exists.
        metrics: Names (`voc07_map`, `average_recall` ...) and numbers, texts
            or nested mappings of them. What is not finite, which JSON does not
            have, becomes null.

    Returns:
        The path of the file.

    Raises:
        OSError: If the file cannot be written.
        TypeError: If a value is not a number, a text or a mapping.

    Example:

    ```python
    write_metrics_file(Path("found"), {"voc07_map": 0.78, "images": 500})
    ```
    """
    path = Path(folder) / "metrics.json"
    text = json.dumps(_plain(metrics, "metrics"), indent=2, allow_nan=False)
    write_whole(path, text.encode() + b"\n")
    return path


def _plain(value, name: str):
    """Convert NumPy's numbers to Python's, and NaN and infinity to None."""
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
