"""JSON files of COCO, divided into training and held-out images."""

from kcv.data.formats.annotations import Annotations
from kcv.data.formats.coco import read_coco
from kcv.data.streams.holdout import keep_files_apart
from kcv.data.streams.holdout import take_split


def read_coco_split(
    split: str,
    file: str,
    images: str,
    held_out: str | None = None,
    *,
    masks: bool = False,
    boxes: str = "raise",
) -> Annotations:
    """Read the training or the held-out images of one or two JSON files.

    Args:
        split: "train" or "test" (held out).
        file: Path of the JSON file of the training images.
        images: Folder of the images of all files.
        held_out: Path of the JSON file of the held-out images. Its classes are
            those of the training file. Defaults to None, for a fifth of the
            images of `file`.
        masks: Whether examples have masks. Defaults to False.
        boxes: "raise", "clip" or "drop", see `read_coco`. Defaults to "raise".

    Returns:
        The `Annotations` of the split.

    Raises:
        ValueError: If an image is in both files, or an annotation is wrong.
        FileNotFoundError: If files are missing.
    """
    train = read_coco(file, images, masks=masks, boxes=boxes)
    if held_out is None:
        return take_split(train, split)
    test = read_coco(
        held_out, images, train.class_names, masks=masks, boxes=boxes
    )
    keep_files_apart(train, test, f"{file} and {held_out}")
    return train if split == "train" else test
