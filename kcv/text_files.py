"""Text that other people wrote: files, lists, and names.

Text is UTF-8, with a byte-order mark or without. Whatever cannot be read is an
error that names the file.
"""

import json
import os
import re
import unicodedata
from collections.abc import Container
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Editors put a byte-order mark in front; of joined files it is inside.
_BLANKS = re.compile(r"\A[\s\ufeff]+|[\s\ufeff]+\Z")
_LINE_END = re.compile(r"\r\n|\r|\n")
# The marks of VOC's lists of a class: absent, difficult, present.
_MARKED = re.compile(r"(?P<name>.*\S)\s+(-1|0|1|\+1)")


def read_text(path: str | os.PathLike) -> str:
    """Read a text file.

    Args:
        path: Path of a file in UTF-8, with a byte-order mark or without.

    Returns:
        The text.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not text in UTF-8.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no file {path}") from None
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not a text file in UTF-8: {error}. Save it as UTF-8."
        ) from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if "\0" in text:
        raise ValueError(
            f"{path} is not a text file in UTF-8: it contains zero bytes, as "
            "files in UTF-16 and half-written files do. Save it as UTF-8."
        )
    return text


def read_json(path: str | os.PathLike) -> Any:
    """Read a JSON file.

    Args:
        path: Path of a file in UTF-8, with a byte-order mark or without.

    Returns:
        What the file contains.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


def read_object(path: str | os.PathLike, *keys: str) -> dict[str, Any]:
    """Read a JSON file that contains an object, or an object inside it.

    Args:
        path: Path of a file in UTF-8, with a byte-order mark or without.
        *keys: Keys that lead to the object, the outermost first. Defaults to
            none, for the whole file.

    Returns:
        The object.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not JSON, or the object does not exist.
    """
    found = read_json(path)
    for number in range(len(keys) + 1):
        where = ".".join(keys[:number]) or "the file"
        if not isinstance(found, dict):
            raise ValueError(
                f"{path}: {where} must be a JSON object, but it is of type "
                f"{type(found).__name__}"
            )
        if number < len(keys):
            found = found.get(keys[number])
    return found


def read_names(path: str | os.PathLike) -> tuple[str, ...]:
    """Read names, one in each line, such as those of classes.

    Args:
        path: Path of a text file. Empty lines may stand at its end.

    Returns:
        The names, without blanks around them.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not text, or a line before the last name is
            empty or not a name.
    """
    lines = _LINE_END.split(_strip(read_text(path), start=False))
    if lines == [""]:
        return ()
    return tuple(
        check_name(line, f"{path}, line {number}")
        for number, line in enumerate(lines, 1)
    )


def read_list(path: str | os.PathLike, known: Container[str] = ()) -> list[str]:
    """Read a list of files, one in each line.

    A name is a whole line, since names may contain blanks. Lists of PASCAL VOC
    that belong to a class have a number, -1, 0 or 1, behind each name. It is
    removed unless the line with it is a known name.

    Args:
        path: Path of a text file. Empty lines are ignored.
        known: Names that exist. Defaults to none.

    Returns:
        The names, in the order of the file.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not text, or a line is not a name or a
            repetition.
    """
    rows = [
        (number, check_name(line, f"{path}, line {number}"))
        for number, line in enumerate(_LINE_END.split(read_text(path)), 1)
        if _strip(line)
    ]
    marked = [_MARKED.fullmatch(line) for _, line in rows]
    # Where both readings exist, all lines of a list must be of one form.
    has_marks = all(found and found["name"] in known for found in marked)
    has_marks = has_marks and not all(line in known for _, line in rows)
    names: dict[str, int] = {}
    for (number, line), found in zip(rows, marked, strict=True):
        name = line
        if found and (has_marks or line not in known):
            name = found["name"]
            # A name that does not exist is shown as it stands in the list.
            name = name if name in known or not known else line
        if name in names:
            raise ValueError(
                f"{path}, line {number}: {name!r} is listed twice, as in line "
                f"{names[name]}"
            )
        names[name] = number
    return list(names)


def check_name(name: Any, where: str) -> str:
    """Check the name of a class or of a file, and strip it.

    Args:
        name: Name as it was read.
        where: Place of the name in error messages, with its file.

    Returns:
        The name without blanks around it.

    Raises:
        ValueError: If the name is not text, is empty, or contains a line break
            or another control character.

    Example:

    >>> check_name(" traffic light ", "labels.txt, line 1")
    'traffic light'
    """
    if not isinstance(name, str):
        raise ValueError(f"{where}: a name must be text. Received: {name!r}")
    stripped = _strip(name)
    if not stripped:
        raise ValueError(f"{where}: a name must not be empty")
    # U+2028 and its like are line breaks, although not control characters.
    control = any(unicodedata.category(sign) == "Cc" for sign in stripped)
    if control or len(stripped.splitlines()) > 1:
        raise ValueError(
            f"{where}: a name must be one line of text, without control "
            f"characters. Received: {name!r}"
        )
    try:
        stripped.encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"{where}: a name must be text in Unicode. Received: {name!r}"
        ) from None
    return stripped


def check_names(
    names: Iterable[Any], where: str, *, unique: bool = True
) -> tuple[str, ...]:
    """Check the names of classes, and strip them.

    Args:
        names: Names in label order.
        where: Place of the names in error messages, with its file.
        unique: Whether two equal names are an error. Defaults to True.

    Returns:
        The names without blanks around them.

    Raises:
        ValueError: If a name is not text, is empty, contains a line break, or
            occurs twice.
    """
    if isinstance(names, str):
        raise ValueError(
            f"{where}: names must be a sequence of texts. Received: {names!r}"
        )
    checked = tuple(check_name(name, where) for name in names)
    if unique and len(set(checked)) != len(checked):
        twice = next(name for name in checked if checked.count(name) > 1)
        raise ValueError(f"{where}: two classes share the name {twice!r}")
    return checked


def path_text(path: str | os.PathLike) -> str:
    r"""Convert a path to text that can be written anywhere.

    Names of files are bytes. Those that are not UTF-8, as in archives of other
    systems, get escapes such as "\xb0". The result does not depend on the
    locale.

    Args:
        path: Path of a file.

    Returns:
        The text, with "/" between folders.

    Example:

    >>> path_text("cats/1.jpg")
    'cats/1.jpg'
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return text.replace(os.sep, "/")


def _strip(text: str, start: bool = True) -> str:
    return _BLANKS.sub(
        lambda found: found[0] if found.start() == 0 and not start else "", text
    )
