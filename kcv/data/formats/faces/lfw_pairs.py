"""Labeled Faces in the Wild: its folder, and its lists of pairs.

G. B. Huang et al., "Labeled Faces in the Wild", technical report 07-49, 2007.
Photo number i of a person is NAME/NAME_000i.jpg.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kcv.data.streams.face_pairs import FacePairs
from kcv.text_files import read_text

_PHOTO = re.compile(r"(?:.*/)?(?P<name>[^/]+)_(?P<number>\d+)\.\w+")


def read_pairs(file: str | os.PathLike, image_ids: Sequence[str]) -> FacePairs:
    """Read a list of pairs of Labeled Faces in the Wild.

    The first line has the number of folds and of pairs of each kind in a fold,
    "10 300" in `pairs.txt`, or only the number of pairs, as in
    `pairsDevTrain.txt`. Pairs of one person, "NAME i j", come first in a fold,
    then pairs of two, "NAME i NAME j". Fields are separated by tabs.

    Args:
        file: Path of the list.
        image_ids: Names of the photos of a set, which end in NAME_000i and a
            suffix, or in NAME/NAME_000i and a suffix. The attribute `image_ids`
            of what `kcv.data.read_people` or `kcv.data.keep_faces` returns.

    Returns:
        The `FacePairs`, whose photos are positions in `image_ids`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If a line is not a pair, or names a photo that the set does
            not have. The message names file and line.

    Example:

    ```python
    faces = kcv.data.read_people("lfw")
    pairs = kcv.data.read_pairs("lfw/pairs.txt", faces.image_ids)
    ```
    """
    file = Path(file)
    rows = [
        (number, line.split("\t") if "\t" in line else line.split())
        for number, line in enumerate(read_text(file).splitlines(), 1)
        if line.strip()
    ]
    folds, pairs = _header(file, rows[:1])
    if len(rows) - 1 != 2 * folds * pairs:
        raise ValueError(
            f"{file}: there must be {2 * folds * pairs} pairs, as line 1 says. "
            f"Received: {len(rows) - 1} pairs"
        )
    photos = _numbered(image_ids)
    same = np.tile(np.repeat([True, False], pairs), folds)
    found = np.array(
        [
            _pair(f"{file}, line {number}", fields, is_same, photos)
            for (number, fields), is_same in zip(rows[1:], same, strict=True)
        ],
        np.int64,
    )
    return FacePairs(
        found[:, 0],
        found[:, 1],
        same,
        np.repeat(np.arange(folds), 2 * pairs),
    )


def _header(file, rows) -> tuple[int, int]:
    fields = rows[0][1] if rows else []
    numbers = [int(field) for field in fields if field.strip().isdecimal()]
    if len(numbers) != len(fields) or len(fields) not in (1, 2):
        numbers = [0]
    if min(numbers) < 1:
        raise ValueError(
            f"{file}, line 1: there must be the number of folds and of pairs "
            f"of each kind in a fold. Received: {' '.join(fields)!r}"
        )
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (1, numbers[0])


def _numbered(image_ids) -> dict[tuple[str, int], int]:
    """Positions of photos by name and number."""
    photos = {}
    for position, image_id in enumerate(image_ids):
        match = _PHOTO.fullmatch(image_id)
        if match:
            photos[match["name"], int(match["number"])] = position
    return photos


def _pair(where, fields, is_same, photos) -> tuple[int, int]:
    if len(fields) != (3 if is_same else 4):
        expected = "NAME i j" if is_same else "NAME i NAME j"
        raise ValueError(
            f"{where}: there must be {expected}. Received: {' '.join(fields)!r}"
        )
    fields = [field.strip() for field in fields]
    first = fields[0], fields[1]
    second = fields[-2] if not is_same else fields[0], fields[-1]
    found = []
    for name, number in (first, second):
        if not number.isdecimal():
            raise ValueError(
                f"{where}: the number of a photo must be an integer. Received: "
                f"{number!r}"
            )
        position = photos.get((name, int(number)))
        if position is None:
            raise ValueError(
                f"{where}: the set has no photo {name}_{int(number):04d}"
            )
        found.append(position)
    if is_same and found[0] == found[1]:
        raise ValueError(f"{where}: a pair must have two different photos")
    if not is_same and first[0] == second[0]:
        raise ValueError(
            f"{where}: a pair of two people must have two names. Received: "
            f"{first[0]!r} twice"
        )
    return found[0], found[1]
