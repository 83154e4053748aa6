"""CelebA: images of celebrities, and who they are.

Z. Liu et al., "Deep Learning Face Attributes in the Wild", ICCV 2015.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from kcv.data.formats.faces.face_files import FaceFiles
from kcv.data.formats.faces.rows import read_lines
from kcv.data.formats.faces.rows import read_numbers
from kcv.data.streams.images import IMAGE_SUFFIXES


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
        ValueError: If a row is wrong, or landmarks are not those of a face. The
            message names file and row.

    Example:

    ```python
    faces = kcv.data.read_celeba("img_align_celeba", "identity_CelebA.txt")
    ```
    """
    numbers = _integers(Path(identities))
    names = tuple(numbers)
    people, labels = np.unique([*numbers.values()], return_inverse=True)
    found_boxes = None
    if boxes is not None:
        found_boxes = _values(boxes, names, 4)
        empty = (found_boxes[:, 2:] <= 0).any(1)
        found_boxes[:, 2:] += found_boxes[:, :2]
        found_boxes[empty] = np.nan
    marks = None
    if landmarks is not None:
        marks = _values(landmarks, names, 10).reshape(-1, 5, 2)
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


def read_partition(file: str | os.PathLike) -> dict[str, int]:
    """Read the parts of CelebA, `list_eval_partition.txt`.

    Args:
        file: Path of the file.

    Returns:
        Part of each image: 0 for training, 1 for validation, 2 for testing.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If a row is wrong. The message names file and row.
    """
    return _integers(Path(file))


def _integers(file: Path) -> dict[str, int]:
    """Read an integer for each image."""
    numbers = {}
    for name, (value,) in _rows(file, 1):
        if not value.is_integer():
            raise ValueError(
                f"{file}: the number of {name!r} must be an integer. Received: "
                f"{value:g}"
            )
        numbers[name] = int(value)
    return numbers


def _rows(file: Path, count: int) -> Iterator[tuple[str, list[float]]]:
    """Read the rows of a file of CelebA, after its one or two headings."""
    begun = False
    seen = set()
    for line, fields in read_lines(file):
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
        yield fields[0], read_numbers(where, fields[1:])
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
