"""Which images of a set without a test split are held out."""

import hashlib
from collections.abc import Sequence


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
