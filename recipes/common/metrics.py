"""The file `metrics.json` of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kcv.metrics.metrics_file import write_metrics_file

# Other figures cannot be compared without these.
REQUIRED = ("seconds", "epochs", "examples_per_second", "split")


def write_metrics(folder: Path, metrics: Mapping[str, Any]) -> Path:
    """Write `metrics.json` into the folder of a run.

    Args:
        folder: The run's folder, which exists.
        metrics: Plain names (`voc07_map`, `average_recall` ...) and numbers,
            texts or nested mappings of them; always `seconds` (of training),
            `epochs`, `examples_per_second` and `split` (what was measured).
            NaN, which JSON does not have, becomes null.

    Returns:
        The path of the file.

    Raises:
        ValueError: If a required name is absent.
        TypeError: If a value is not a number, a text or a mapping.

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
    return write_metrics_file(folder, metrics)
