"""Which images of a set are held out, and that no others are."""

import hashlib
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import TypeVar

from kcv.data.streams.faults import one_entry

if TYPE_CHECKING:
    from kcv.data.streams.records import Records

_LOG = logging.getLogger(__name__)

#: Names of the two parts of a set. "test" is held out.
SPLITS = ("train", "test")

_Records = TypeVar("_Records", bound="Records")


def check_split(split: str) -> None:
    """Raise a `ValueError` if `split` is not the name of a part."""
    if split not in SPLITS:
        raise ValueError(
            f"`split` must be 'train' or 'test'. Received: split={split!r}"
        )


def held_out_fifth(image_ids: Sequence[str]) -> frozenset[str]:
    """Draw a fifth of some images, the same in every run and on any machine.

    Args:
        image_ids: Ids of all images, in any order.

    Returns:
        The ids of the fifth, at least one: those with the lowest hashes.

    Example:

    >>> sorted(held_out_fifth([str(number) for number in range(10)]))
    ['8', '9']
    """

    def rank(image_id):
        return hashlib.sha256(image_id.encode()).digest()

    ranked = sorted(image_ids, key=rank)
    return frozenset(ranked[: max(1, len(ranked) // 5)])


def keep_apart(
    train: Sequence[str],
    test: Sequence[str],
    where: str,
    what: str = "images",
) -> None:
    """Raise an error if an image, or a person, is in both parts.

    Args:
        train: Names of the images to train on.
        test: Names of the images that are held out.
        where: Name of the two parts in the error message.
        what: Name of what is held out in the error message. Defaults to
            "images".

    Raises:
        ValueError: If they share an image. The message names one.
    """
    common = sorted(set(train) & set(test))
    if common:
        raise ValueError(
            f"{where} share {len(common)} {what}, {common[0]} among them: "
            f"held-out {what} must not be trained on"
        )


def file_identity(path: str) -> tuple[int, int] | str:
    """Identify a file, whatever links and spellings lead to it.

    Args:
        path: Path of the file.

    Returns:
        A value that is the same for all paths of one file.
    """
    try:
        found = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    # Some network file systems have no numbers.
    if not found.st_ino:
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def keep_files_apart(train: "Records", test: "Records", where: str) -> None:
    """Raise an error if a file is in both parts, whatever its name is there.

    Args:
        train: Records to train on.
        test: Records that are held out.
        where: Name of the two parts in the error message.

    Raises:
        ValueError: If they share a file. The message names one.
    """
    ours = {file_identity(file) for file in train.files}
    common = [
        (name, file)
        for name, file in zip(test.image_ids, test.files, strict=True)
        if file_identity(file) in ours
    ]
    for name, file in common:
        with one_entry():
            raise ValueError(
                f"{where} share {len(common)} images, {name} among them: "
                "held-out images must not be trained on. Its file is "
                f"{file}"
            )


def take_split(records: _Records, split: str) -> _Records:
    """Take a part of a set that does not name held-out images, and log it.

    Args:
        records: Records of the whole set.
        split: "train", or "test" for the fifth that is held out.

    Returns:
        The records of that part.
    """
    part = records.split(held_out=split == "test")
    _LOG.warning(
        "%s names no held-out images: a fifth, drawn by image id, is held "
        "out; %s has %d of %d images",
        records.origin,
        split,
        len(part),
        len(records),
    )
    return part
