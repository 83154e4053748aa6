"""Reading of the XML file of an image in the form of PASCAL VOC.

Annotation tools write this form with differences that do not matter: a
namespace, tags in upper case, blanks around names, other encodings. These files
are read. Anything that could hide an object is an error.
"""

import math
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

from kcv.data.formats.flags import read_flag
from kcv.text_files import check_name

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_DECLARED = re.compile(
    rb"""\A\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["'][^>]*?\?>"""
)


class VocObject(NamedTuple):
    """An object of an image.

    Attributes:
        name: Name of its class.
        corners: Numbers xmin, ymin, xmax and ymax, as in the file.
        difficult: Whether it is difficult.
    """

    name: str
    corners: tuple[float, ...]
    difficult: bool


class VocImage(NamedTuple):
    """An annotated image.

    Attributes:
        size: Height and width in pixels, (0, 0) if the file has no size.
        objects: Objects of the image.
    """

    size: tuple[int, int]
    objects: tuple[VocObject, ...]


def read_annotation(file: Path) -> VocImage:
    """Read an annotation.

    Args:
        file: Path of an XML file.

    Returns:
        The `VocImage`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not an annotation of VOC, or a part of it is
            missing, occurs twice, or is wrong. The message names file and
            object.
    """
    root = _parse(file)
    for element in root.iter():
        # Names of elements are compared without namespace and without case.
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2].lower()
    if root.tag != "annotation":
        raise ValueError(
            f"{file} is not an annotation of VOC: its root must be "
            f"<annotation>. Received: <{root.tag}>"
        )
    # Only direct children, because the parts of a person are inside the object.
    own = root.findall("object")
    inside = {id(part) for found in own for part in found.iter()}
    for element in root.iter():
        if element.tag in ("object", "bndbox") and id(element) not in inside:
            raise ValueError(
                f"{file}: an <object> must be directly below <annotation>, "
                f"and a <bndbox> below an <object>. Received: "
                f"<{element.tag}> elsewhere"
            )
    objects = tuple(
        _object(found, f"{file}: object {number}")
        for number, found in enumerate(own)
    )
    return VocImage(_size(root, file), objects)


def _parse(file: Path) -> ElementTree.Element:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"no annotation file {file}") from None
    except OSError as error:
        raise ValueError(f"{file} cannot be read: {error}") from error
    try:
        declared = _DECLARED.match(content)
        if declared and declared[1].lower() not in (b"utf-8", b"utf-16"):
            # The parser knows few encodings, Python many.
            text = content[declared.end() :].decode(declared[1].decode())
            return ElementTree.fromstring(text)
        return ElementTree.fromstring(content)
    except (ValueError, LookupError, ElementTree.ParseError) as error:
        raise ValueError(f"{file} is not well-formed XML: {error}") from error


def _size(root, file) -> tuple[int, int]:
    sides = []
    for side in ("height", "width"):
        text = (root.findtext(f"size/{side}") or "0").strip()
        try:
            value = float(text or 0)
        except ValueError:
            value = math.nan
        if not (0 <= value < 2**31 and value == int(value)):
            raise ValueError(
                f"{file}: the {side} of the image must be a number of pixels. "
                f"Received: {text!r}"
            )
        sides.append(int(value))
    return (sides[0], sides[1]) if all(sides) else (0, 0)


def _object(found, where) -> VocObject:
    parts = {tag: found.findall(tag) for tag in ("name", "bndbox", "difficult")}
    for tag, own in parts.items():
        if len(own) > 1:
            raise ValueError(f"{where} has {len(own)} elements <{tag}>")
    name = check_name(found.findtext("name") or "", f"{where}, <name>")
    difficult = found.findtext("difficult")
    return VocObject(
        name,
        _corners(found, where),
        read_flag(difficult, f"{where}, <difficult>"),
    )


def _corners(found, where) -> tuple[float, ...]:
    try:
        boxes = [found.findall(f"bndbox/{side}") for side in _SIDES]
        ((xmin,), (ymin,), (xmax,), (ymax,)) = boxes
        return tuple(float(x.text) for x in (xmin, ymin, xmax, ymax))
    except (TypeError, ValueError):
        raise ValueError(
            f"{where} needs a bndbox with the numbers xmin, ymin, xmax and ymax"
        ) from None
