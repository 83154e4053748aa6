"""The lists of a VOC tree, divided into training and held-out images."""

from collections.abc import Callable
from typing import Any

from kcv.data.formats.segmentation_trees import segmentation_splits
from kcv.data.streams.holdout import keep_apart
from kcv.data.streams.holdout import take_split

# Lists to train on and to hold out: the first pair that exists.
_PAIRS = (("train", "val"), ("trainval", "test"), ("train", "test"))


def read_split(
    folder: str, split: str, read: Callable[[str, str | None], Any]
) -> Any:
    """Read the training or the held-out images of a VOC tree.

    Args:
        folder: Path of the tree.
        split: "train" or "test" (held out).
        read: Function that reads a list, given by the folder and by the list's
            name, or by None if the tree has no lists.

    Returns:
        What `read` returns of the split. A fifth of the images is held out if
        the tree has no pair of lists.

    Raises:
        ValueError: If an image is in both lists.
    """
    there = segmentation_splits(folder)
    for train, test in _PAIRS:
        if train in there and test in there:
            ours, others = read(folder, train), read(folder, test)
            keep_apart(
                ours.image_ids,
                others.image_ids,
                f"lists {train} and {test} of {folder}",
            )
            return ours if split == "train" else others
    only = next((s for s in ("trainval", "train") if s in there), None)
    return take_split(read(folder, only), split)
