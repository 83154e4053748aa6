"""Folders of images with a class for each pixel: VOC, SBD and one's own."""

import logging
import os
from collections.abc import Container
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kcv.data.formats.folders import files_by_name
from kcv.data.formats.folders import lists_by_name
from kcv.data.formats.label_maps import LABEL_SUFFIXES
from kcv.data.formats.label_maps import count_labels
from kcv.data.formats.masked_images import MaskedImages
from kcv.data.formats.voc import VOC_CLASSES
from kcv.data.streams.faults import one_entry
from kcv.examples import VOID
from kcv.text_files import check_names
from kcv.text_files import read_list
from kcv.text_files import read_names

#: Names of the labels in segmentation masks of VOC and of SBD.
VOC_SEGMENTATION_CLASSES = ("background", *VOC_CLASSES)

NAMES_FILE = "class_names.txt"

_LOG = logging.getLogger(__name__)


def read_voc_segmentation(
    folder: str | os.PathLike, split: str | None = "train"
) -> MaskedImages:
    """List the images of a PASCAL VOC folder that have label maps.

    M. Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge",
    IJCV 2010. Masks are PNG files with a palette, whose indices are the
    classes. The rim of objects is void, 255.

    Args:
        folder: Folder with `JPEGImages`, `SegmentationClass` and, unless
            `split` is None, `ImageSets/Segmentation/SPLIT.txt`. If it has a
            file `class_names.txt` with one name in each line, these are the
            classes. If not, they are VOC's.
        split: "train", "val", "trainval" or the name of any other list. If
            None, all images that have a label map are listed. Defaults to
            "train".

    Returns:
        Record of the images. Its method `dataset` streams examples with
        `images` (H, W, 3) uint8 RGB, `segmentation_masks` (H, W) uint8 and
        `image_id`.

    Raises:
        FileNotFoundError: If lists, masks or images are missing.

    Example:

    ```python
    val = kcv.data.read_voc_segmentation("VOCdevkit/VOC2012", "val").dataset()
    ```
    """
    folder = Path(folder)
    masks = files_by_name(folder / "SegmentationClass", (".png",))
    names = list(masks)
    if split is not None:
        lists = folder / "ImageSets" / "Segmentation"
        names = _listed(lists, split, masks)
    return _paired(
        names,
        files_by_name(folder / "JPEGImages"),
        masks,
        class_names(folder) or VOC_SEGMENTATION_CLASSES,
        f"VOC tree {folder}, split {split}",
    )


def segmentation_splits(folder: str | os.PathLike) -> list[str]:
    """List the splits of a folder that has the form of PASCAL VOC.

    Args:
        folder: Folder with `ImageSets/Segmentation`.

    Returns:
        Names of the lists in it, without suffix.
    """
    return list(lists_by_name(Path(folder) / "ImageSets" / "Segmentation"))


def read_sbd(folder: str | os.PathLike, split: str = "train") -> MaskedImages:
    """List the images of the Semantic Boundaries Dataset.

    Hariharan et al., ICCV 2011: label maps for 11,355 images of VOC 2011, most
    of which have none in VOC. The authors of FCN train on the 8,498 images of
    "train".

    Args:
        folder: Folder with `img`, `cls` and the lists. In the archive of the
            dataset it is `benchmark_RELEASE/dataset`.
        split: "train" or "val". Defaults to "train".

    Returns:
        Record of the images, with VOC's classes. Its method `dataset` streams
        examples with `images` (H, W, 3) uint8 RGB, `segmentation_masks` (H, W)
        uint8 and `image_id`.

    Raises:
        FileNotFoundError: If lists, masks or images are missing.

    Example:

    ```python
    train = kcv.data.read_sbd("benchmark_RELEASE/dataset").dataset(seed=1)
    ```
    """
    folder = Path(folder)
    masks = files_by_name(folder / "cls", (".mat",))
    return _paired(
        _listed(folder, split, masks),
        files_by_name(folder / "img"),
        masks,
        VOC_SEGMENTATION_CLASSES,
        f"SBD {folder}, split {split}",
    )


def read_masked_folder(
    images: str | os.PathLike, masks: str | os.PathLike
) -> MaskedImages:
    """List the images of a folder that have a label map of the same name.

    Args:
        images: Folder of JPEG, PNG, BMP, GIF or WebP files, at any depth.
        masks: Folder of PNG files with a palette or of gray values, `NAME.png`
            for the image NAME. If it has a file `class_names.txt` with one name
            in each line, background first, these are the classes. If not,
            classes are numbered up to the largest label.

    Returns:
        Record of the images, sorted by name. Its method `dataset` streams
        examples with `images` (H, W, 3) uint8 RGB, `segmentation_masks` (H, W)
        uint8 and `image_id`.

    Raises:
        FileNotFoundError: If a folder is missing.
        ValueError: If an image has no mask, or a mask no image.

    Example:

    ```python
    mine = read_masked_folder("photos", "labels")
    train = mine.split(held_out=False).dataset(seed=1)
    ```
    """
    images, masks = Path(images), Path(masks)
    files = files_by_name(images)
    maps = files_by_name(masks, LABEL_SUFFIXES, (NAMES_FILE,))
    alone = sorted(set(files) ^ set(maps))
    for name in alone:
        what = "image" if name in files else "mask"
        with one_entry():
            raise ValueError(
                f"{len(alone)} files of {images} and {masks} have no "
                f"counterpart, the {what} {(files | maps)[name]} among them"
            )
    files = {name: file for name, file in files.items() if name in maps}
    names = None
    with one_entry():
        names = class_names(masks)
    if names is None and maps:
        counts = np.zeros(256, np.int64)
        for path in maps.values():
            with one_entry():
                counts += count_labels(path)
        greatest = np.flatnonzero(counts[:VOID]).max(initial=0)
        names = ("background", *map(str, range(1, greatest + 1)))
    origin = f"images {images} with masks {masks}"
    return _paired(list(files), files, maps, names or (), origin)


def class_names(folder: Path) -> tuple[str, ...] | None:
    """Read the class names that a folder defines.

    Args:
        folder: Folder of the dataset.

    Returns:
        The names. None if the folder has no file of names.
    """
    file = folder / NAMES_FILE
    if not file.is_file():
        return None
    return check_names(read_names(file), str(file))


def _listed(folder: Path, split: str, known: Container[str]) -> list[str]:
    lists = lists_by_name(folder)
    if split not in lists:
        raise FileNotFoundError(
            f"no list {folder / split}.txt; there are {list(lists)}"
        )
    return read_list(lists[split], known)


def _paired(
    names: Sequence[str],
    files: dict[str, str],
    masks: dict[str, str],
    classes: Sequence[str],
    origin: str,
) -> MaskedImages:
    for what, known in (("image", files), ("label map", masks)):
        missing = [name for name in names if name not in known]
        for name in missing:
            with one_entry():
                raise FileNotFoundError(
                    f"{origin}: {len(missing)} of {len(names)} have no {what}, "
                    f"{name} among them"
                )
        names = [name for name in names if name in known]
    found = MaskedImages(
        files=tuple(files[name] for name in names),
        masks=tuple(masks[name] for name in names),
        image_ids=tuple(names),
        class_names=tuple(classes),
        origin=origin,
    )
    _check_classes(found)
    return found


def _check_classes(found: MaskedImages) -> None:
    """Look for each class, and say which of them no label map has."""
    absent = set(range(len(found.class_names)))
    seen: set[int] = set()
    for path in found.masks:
        try:
            seen.update(np.flatnonzero(count_labels(path)).tolist())
        except ValueError:
            continue  # named when it is its turn
        if absent <= seen:
            break
    alone = len(found.class_names) < 2
    if seen and seen <= {0, VOID} and (VOID in seen or alone):
        raise ValueError(
            f"{found.origin}: the label maps must have a label besides 0, "
            f"background, and {VOID}, which is void and never learned. In "
            "masks of black and white, save 1 for white. Received: labels "
            f"{sorted(seen)}"
        )
    absent -= seen
    if seen and absent:
        names = [found.class_names[label] for label in sorted(absent)]
        own = set(found.class_names) != set(VOC_SEGMENTATION_CLASSES)
        _LOG.warning(
            "%s: %d of %d classes never occur: %s.%s",
            found.origin,
            len(absent),
            len(found.class_names),
            ", ".join(names[:20]) + (", ..." if len(names) > 20 else ""),
            "" if own else f" The names are VOC's, without a {NAMES_FILE}.",
        )
