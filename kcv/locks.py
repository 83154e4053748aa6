"""Locks on folders that only one process at a time may write to."""

import contextlib
import datetime
import json
import logging
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Self

from kcv.storage import make_folder
from kcv.storage import remove_leftovers

try:
    import fcntl
except ImportError:  # Windows has other locks, and kcv uses none there.
    fcntl = None  # type: ignore[assignment]

_LOG = logging.getLogger(__name__)


class FolderInUseError(OSError):
    """Another process, or another thread, writes to the folder."""


class FolderLock:
    """A lock on a folder that only one process at a time may write to.

    The lock is one of the operating system on the file `.lock` in the folder.
    It ends with its process, even if that is killed. The file says which
    process holds the lock, and is removed when the lock is released. Temporary
    files that killed processes left in the folder are removed, too.

    The thread that holds the lock may take it again. Where the system or the
    file system has no locks, a line in the log says so, and nothing is locked.

    Args:
        folder: Folder to lock. It is created if it does not exist.
        wait: Number of seconds to wait for the lock. Defaults to 0.
        argument: Name of the argument that gives the folder, in an error.
            Defaults to "folder".

    Raises:
        ValueError: If the folder is a file.
        FolderInUseError: If the lock is held. The message says by which
            process, on which machine, and since when.

    Example:

    ```python
    with FolderLock("runs/mine"):
        write_whole("runs/mine/metrics.json", b"{}")
    ```
    """

    # Depth of each lock of this process, by its folder and thread.
    _held: dict[tuple[Path, int], int] = {}

    def __init__(
        self,
        folder: str | os.PathLike,
        wait: float = 0.0,
        argument: str = "folder",
    ):
        self.folder = Path(folder)
        self.wait = wait
        self.argument = argument

    def __enter__(self) -> Self:
        self._made = not self.folder.exists()
        make_folder(self.argument, self.folder)
        self._key = self.folder.resolve(), threading.get_ident()
        self._handle: int | None = None
        if not self._held.get(self._key):
            self._handle = self._acquire()
            remove_leftovers(self.folder)
        self._held[self._key] = self._held.get(self._key, 0) + 1
        return self

    def __exit__(self, *_) -> None:
        self._held[self._key] -= 1
        if self._held[self._key]:
            return
        del self._held[self._key]
        if self._handle is not None:
            # Removed while it is locked, so that it is nobody else's.
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)
            os.close(self._handle)
        if self._made:
            # A command that wrote nothing leaves no folder.
            with contextlib.suppress(OSError):
                self.folder.rmdir()

    @property
    def _file(self) -> Path:
        return self.folder / ".lock"

    def _acquire(self) -> int | None:
        if fcntl is None:
            return None
        until = time.monotonic() + self.wait
        while True:
            handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # Its last holder may have removed the file meanwhile.
                if self._is_in_place(handle):
                    self._sign(handle)
                    return handle
            except BlockingIOError:
                if time.monotonic() >= until:
                    holder = _read_holder(handle)
                    os.close(handle)
                    raise FolderInUseError(
                        f"{self.folder} is in use by {holder}. Wait until it "
                        "ends, or choose another folder."
                    ) from None
                time.sleep(0.05)
            except OSError as error:
                os.close(handle)
                _LOG.warning(
                    "%s is not locked, because its file system has no locks: "
                    "%s. Let only one process write to it.",
                    self.folder,
                    error,
                )
                return None
            os.close(handle)

    def _is_in_place(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self._file))
        except FileNotFoundError:
            return False

    def _sign(self, handle: int) -> None:
        """Write who holds the lock."""
        now = datetime.datetime.now().astimezone()
        content = json.dumps(
            {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": now.isoformat(" ", "seconds"),
                "command": " ".join(sys.argv)[:200],
            }
        ).encode()
        # On a full disk the lock holds, too, but it does not say for whom.
        with contextlib.suppress(OSError):
            os.pwrite(handle, content, 0)
            os.ftruncate(handle, len(content))


def _read_holder(handle: int) -> str:
    try:
        holder = json.loads(os.pread(handle, 4096, 0))
        return (
            f"process {holder['pid']} on {holder['host']} since "
            f"{holder['since']} ({holder['command']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
