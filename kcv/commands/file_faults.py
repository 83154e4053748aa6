"""What is wrong in one image file, in words for its owner."""

import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from kcv.text_files import path_text

# Formats of Pillow and the endings of their files.
_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "WEBP": (".webp",),
}
_ORIENTATION = 0x112  # a tag of EXIF; 1 is upright
_MODES = {
    "CMYK": "has CMYK colors, which are converted to RGB",
    "RGBA": "has an alpha channel, which is dropped, not blended",
    "LA": "has an alpha channel, which is dropped, not blended",
    "I;16": "has 16 bits per pixel, of which the high 8 are kept",
}


def header_faults(file: str) -> list[str]:
    """Find what the header of an image says and a user may not expect.

    Args:
        file: Path of an image file.

    Returns:
        Sentences that name the file. There is none about a file that is not an
        image, which is named when its pixels are read.
    """
    text = path_text(file)
    try:
        with Image.open(file) as image:
            format_, mode = image.format, image.mode
            turned = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # Pillow raises a dozen kinds.
        return []
    faults = []
    suffix = Path(file).suffix.lower()
    if suffix not in _SUFFIXES.get(format_ or "", (suffix,)):
        faults.append(
            f"{text} is a {format_} file, which its name does not say. "
            "Rename it"
        )
    if turned not in (0, 1):
        faults.append(
            f"{text} is turned by its EXIF tag ({turned}), which is ignored: "
            "its pixels are taken as they are stored. Save it upright, if its "
            "boxes or masks were drawn upright"
        )
    if mode in _MODES:
        faults.append(f"{text} {_MODES[mode]}")
    return faults


def readable_error(message: str, file: str) -> str:
    r"""Take the sentence that a user can read out of an error of TensorFlow.

    Args:
        message: Message of an error that reading an image has raised.
        file: Path of the image file.

    Returns:
        One line that names the file.

    Example:

    >>> readable_error("ValueError: it has 7 classes\n\t [[{{node", "a.png")
    'a.png: it has 7 classes'
    """
    head = re.split(r"\n?\t? ?\[\[\{\{node", message)[0]
    if "assertion failed:" in head:
        head = head.partition("assertion failed:")[2]
        head = " ".join(_brackets(head))
    else:
        # Errors of Python end with their kind and message.
        found = re.search(r"(?:ValueError|FileNotFoundError): (.*)", head)
        head = found[1] if found else head
    # Texts inside of an assertion are escaped.
    head = head.replace("\\n", " ").replace("\\'", "'")
    text = " ".join(head.split())
    return text if path_text(file) in text else f"{path_text(file)}: {text}"


def _brackets(text: str) -> Iterator[str]:
    """Yield the values of an assertion, which stand in brackets."""
    depth, begin = 0, 0
    for position, letter in enumerate(text):
        if letter == "[":
            depth += 1
            if depth == 1:
                begin = position + 1
        elif letter == "]" and depth:
            depth -= 1
            if not depth:
                yield text[begin:position].strip('"')
