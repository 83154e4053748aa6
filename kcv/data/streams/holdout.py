"""The division of a dataset into training and held-out images."""

import hashlib
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple
from typing import Protocol
from typing import Self
from typing import TypeVar

from kcv.data.streams.faults import one_entry

if TYPE_CHECKING:
    from kcv.data.streams.records import Records

_LOG = logging.getLogger(__name__)

#: Names of the two parts of a set. "test" is held out.
SPLITS = ("train", "test")

_Records = TypeVar("_Records", bound="Records")


class Divisible(Protocol):
    """Images of which a part can be drawn."""

    @property
    def origin(self) -> str:
        """Name of the set in messages."""

    def __len__(self) -> int: ...

    def divide(self, part: float, inside: bool) -> Self:
        """Select a part of the images, or the others.

        Args:
            part: Part of the images, in (0, 1).
            inside: Whether to select the part.

        Returns:
            The images of the part, or the others.
        """


_Divisible = TypeVar("_Divisible", bound=Divisible)


def check_split(split: str) -> None:
    """Raise an error unless a split is "train" or "test".

    Args:
        split: Name of the split.

    Raises:
        ValueError: If the split is neither.
    """
    if split not in SPLITS:
        raise ValueError(
            f"`split` must be 'train' or 'test'. Received: split={split!r}"
        )


def source_split(split: str, validation: float) -> str:
    """Return the part of a set that contains the images of a split.

    Args:
        split: "train", "validation" or "test".
        validation: Part of the training examples that "validation" has, and
            "train" does not have. Float in [0, 1).

    Returns:
        "train" or "test".

    Raises:
        ValueError: If `split` or `validation` is not supported, or the
            examples of "validation" are asked for, which has none.
    """
    if not 0 <= validation < 1:
        raise ValueError(
            f"`validation` must be in [0, 1). Received: validation={validation}"
        )
    if split != "validation":
        check_split(split)
        return split
    if not validation:
        raise ValueError(
            "`validation` must be positive for split='validation'. Received: "
            f"validation={validation}"
        )
    return "train"


def held_out_fifth(image_ids: Sequence[str]) -> frozenset[str]:
    """Draw a fifth of the images, the same in every run on any machine.

    Args:
        image_ids: Ids of all images, in any order.

    Returns:
        The ids of the fifth, at least one: those with the lowest hashes.

    Example:

    >>> sorted(held_out_fifth([str(number) for number in range(10)]))
    ['8', '9']
    """
    return frozenset(_shuffle(image_ids)[: max(1, len(image_ids) // 5)])


def draw_validation(
    groups: Sequence[Sequence[str]], part: float
) -> frozenset[str]:
    """Draw the images of a validation part, the same on any machine.

    Args:
        groups: Ids of all images, by class where there are classes.
        part: Part of each group to draw, in (0, 1), rounded. At least one
            image of each group is left.

    Returns:
        The ids that are drawn, at least one.

    Example:

    >>> sorted(draw_validation(["abcdefgh", "ij"], 0.25))
    ['a', 'd']
    """
    drawn = [
        image_id
        for ids in groups
        for image_id in _shuffle(ids, "validation/")[
            : min(round(part * len(ids)), len(ids) - 1)
        ]
    ]
    if not drawn:
        every = [image_id for ids in groups for image_id in ids]
        drawn = _shuffle(every, "validation/")[:1]
    return frozenset(drawn)


def _shuffle(image_ids: Sequence[str], salt: str = "") -> list[str]:
    """Sort ids by their hashes, which is a random order for each salt."""

    def rank(image_id):
        return hashlib.sha256(f"{salt}{image_id}".encode()).digest()

    return sorted(image_ids, key=rank)


class EvenlySpaced(NamedTuple):
    """Part of a sequence of examples, evenly spaced, or the other examples.

    A function from positions, an array or tensor of type float64, to whether
    the examples belong to it.

    Attributes:
        part: Part of the examples, in (0, 1).
        inside: Whether the part is meant, or the other examples.
    """

    part: float
    inside: bool

    def __call__(self, position: Any) -> Any:
        before, after = position * self.part, (position + 1) * self.part
        return (after // 1 > before // 1) == self.inside

    def check(self, count: int, origin: str) -> None:
        """Raise an error if the part has no example.

        Args:
            count: Number of training images.
            origin: Name of the dataset, for the error message.

        Raises:
            ValueError: If the part of `count` images is empty.
        """
        if count * self.part < 1:
            raise ValueError(
                f"`validation` must be at least 1 / {count} of {origin}, which "
                f"has {count} training images, so that one is held back. "
                f"Received: validation={self.part}"
            )


def validation_rule(split: str, validation: float) -> EvenlySpaced | None:
    """Make the rule by which examples without names are divided.

    Args:
        split: "train", "validation" or "test".
        validation: Part of the training examples that "validation" has. They
            are evenly spaced.

    Returns:
        The examples of the split. None if all of them belong to it.
    """
    if split == "test" or not validation:
        return None
    return EvenlySpaced(validation, split == "validation")


def keep_apart(
    train: Sequence[str],
    test: Sequence[str],
    where: str,
    what: str = "images",
) -> None:
    """Raise an error if an image or a person is in both parts.

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
    # Some network file systems have no inode numbers.
    if not found.st_ino:
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def keep_files_apart(train: "Records", test: "Records", where: str) -> None:
    """Raise an error if a file is in both parts, under any name.

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


def take_validation(
    records: _Divisible, split: str, validation: float
) -> _Divisible:
    """Take the validation part of training images, or the others.

    Args:
        records: Records of all training images, or of the held-out ones.
        split: "train", "validation" or "test".
        validation: Part of the training images that "validation" has.

    Returns:
        The records of the split: `records` for "test".
    """
    if split == "test" or not validation:
        return records
    part = records.divide(validation, split == "validation")
    if split == "validation":
        _LOG.warning(
            "%s: %d of %d training images are held back for validation",
            records.origin,
            len(part),
            len(records),
        )
    return part


def take_split(records: _Records, split: str) -> _Records:
    """Select a part of a dataset that has no list of held-out images.

    A fifth of the images is held out, and a log line says so.

    Args:
        records: Records of the whole dataset.
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
