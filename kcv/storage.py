"""Files that are there whole or not at all, and sizes that can be believed."""

import io
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# Data that unpack to more bytes than this must not be smaller in their file by
# more than this factor. Weights and images hardly shrink.
_LARGE = 2**26
_MOST_COMPRESSED = 100

# Temporary names tell which process made them, so that those of a process that
# was killed can be removed. They begin with a dot, so that readers of a folder
# and model servers pass them over.
_TEMPORARY = re.compile(r"\.tmp-(?P<pid>\d+)-(?P<host>\w+)-")
_HOST = re.sub(r"\W", "_", socket.gethostname())[:40] or "unknown"
# What a process on another machine has not touched for so long is of no use.
_SECONDS_OF_OTHERS = 24 * 3600


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
        part: Name of the data in the error message. Defaults to "its values".

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


class NamedBuffer(io.BytesIO):
    """A file in memory that has a name.

    `model.save` and `model.save_weights` of Keras take it for a file of this
    name, and look at how it ends.

    Args:
        name: Name of the file.
    """

    def __init__(self, name: str):
        super().__init__()
        self.name = name

    def __str__(self) -> str:
        return self.name


def write_whole(
    path: str | os.PathLike,
    content: bytes | Callable[[NamedBuffer], object],
) -> Path:
    """Write a file so that a reader never sees a part of it.

    The content is written to a temporary file in the same folder, which then
    takes the place of `path`. A killed run, a full disk or a power cut leaves
    the file that was there before. Temporary files that a killed run left are
    removed when `kcv.locks.FolderLock` locks the folder.

    Args:
        path: Path of the file, in a folder that exists.
        content: The whole content as bytes, or a function that writes it to
            the file in memory that it is given, which has the name of the file.

    Returns:
        `path`.

    Raises:
        OSError: If the file cannot be written. The error names `path`.
            Whatever is raised, no temporary file remains.

    Example:

    ```python
    write_whole("runs/mine/metrics.json", b"{}")
    write_whole("runs/mine/model.keras", model.save)
    write_whole("runs/mine/boxes.npy", lambda file: np.save(file, boxes))
    ```
    """
    path = Path(path)
    if callable(content):
        # Not to the disk: where that is full, h5py ends the process with a
        # crash, and `np.save` reports no error.
        buffer = NamedBuffer(path.name)
        content(buffer)
        data: bytes | memoryview = buffer.getbuffer()
    else:
        data = content
    name = None
    try:
        # In the same folder: a rename is atomic only within one file system.
        handle, name = tempfile.mkstemp(
            prefix=temporary_prefix(), suffix=f".{path.name}", dir=path.parent
        )
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            # The data must be on the disk before the name is, or a power cut
            # could leave an empty file.
            os.fsync(file.fileno())
        # mkstemp makes a file that its owner alone can read.
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
        sync(path.parent)
    except BaseException as error:
        if name is not None:
            Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            # The system's message names the temporary file, or none.
            raise OSError(
                error.errno or 0, error.strerror or str(error), str(path)
            ) from error
        raise
    return path


def sync(path: str | os.PathLike) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    Args:
        path: Path of a file or a folder.
    """
    if os.path.isdir(path) and os.name != "posix":
        return  # Only POSIX opens folders.
    flags = os.O_RDONLY if os.path.isdir(path) else os.O_RDWR
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def temporary_prefix() -> str:
    """Return how the names of temporary files of this process begin.

    Example:

    >>> temporary_prefix().startswith(".tmp-")
    True
    """
    return f".tmp-{os.getpid()}-{_HOST}-"


def temporary_folder(parent: str | os.PathLike, name: str) -> Path:
    """Make a folder to fill, which is to be renamed when it is whole.

    Args:
        parent: Folder that it is made in.
        name: End of its name.

    Returns:
        Path of the folder, which begins with `temporary_prefix()`.
    """
    folder = Path(tempfile.mkdtemp(f"-{name}", temporary_prefix(), parent))
    # mkdtemp makes a folder that its owner alone can open.
    folder.chmod(0o777 & ~_umask())
    return folder


def remove_leftovers(folder: str | os.PathLike) -> None:
    """Remove the temporary files and folders of processes that were killed.

    Of processes on other machines, which cannot be looked for, they are removed
    after a day.

    Args:
        folder: Folder of which the direct contents are removed.
    """
    for path in Path(folder).glob(".tmp-*"):
        if _is_left_over(path):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def describe_maker(path: Path) -> str:
    """Return which process made a temporary file or folder.

    Args:
        path: Path of the file or folder.

    Returns:
        Text with the number of the process and its machine, if the name of the
        file contains them.
    """
    found = _TEMPORARY.match(path.name)
    if found is None:
        return "another process"
    return f"process {found['pid']} on {found['host']}"


def _is_left_over(path: Path) -> bool:
    made = _TEMPORARY.match(path.name)
    if made and made["host"] == _HOST and os.name == "posix":
        return not _is_alive(int(made["pid"]))
    try:
        return time.time() - path.lstat().st_mtime > _SECONDS_OF_OTHERS
    except OSError:
        return False  # Its maker has renamed or removed it meanwhile.


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def make_folder(argument: str, path: str | os.PathLike) -> Path:
    """Make a folder and those above it, unless it exists.

    Args:
        argument: Name of the argument in an error.
        path: Path of the folder.

    Returns:
        `path`.

    Raises:
        ValueError: If the path, or one above it, is a file.
        OSError: If the folder cannot be made for another reason.

    Example:

    ```python
    folder = make_folder("out", "runs/mine")
    ```
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ValueError(
            f"`{argument}` must be a folder, but it or one above it is a file. "
            f"Received: {argument}={str(path)!r}"
        ) from error
    return path
