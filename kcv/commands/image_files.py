"""Image files that a command is given, and the names of what it writes."""

import glob
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kcv.data.formats.folders import find_files
from kcv.data.streams.images import IMAGE_SUFFIXES
from kcv.text_files import path_text


class ImageFile(NamedTuple):
    """An image file.

    Attributes:
        path: Path of the file.
        name: Path below the folder that all images are in, as text with "/".
            It identifies the image in what is written.
        stem: Path below that folder without suffix, and different from those of
            all others. Files that are made from the image are called so.
    """

    path: str
    name: str
    stem: str


def find_images(
    places: Sequence[str], without: Path | None = None
) -> list[ImageFile]:
    """Find the images that a user names.

    Args:
        places: Image files, folders, which are searched at any depth, and
            patterns such as "photos/*.jpg".
        without: Folder whose files are not taken. Defaults to none.

    Returns:
        The images, each once, in the order of `places` and sorted within a
        folder.

    Raises:
        FileNotFoundError: If a place does not exist, a folder has no images, or
            no image matches a pattern.
    """
    found: dict[str, None] = {}
    folders = []
    for place in places:
        if os.path.isdir(place):
            files = [os.fspath(file) for file in find_files(Path(place))]
            folders.append(os.path.abspath(place))
        else:
            files = [place] if os.path.exists(place) else _match(place)
            folders += [os.path.dirname(os.path.abspath(f)) for f in files]
        if without is not None:
            files = [file for file in files if not _is_below(file, without)]
        if not files:
            raise FileNotFoundError(
                f"{place} holds no image. Image files end in "
                f"{', '.join(IMAGE_SUFFIXES)}."
            )
        found.update(dict.fromkeys(map(os.path.abspath, files)))
    base = os.path.commonpath(folders)
    names = [os.path.relpath(path, base) for path in found]
    return [
        ImageFile(path, path_text(name), stem)
        for path, name, stem in zip(found, names, _stems(names), strict=True)
    ]


def _match(pattern: str) -> list[str]:
    if not glob.has_magic(pattern):
        raise FileNotFoundError(f"{pattern} does not exist.")
    return sorted(
        path
        for path in glob.glob(pattern, recursive=True)
        if path.lower().endswith(IMAGE_SUFFIXES) and os.path.isfile(path)
    )


def _is_below(file: str, folder: Path) -> bool:
    return Path(os.path.abspath(file)).is_relative_to(os.path.abspath(folder))


def _stems(names: Sequence[str]) -> list[str]:
    """Take the suffixes from names, except where two would be the same.

    Upper and lower case are the same to some file systems.
    """
    short = [os.path.splitext(name)[0] for name in names]
    counts = Counter(map(str.lower, short))
    taken: set[str] = set()
    stems = []
    for name, stem in zip(names, short, strict=True):
        own = base = stem if counts[stem.lower()] == 1 else name
        number = 1
        while own.lower() in taken:
            number += 1
            own = f"{base}-{number}"
        taken.add(own.lower())
        stems.append(own)
    return stems
