"""Sets of faces: folders of people, CelebA, and lists of images.

Z. Liu et al., "Deep Learning Face Attributes in the Wild", ICCV 2015 (CelebA).
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kcv.data.formats.face_files import FaceFiles
from kcv.data.formats.image_folder import read_image_folder
from kcv.data.streams.images import IMAGE_SUFFIXES

_MARKS = 10  # numbers of five landmarks


def read_people(folder: str | os.PathLike) -> FaceFiles:
    """List the photos of a folder that has a folder for each person.

    This is also the form of Labeled Faces in the Wild.

    Args:
        folder: Folder with image files in folder/PERSON, at any depth.

    Returns:
        The `FaceFiles`, by person and by name.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If it holds no folders, or one of them has no images.

    Example:

    ```python
    faces = kcv.data.read_people("lfw")
    pairs = kcv.data.read_pairs("lfw/pairs.txt", faces.image_ids)
    ```
    """
    found = read_image_folder(folder)
    return FaceFiles(
        files=found.files,
        image_ids=found.image_ids,
        labels=np.array(found.labels, np.int32),
        class_names=found.class_names,
        origin=found.origin,
    )


def read_celeba(
    images: str | os.PathLike,
    identities: str | os.PathLike,
    *,
    landmarks: str | os.PathLike | None = None,
    boxes: str | os.PathLike | None = None,
) -> FaceFiles:
    """List the photos of CelebA by identity.

    Values of a row are separated by blanks or commas. People are in the order
    of their numbers.

    Args:
        images: Folder of the image files, such as `img_align_celeba`.
        identities: File with a name and the number of a person in each row,
            `identity_CelebA.txt`.
        landmarks: File with ten coordinates for each image, such as
            `list_landmarks_align_celeba.txt` for aligned images. Defaults to
            None, for a set without landmarks.
        boxes: File with x, y, width and height for each image,
            `list_bbox_celeba.txt`, for images that are not aligned. A box
            without width or height is left out. Defaults to None, for a set
            without boxes.

    Returns:
        The `FaceFiles`, in the order of `identities`.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If a row is wrong, or landmarks are no face's. The message
            names file and row.

    Example:

    ```python
    faces = kcv.data.read_celeba("img_align_celeba", "identity_CelebA.txt")
    ```
    """
    rows = dict(_rows(Path(identities), 1))
    names = tuple(rows)
    numbers = [int(values[0]) for values in rows.values()]
    people, labels = np.unique(numbers, return_inverse=True)
    found_boxes = None
    if boxes is not None:
        found_boxes = _values(boxes, names, 4)
        empty = (found_boxes[:, 2:] <= 0).any(1)
        found_boxes[:, 2:] += found_boxes[:, :2]
        found_boxes[empty] = np.nan
    marks = None
    if landmarks is not None:
        marks = _values(landmarks, names, _MARKS).reshape(-1, 5, 2)
    folder = Path(images)
    return FaceFiles(
        files=tuple(str(folder / name) for name in names),
        image_ids=names,
        labels=labels.astype(np.int32),
        class_names=tuple(str(number) for number in people),
        origin=f"{identities} with images in {images}",
        landmarks=marks,
        boxes=found_boxes,
    )


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
    for line, fields in _lines(file):
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
        marks.append(_numbers(where, fields[2:]))
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


def read_partition(file: str | os.PathLike) -> dict[str, int]:
    """Read the parts of CelebA, `list_eval_partition.txt`.

    Args:
        file: Path of the file.

    Returns:
        Part of each image: 0 for training, 1 for validation, 2 for testing.
    """
    return {name: int(values[0]) for name, values in _rows(Path(file), 1)}


def _lines(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Read the values of all lines that are not empty."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {file}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not a text file: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        for separator in ("\t", ",", None):
            if separator is None or separator in line:
                fields = [own.strip() for own in line.split(separator)]
                break
        if any(fields):
            yield number, fields


def _rows(file: Path, count: int) -> Iterator[tuple[str, list[float]]]:
    """Read the rows of a file of CelebA, after its one or two headings."""
    begun = False
    seen = set()
    for line, fields in _lines(file):
        begun = begun or fields[0].lower().endswith(IMAGE_SUFFIXES)
        if not begun:
            continue
        where = f"{file}, line {line}"
        if len(fields) != 1 + count:
            raise ValueError(
                f"{where}: there must be a name and {count} numbers. Received: "
                f"{len(fields)} values"
            )
        if fields[0] in seen or Path(fields[0]).name != fields[0]:
            raise ValueError(
                f"{where}: there must be the name of another image. Received: "
                f"{fields[0]!r}"
            )
        seen.add(fields[0])
        yield fields[0], _numbers(where, fields[1:])
    if not begun:
        raise ValueError(f"{file} names no images")


def _values(file, names, count) -> np.ndarray:
    """Read numbers for each name of a set."""
    rows = dict(_rows(Path(file), count))
    missing = [name for name in names if name not in rows]
    if missing:
        raise ValueError(
            f"{file} has no row for {len(missing)} images, {missing[0]!r} "
            "among them"
        )
    return np.array([rows[name] for name in names], np.float32)


def _numbers(where, fields) -> list[float]:
    try:
        return [float(field) for field in fields]
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
