"""Files that are there whole or not at all, and sizes that can be believed."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

# Data that unpack to more bytes than this must not be smaller in their file by
# more than this factor. Weights and images hardly shrink.
_LARGE = 2**26
_MOST_COMPRESSED = 100


def check_unpacked(
    path: str | os.PathLike,
    packed: int,
    unpacked: int,
    part: str = "its values",
) -> None:
    """Raise an error if compressed data cannot be what they claim to be.

    Args:
        path: Path of the file.
        packed: Number of bytes in the file.
        unpacked: Number of bytes that they claim to unpack to.
        part: Name of the data in the error message.

    Raises:
        ValueError: If the data would take a large memory and shrink more than
            data of any use do.

    Example:

    >>> check_unpacked("digits.gz", 10_000, 47_000)
    """
    if unpacked > max(_LARGE, _MOST_COMPRESSED * packed):
        raise ValueError(
            f"{path} stores {part} in {packed} bytes and declares {unpacked}: "
            "it would fill the memory with next to nothing"
        )


def write_whole(
    path: str | os.PathLike, content: bytes | Callable[[Path], object]
) -> Path:
    """Write a file so that a reader never sees a part of it.

    The content is written to a temporary file in the same folder, which then
    takes the place of `path`. A killed run or a full disk leaves the file that
    was there before.

    Args:
        path: Path of the file, in a folder that exists.
        content: The whole content as bytes, or a function that writes it to
            the path it is given. That path ends in the name of the file, so
            that functions which look at the suffix work.

    Returns:
        `path`.

    Raises:
        OSError: If the file cannot be written. Whatever is raised, no
            temporary file remains.

    Example:

    ```python
    write_whole("runs/mine/metrics.json", b"{}")
    write_whole("runs/mine/model.keras", model.save)
    ```
    """
    path = Path(path)
    # In the same folder: a rename is atomic only within one file system.
    handle, name = tempfile.mkstemp(
        prefix=".", suffix=f".{path.name}", dir=path.parent
    )
    temporary = Path(name)
    try:
        os.close(handle)
        if isinstance(content, bytes):
            temporary.write_bytes(content)
        else:
            content(temporary)
        # The data must be on the disk before the name is, or a power cut could
        # leave an empty file.
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        # mkstemp makes a file that its owner alone can read.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path
