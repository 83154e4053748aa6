"""The lists of a VOC folder, divided into training and held-out images."""

import logging
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from kcv.data.streams.holdout import keep_files_apart
from kcv.data.streams.holdout import take_split

_LOG = logging.getLogger(__name__)
# Lists of boxes, to train on and to hold out: the first pair that exists.
DETECTION_LISTS = (("trainval", "test"), ("train", "test"), ("train", "val"))
# Lists of label maps. VOC publishes none of its test set.
SEGMENTATION_LISTS = (
    ("train", "val"),
    ("trainval", "test"),
    ("train", "test"),
)
# Names that tools give to lists, and their names in VOC.
_NAMES = {
    "training": "train",
    "testing": "test",
    "valid": "val",
    "validation": "val",
}


def read_split(
    folder: str,
    split: str,
    there: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    read: Callable[[list[str | None]], Sequence[Any]],
) -> Any:
    """Read the training or the held-out images of a VOC tree.

    Args:
        folder: Path of the tree.
        split: "train" or "test" (held out).
        there: Names of the lists of the tree.
        pairs: Names of lists to train on and to hold out, by preference.
        read: Function that reads lists, given by their names, or all images,
            given by None.

    Returns:
        What `read` returns of the split. A fifth of the images is held out if
        the tree has no pair of lists.

    Raises:
        ValueError: If an image is in both lists.
    """
    pair = find_pair(there, pairs)
    if pair is not None:
        train, test = pair
        ours, others = read([train, test])
        keep_files_apart(ours, others, f"lists {train} and {test} of {folder}")
        return ours if split == "train" else others
    kinds = _kinds(there)
    only = kinds.get("trainval") or kinds.get("train")
    if only is None and len(there) == 1:
        only = there[0]
    if there:
        _LOG.warning(
            "%s has the lists %s. They are not a pair of training and held-out "
            "images. %s.",
            folder,
            ", ".join(there),
            f"The list {only} is divided" if only else "All images are divided",
        )
    (found,) = read([only])
    return take_split(found, split)


def find_pair(
    there: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> tuple[str, str] | None:
    """Find the lists to train on and to hold out.

    Args:
        there: Names of lists or folders that exist.
        pairs: Pairs of names, by preference. Other spellings, such as "valid"
            for "val", count as well.

    Returns:
        The first pair that exists, as it is spelled, or None.

    Example:

    >>> find_pair(["Train", "valid"], [("train", "test"), ("train", "val")])
    ('Train', 'valid')
    """
    kinds = _kinds(there)
    for train, test in pairs:
        if train in kinds and test in kinds:
            return kinds[train], kinds[test]
    return None


def voc_name(name: str) -> str:
    """Return the name that VOC gives to a list, such as "val" for "Valid".

    Args:
        name: Name of a split, in any case.

    Returns:
        The name of the list. A name that VOC does not have is returned in lower
        case.
    """
    lower = name.lower()
    return _NAMES.get(lower, lower)


def _kinds(there: Sequence[str]) -> dict[str, str]:
    """Map VOC's names of lists to those of a tree, its own ones first."""
    kinds = {name: name for name in there}
    for name in there:
        kinds.setdefault(voc_name(name), name)
    return kinds
