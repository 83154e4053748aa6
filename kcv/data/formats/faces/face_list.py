"""A list of images and of the people on them."""

import os
from pathlib import Path

import numpy as np

from kcv.data.formats.faces.face_files import FaceFiles
from kcv.data.formats.faces.rows import read_lines
from kcv.data.formats.faces.rows import read_numbers

_MARKS = 10  # numbers of five landmarks


def read_face_list(
    file: str | os.PathLike, folder: str | os.PathLike
) -> FaceFiles:
    """Read a list of images and the people on them.

    A row is the path of an image below the folder and the name of a person,
    separated by a tab, a comma or blanks. All rows may have ten further values,
    the coordinates of the five landmarks.

    Args:
        file: Path of the list.
        folder: Folder of the image files.

    Returns:
        The `FaceFiles`, in the order of the list. People are sorted by name.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If a row is wrong, a path leaves the folder, or an image is
            listed twice. The message names file and line.

    Example:

    ```python
    faces = kcv.data.read_face_list("people.csv", "photos")
    ```
    """
    file, folder = Path(file), Path(folder)
    names, people, marks = [], [], []
    seen: set[str] = set()
    for line, fields in read_lines(file):
        where = f"{file}, line {line}"
        if len(fields) not in (2, 2 + _MARKS) or not all(fields[:2]):
            raise ValueError(
                f"{where}: there must be a path and a person, with or without "
                f"{_MARKS} coordinates. Received: {len(fields)} values"
            )
        name = fields[0]
        if name in seen:
            raise ValueError(f"{where}: the image {name!r} is listed twice")
        inside = (folder / name).resolve().is_relative_to(folder.resolve())
        if not inside:
            raise ValueError(f"{where}: {name!r} is not below {folder}")
        seen.add(name)
        names.append(name)
        people.append(fields[1])
        marks.append(read_numbers(where, fields[2:]))
    if len({len(own) for own in marks}) > 1:
        raise ValueError(
            f"{file}: all rows must have coordinates of landmarks, or none"
        )
    class_names, labels = np.unique(people, return_inverse=True)
    has_marks = bool(marks and marks[0])
    return FaceFiles(
        files=tuple(str(folder / name) for name in names),
        image_ids=tuple(names),
        labels=labels.astype(np.int32),
        class_names=tuple(class_names.tolist()),
        origin=f"{file} with images in {folder}",
        landmarks=np.array(marks, np.float32).reshape(-1, 5, 2)
        if has_marks
        else None,
    )
