"""Folders of files that other people made.

Hidden files and folders, and those that archives and servers add, are left out
at every depth. Suffixes are compared without regard to case. Links to files and
folders are followed. Files that are left out are counted in one log line.
"""

import collections
import logging
import os
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from kcv.data.streams.images import IMAGE_SUFFIXES
from kcv.text_files import path_text

_LOG = logging.getLogger(__name__)
# Folders that macOS adds to archives, and Synology to folders of photographs.
_ADDED = ("__MACOSX", "@eaDir")


def visible(folder: Path) -> list[Path]:
    """List the files and folders in a folder that are not hidden, sorted.

    Args:
        folder: Path of the folder.

    Returns:
        Paths of its files and folders.

    Raises:
        FileNotFoundError: If the folder does not exist.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder, or does not exist")
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and path.name not in _ADDED
    )


class TreeReader:
    """Find files in folders, and count the files that are left out.

    Args:
        suffixes: Suffixes of the files to find, in lower case.
        ignored: Names of files that are left out without being counted.
            Defaults to none.
    """

    def __init__(self, suffixes: Sequence[str], ignored: Sequence[str] = ()):
        self.suffixes = tuple(suffixes)
        self.ignored = tuple(ignored)
        self.left_out: collections.Counter[str] = collections.Counter()

    def find(self, folder: Path) -> list[Path]:
        """Find the files of a folder at any depth.

        Args:
            folder: Folder to search.

        Returns:
            Paths of the files, sorted.
        """
        return sorted(self._find(folder, set()))

    def log(self, folder: Path) -> None:
        """Log the number of files that were left out, if there are any.

        Args:
            folder: Folder that was searched.
        """
        if self.left_out:
            counts = ", ".join(
                f"{count} {kind}" for kind, count in self.left_out.most_common()
            )
            _LOG.warning(
                "%s: %d files are left out (%s). Files that are read end in "
                "%s.",
                folder,
                self.left_out.total(),
                counts,
                ", ".join(self.suffixes),
            )

    def _find(self, folder: Path, entered: set) -> Iterator[Path]:
        for path in visible(folder):
            if path.is_dir():
                if path.is_symlink():
                    # A link may lead back to a folder above it, so folders
                    # that were entered are remembered.
                    place = os.path.realpath(path)
                    if place in entered or Path(
                        os.path.realpath(folder)
                    ).is_relative_to(place):
                        self.left_out["links to a folder that is read"] += 1
                        continue
                    entered.add(place)
                yield from self._find(path, entered)
            elif path.name in self.ignored:
                continue
            elif not path.is_file():
                self.left_out["broken links or devices"] += 1
            elif path.suffix.lower() in self.suffixes:
                yield path
            else:
                self.left_out[path.suffix or "without suffix"] += 1


def find_files(
    folder: Path,
    suffixes: Sequence[str] = IMAGE_SUFFIXES,
    ignored: Sequence[str] = (),
) -> list[Path]:
    """Find the files of a folder, at any depth, and log what is left out.

    Args:
        folder: Folder to look in.
        suffixes: Suffixes of the files to find, in lower case. Defaults to
            those of images.
        ignored: Names of files that are left out without being counted.
            Defaults to none.

    Returns:
        Paths of the files, sorted.

    Raises:
        FileNotFoundError: If the folder does not exist.
    """
    reader = TreeReader(suffixes, ignored)
    found = reader.find(folder)
    reader.log(folder)
    return found


def files_by_name(
    folder: Path,
    suffixes: Sequence[str] = IMAGE_SUFFIXES,
    ignored: Sequence[str] = (),
) -> dict[str, str]:
    """Find the files of a folder, at any depth, by name without suffix.

    Args:
        folder: Folder to look in.
        suffixes: Suffixes of the files to find, in lower case. Defaults to
            those of images.
        ignored: Names of files that are left out without being counted.
            Defaults to none.

    Returns:
        Dict from names such as "deep/below" to paths, sorted.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If two files have the same name.
    """
    found: dict[str, str] = {}
    for file in find_files(folder, suffixes, ignored):
        name = path_text(file.relative_to(folder).with_suffix(""))
        if name in found:
            raise ValueError(
                f"{folder} must have one file of the name {name!r}. Received: "
                f"{found[name]} and {file}"
            )
        found[name] = str(file)
    return found


def lists_by_name(folder: Path) -> dict[str, Path]:
    """Find the lists in a folder, which are text files.

    Args:
        folder: Folder to search. It need not exist.

    Returns:
        Dict from names without suffix to paths.
    """
    if not folder.is_dir():
        return {}
    return {
        path_text(path.stem): path
        for path in visible(folder)
        if path.suffix.lower() == ".txt" and path.is_file()
    }
