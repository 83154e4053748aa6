"""The folder that a command fills. What is in it is never overwritten unasked.

predictions.jsonl   one JSON object a line
images/, labels/    files that are named after the images
summary.json        what was done, and with what
"""

import json
import os
import threading
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kcv.storage import temporary_prefix
from kcv.storage import write_whole

RECORDS = "predictions.jsonl"
SUMMARY = "summary.json"


def check_folder(
    path: Path, overwrite: bool = False, option: str = "--out"
) -> None:
    """Raise an error if a command may not fill a folder.

    Args:
        path: Path of the folder, which need not exist.
        overwrite: Whether it may have files. Defaults to False.
        option: Option that names the folder, for messages. Defaults to "--out".

    Raises:
        NotADirectoryError: If the path is that of a file.
        FileExistsError: If the folder has files and `overwrite` is False.
    """
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(
            f"{path} is a file. Give a folder by {option}."
        )
    if not overwrite and path.is_dir() and any(path.iterdir()):
        raise FileExistsError(
            f"{path} is not empty, and nothing is overwritten unasked: give "
            f"another {option}, or --overwrite."
        )


class OutputFolder:
    """Writer of a folder, which is made at the first file.

    A file is there whole or not at all, and so is each line of the records,
    whatever stops the command.

    Args:
        path: Path of the folder.
    """

    def __init__(self, path: Path):
        self.path = path
        self._records: Any = None

    def add_records(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Append lines to `predictions.jsonl`.

        Args:
            records: Records, each of which becomes a line of JSON.
        """
        if self._records is None:
            self.path.mkdir(parents=True, exist_ok=True)
            # Unbuffered, so that nothing is written late.
            self._records = open(  # noqa: SIM115
                self.path / RECORDS, "wb", buffering=0
            )
        lines = [json.dumps(record, ensure_ascii=False) for record in records]
        text = "".join(f"{line}\n" for line in lines).encode()
        end = self._records.tell()
        try:
            # An unbuffered file may take less than it is given.
            written = self._records.write(text)
            if written != len(text):
                self._records.write(text[written:])
        except BaseException as error:
            self._records.truncate(end)
            if isinstance(error, OSError):
                raise _named(error, self.path / RECORDS) from error
            raise

    def add_file(self, name: str, content: bytes) -> None:
        """Write a file below the folder.

        Args:
            name: Path of the file below the folder.
            content: Content of the file.
        """
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not `write_whole`, which waits for the disk at each file.
        unfinished = path.with_name(
            f"{temporary_prefix()}{threading.get_ident()}"
        )
        try:
            unfinished.write_bytes(content)
            os.replace(unfinished, path)
        except BaseException as error:
            unfinished.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise _named(error, path) from error
            raise

    def add_summary(self, summary: Mapping[str, Any]) -> None:
        """Write `summary.json`.

        Args:
            summary: Content of the file, values by name.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        text = json.dumps(summary, indent=2, ensure_ascii=False)
        write_whole(self.path / SUMMARY, text.encode() + b"\n")

    def close(self) -> None:
        """Close the records."""
        if self._records is not None:
            self._records.close()


def _named(error: OSError, path: Path) -> OSError:
    """Name the file in an error of writing, which does not name it itself."""
    return OSError(error.errno, error.strerror, str(path))
