"""Results that a stopped command need not measure again."""

import json
from collections.abc import Callable
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kcv.storage import write_whole
from kcv.text_files import read_object


def keep_result(
    file: Path,
    settings: Mapping[str, Any],
    measure: Callable[[], Any],
    resume: bool = True,
) -> Any:
    """Return what an earlier run has measured, or measure and write it.

    Args:
        file: Path of a JSON file. Its folder is created if it does not exist.
        settings: Everything that the result depends on. A result with other
            settings is replaced.
        measure: Function that returns the result, of which JSON can be made.
        resume: Whether an earlier result is used. Defaults to True.

    Returns:
        The result, as it is read from JSON.

    Example:

    ```python
    seconds = keep_result(out / "seconds.json", {"rounds": 5}, time_systems)
    ```
    """
    settings = json.loads(json.dumps(settings, default=str))
    if resume and file.exists():
        record = read_object(file)
        if record.get("settings") == settings:
            return record["result"]
    text = json.dumps({"settings": settings, "result": measure()})
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, text.encode() + b"\n")
    return json.loads(text)["result"]
