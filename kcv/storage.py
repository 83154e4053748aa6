"""Files that are there whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader never sees half of it.

    A killed run or a full disk leaves the file that was there before.

    Args:
        path: where to; its folder exists.
        data: the whole content.

    Raises:
        OSError: if it cannot be written; nothing is left behind.

    Example:

    ```python
    write_whole(Path("runs/mine/metrics.json"), b"{}")
    ```
    """
    path = Path(path)
    # Beside its goal: a rename is atomic only within one file system.
    handle, temporary = tempfile.mkstemp(
        prefix=f".{path.name}.", dir=path.parent
    )
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp keeps it private; the page is for whoever reads the folder.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
