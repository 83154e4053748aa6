"""The content of a JSON file of instances in the form of COCO, checked.

Every error names the file, the entry and the key.
"""

import math
import os
from pathlib import Path
from typing import Any
from typing import NamedTuple

from kcv.data.formats.flags import read_flag
from kcv.data.streams.faults import one_entry
from kcv.pixels import pixel_limit
from kcv.text_files import check_name
from kcv.text_files import read_json

_KEYS = ("images", "annotations", "categories")
#: An id of an entry.
Id = int | str


class Category(NamedTuple):
    """A category.

    Attributes:
        name: Name without blanks around it.
        supercategory: Name of the group of the category, or None.
    """

    name: str
    supercategory: str | None


class CocoObject(NamedTuple):
    """An annotated object.

    Attributes:
        category: Id of its category.
        box: Numbers (x, y, width, height).
        is_crowd: Whether it is a crowd.
        segmentation: Its mask as the file has it, unchecked, or None.
        where: Name of the entry in error messages.
    """

    category: Id
    box: tuple[float, ...]
    is_crowd: bool
    segmentation: Any
    where: str


class CocoImage(NamedTuple):
    """An image.

    Attributes:
        image_id: Id as text, unique in the file.
        file_name: Path of the image file below the folder of images.
        size: Height and width, (0, 0) if one is missing.
        objects: Its objects, in the order of the file.
    """

    image_id: str
    file_name: str
    size: tuple[int, int]
    objects: list[CocoObject]


def read_instances(
    file: Path, folder: Path
) -> tuple[list[CocoImage], dict[Id, Category]]:
    """Read a JSON file of instances.

    Args:
        file: Path of the file.
        folder: Folder of the images, which no `file_name` may leave.

    Returns:
        Tuple (images, categories): images in the order of the file, and
        categories by id, in the order of their ids.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not of this form.
    """
    content = read_json(file)
    if not isinstance(content, dict) or not set(_KEYS) <= set(content):
        raise ValueError(
            f"{file} is not a COCO instances file: it needs the keys "
            f"{', '.join(_KEYS)}"
        )
    images: dict[Id, CocoImage] = {}
    texts: dict[str, str] = {}
    for where, entry in _entries(content, "images", file):
        with one_entry():
            key = _id(entry, "id", where)
            _check_new(key, texts, where, "images")
            name = _file_name(entry, folder, where)
            images[key] = CocoImage(str(key), name, _size(entry, where), [])
    categories = _categories(content, file)
    for where, entry in _entries(content, "annotations", file):
        where = f"{where}, annotation {entry.get('id')}"
        with one_entry():
            owner = _reference(entry, "image_id", images, "images", where)
            category = _reference(
                entry, "category_id", categories, "categories", where
            )
            images[owner].objects.append(
                CocoObject(
                    category,
                    _box(entry, where),
                    read_flag(entry.get("iscrowd"), f"{where}: iscrowd"),
                    entry.get("segmentation"),
                    where,
                )
            )
    return list(images.values()), categories


def _entries(content, key, file):
    """Yield the place and the content of each entry of a list."""
    if not isinstance(content[key], list):
        raise ValueError(
            f"{file}: {key} must be a list. Received: "
            f"{_shortened(content[key])}"
        )
    for number, entry in enumerate(content[key]):
        where = f"{file}: {key}[{number}]"
        if isinstance(entry, dict):
            yield where, entry
            continue
        with one_entry():
            raise ValueError(
                f"{where} must be an object with keys. Received: "
                f"{_shortened(entry)}"
            )


def _check_new(key, texts, where, entries):
    """Refuse an id that another entry has as text; keep where it stands."""
    if str(key) in texts:
        raise ValueError(
            f"{where}: two {entries} have the same id {key!r}, this one and "
            f"{texts[str(key)]}"
        )
    texts[str(key)] = where


def _id(entry, key, where) -> Id:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(
            f"{where}: {key} must be an integer or text. Received: "
            f"{key}={_shortened(value)}"
        )
    return value


def _reference(entry, key, known, what, where) -> Id:
    value = _id(entry, key, where)
    if value not in known:
        verb = "is of" if key == "image_id" else "has"
        raise ValueError(
            f"{where} {verb} {key} {value!r}, which is not among the {what} "
            f"{_shortened(list(known))}"
        )
    return value


def _file_name(entry, folder, where) -> str:
    name = entry.get("file_name")
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise ValueError(
            f"{where}: file_name must be the path of an image file. Received: "
            f"file_name={_shortened(name)}"
        )
    above = os.path.abspath(folder)
    path = os.path.abspath(os.path.join(above, name))
    if not Path(path).is_relative_to(above):
        raise ValueError(
            f"{where}: file_name must be inside of {folder}. Received: "
            f"file_name={_shortened(name)}"
        )
    return name


def _size(entry, where) -> tuple[int, int]:
    sides = []
    for key in ("height", "width"):
        value = entry.get(key)
        value = 0 if value is None else _number(value)
        if not (0 <= value < 2**31 and value == int(value)):
            raise ValueError(
                f"{where}: {key} must be a number of pixels. Received: "
                f"{key}={_shortened(entry[key])}"
            )
        sides.append(int(value))
    if sides[0] * sides[1] > pixel_limit():
        raise ValueError(
            f"{where}: height and width must be of at most {pixel_limit()} "
            f"pixels (KCV_MAX_PIXELS). Received: {sides[0]} x {sides[1]}"
        )
    return (sides[0], sides[1]) if all(sides) else (0, 0)


def _box(entry, where) -> tuple[float, ...]:
    box = entry.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise ValueError(
            f"{where} needs a bbox [x, y, width, height]. Received: "
            f"bbox={_shortened(box)}"
        )
    numbers = tuple(map(_number, box))
    wrong = [
        value
        for value, number in zip(box, numbers, strict=True)
        if math.isnan(number) and not isinstance(value, float)
    ]
    if wrong:
        raise ValueError(
            f"{where}: bbox must have four numbers. Received: "
            f"bbox={_shortened(box)}"
        )
    return numbers


def _number(value) -> float:
    """Convert a number of JSON. Returns NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _categories(content, file) -> dict[Id, Category]:
    found: dict[Id, Category] = {}
    texts: dict[str, str] = {}
    for where, entry in _entries(content, "categories", file):
        with one_entry():
            key = _id(entry, "id", where)
            _check_new(key, texts, where, "categories")
            group = entry.get("supercategory")
            found[key] = Category(
                check_name(entry.get("name"), f"{where}: name"),
                group.strip() if isinstance(group, str) else None,
            )
    return dict(sorted(found.items(), key=lambda item: _rank(item[0])))


def _rank(key: Id) -> tuple[bool, int, str]:
    """Order ids by number, and ids that are text after them."""
    text = str(key)
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdecimal() and len(digits) < 20:
        return False, int(text), ""
    return True, 0, text


def _shortened(value) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
