"""What a `.keras` file says about its model, besides what Keras reads.

Keras writes the date and its version into the member metadata.json of a
`.keras` file, and reads it no more. There, under the key "kcv", kcv keeps the
preparation and the class names of a trained model, and its card.
"""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

from kcv.storage import check_unpacked
from kcv.trained.catalog import find_model

_METADATA = "metadata.json"


def read_notes(path: str | os.PathLike) -> dict[str, Any]:
    """Read what kcv has written into a `.keras` file.

    Args:
        path: Path of the file.

    Returns:
        Dict of `serving`, the content of a `serving.json`, and `card`, a text
        in Markdown. Empty for a file that has no notes, or that is not a
        `.keras` file.

    Raises:
        ValueError: If the notes are damaged. The message names the file.
    """
    path = Path(path)
    if not zipfile.is_zipfile(path):
        return {}
    try:
        with zipfile.ZipFile(path) as archive:
            if _METADATA not in archive.namelist():
                return {}
            member = archive.getinfo(_METADATA)
            check_unpacked(
                path, member.compress_size, member.file_size, _METADATA
            )
            told = json.loads(archive.read(member))
            notes = told.get("kcv", {})
            if not isinstance(notes, dict):
                raise TypeError("its entry kcv is not an object")
    except Exception as error:  # of zip files, text and JSON
        raise ValueError(f"{path}: {_METADATA} is damaged: {error}") from error
    return notes


def read_card(model: str | os.PathLike) -> str:
    """Read the card of a trained model.

    Args:
        model: Name of a model that comes with kcv, or path of a `.keras` file.

    Returns:
        The card in Markdown. Empty for a file without a card.

    Raises:
        ValueError: If the model does not exist, or the file is damaged.

    Example:

    >>> print(read_card("faster_rcnn/digit_scenes").splitlines()[0])
    # faster_rcnn/digit_scenes
    """
    return str(read_notes(find_model(model)).get("card", ""))
