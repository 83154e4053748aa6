"""Which images of a set are held out, and that no other are."""

import hashlib
import logging
from collections.abc import Sequence
from typing import Any

_LOG = logging.getLogger(__name__)


def held_out_fifth(image_ids: Sequence[str]) -> frozenset[str]:
    """Draw a fifth of some images, the same in every run and on any machine.

    Args:
        image_ids: of all images, in any order.

    Returns:
        The ids of the fifth, at least one: those whose hashes are lowest.

    Example:

    >>> sorted(held_out_fifth([str(number) for number in range(10)]))
    ['8', '9']
    """

    def rank(image_id):
        return hashlib.sha256(image_id.encode()).digest()

    ranked = sorted(image_ids, key=rank)
    return frozenset(ranked[: max(1, len(ranked) // 5)])


def keep_apart(train: Sequence[str], test: Sequence[str], where: str) -> None:
    """Raise if an image is both trained on and held out.

    Args:
        train: names of the images to train on.
        test: names of those that are held out.
        where: what an error calls the two.

    Raises:
        ValueError: if they share an image; the message names one.
    """
    common = sorted(set(train) & set(test))
    if common:
        raise ValueError(
            f"{where} share {len(common)} images, {common[0]} among them: "
            "held-out images must not be trained on"
        )


def divided(found: Any, split: str) -> Any:
    """Take a part of a set that names no held-out images, and say so.

    Args:
        found: the set: `Annotations`, `MaskedImages` or `LabelledFiles`.
        split: "train" or "test", which is a fifth.

    Returns:
        That part.
    """
    part = found.split(held_out=split == "test")
    _LOG.warning(
        "%s names no held-out images: a fifth, drawn by image id, is held "
        "out; %s has %d of %d images",
        found.origin,
        split,
        len(part),
        len(found),
    )
    return part
