"""The numbered versions of a model, each of which is written, then renamed."""

import datetime
import os
from pathlib import Path

from kcv.locks import FolderLock
from kcv.storage import describe_maker
from kcv.storage import sync
from kcv.storage import temporary_folder

# Another process holds the lock while it chooses a number, no longer.
_SECONDS_TO_RESERVE = 60


def reserve(base: Path, version: int | None) -> tuple[int, Path]:
    """Choose a number, and make the folder that reserves it.

    Args:
        base: Folder of the versions. It is made if it does not exist.
        version: Number of the version. If None, it is one more than the newest.

    Returns:
        The number, and the folder to fill, which a server ignores.

    Raises:
        ValueError: If `version` is not a positive integer, or `base` is a file.
        FileExistsError: If the version exists, or another process is writing
            it.
    """
    with FolderLock(base, _SECONDS_TO_RESERVE, "base_dir"):
        version = _free_version(base, version)
        return version, temporary_folder(base, f"version-{version}")


def _free_version(base, version):
    # As the server reads them: "00000123" is version 123.
    taken = {int(p.name) for p in base.iterdir() if p.name.isdecimal()}
    # Those that other processes are writing have a number at the end.
    reserved = {
        int(number): path
        for path in base.glob(".tmp-*-version-*")
        if (number := path.name.rpartition("-")[2]).isdecimal()
    }
    following = max({*taken, *reserved}, default=0) + 1
    if version is None:
        return following
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ValueError(
            f"`version` must be a positive int. Received: version={version!r}"
        )
    if version in taken:
        raise FileExistsError(
            f"{base} already has version {version}; versions are never "
            f"overwritten. The next free one is {following}"
        )
    if version in reserved:
        since = datetime.datetime.fromtimestamp(
            reserved[version].stat().st_ctime
        )
        raise FileExistsError(
            f"Version {version} of {base} is being written by "
            f"{describe_maker(reserved[version])} since "
            f"{since:%Y-%m-%d %H:%M:%S}. "
            f"The next free one is {following}"
        )
    return version


def put_in_place(unfinished: Path, version_dir: Path) -> None:
    """Rename a complete folder, so that a server sees all of it at once.

    Args:
        unfinished: Folder that `reserve` has made, with all its files.
        version_dir: Folder of the version.

    Raises:
        FileExistsError: If the version exists by now.
    """
    # A power cut must not leave a version whose files are empty.
    for path in (*unfinished.rglob("*"), unfinished):
        sync(path)
    try:
        os.rename(unfinished, version_dir)
    except OSError as error:
        if version_dir.exists():
            raise FileExistsError(
                f"{version_dir} was published meanwhile by someone else"
            ) from error
        raise
