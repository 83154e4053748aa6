"""PASCAL VOC, from TFDS or from one's own tree of files in VOC's layout.

M. Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", IJCV
2010. Its boxes are 1-based and inclusive. Those of kcv are 0-based and
half-open: (xmin - 1, ymin - 1, xmax, ymax).
"""

import os
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from kcv.data.formats.annotations import Annotations
from kcv.data.formats.annotations import check_other_classes
from kcv.data.formats.annotations import log_classes
from kcv.data.formats.box_filter import BoxFilter
from kcv.data.formats.folders import files_by_name
from kcv.data.formats.folders import lists_by_name
from kcv.data.formats.tfds import is_tfds_name
from kcv.data.formats.tfds import tfds_detection
from kcv.data.formats.voc_boxes import VocBoxes
from kcv.data.formats.voc_xml import VocImage
from kcv.data.formats.voc_xml import read_annotation
from kcv.data.streams.faults import one_entry
from kcv.text_files import check_names
from kcv.text_files import read_list

VOC_CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)


def voc(
    source: str | os.PathLike = "voc/2007",
    split: str | None = "train",
    *,
    class_names: Sequence[str] | None = VOC_CLASSES,
    boxes: str = "raise",
    other_classes: str = "raise",
    zero_based: bool = False,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
) -> tf.data.Dataset:
    """Read a detection set in the form of PASCAL VOC.

    Args:
        source: "voc/2007" or "voc/2012" (from TFDS, with `kcv[data]`), or the
            folder with `JPEGImages`, `Annotations` and, unless `split` is
            None, `ImageSets/Main/SPLIT.txt`. Defaults to "voc/2007".
        split: "train", "val", "trainval" or "test"; of a folder the name of
            any list, or None for all images with annotations. Defaults to
            "train".
        class_names: Names of the classes in label order. None is for the names
            that occur in the split, sorted; other splits may lack one of them.
            Defaults to the 20 classes of VOC.
        boxes: "raise" an error at a box that is empty, inverted or outside its
            image; "clip" boxes to the image and leave out those of which
            nothing remains; or "drop" these boxes. The numbers are logged.
            Defaults to "raise".
        other_classes: "raise" an error at an object whose class is not in
            `class_names`, or "drop" it, which is logged. Defaults to "raise".
        zero_based: Whether the corners count pixels from 0, as some annotation
            tools write them. VOC counts from 1. Defaults to False.
        seed: Integer that determines the shuffling. Every epoch has a different
            order, the stream repeats forever, and example number p is a pure
            function of (set, seed, p). If None, the examples are read once, in
            the order of the list. Defaults to None.
        start: Position of the first example, for a run that is resumed.
            Defaults to 0.
        on_error: "raise" an error at an image that cannot be decoded, or "skip"
            it. Defaults to "raise".
        skipped: List to which the names of skipped images are appended. If
            None, they are only logged. Defaults to None.

    Returns:
        Dataset of single examples: `images` (H, W, 3) uint8 RGB,
        `bounding_boxes` {`boxes` (N, 4) float32 absolute half-open xyxy,
        `labels` (N,) int32}, `difficult` (N,) bool, `is_crowd` (N,) bool
        (always False), `image_id` () string. N may be 0.

    Raises:
        FileNotFoundError: If lists, annotations or images are missing.
        ValueError: If an annotation is wrong. The message names it.
        ImportError: If TFDS is needed and not installed.

    Example:

    ```python
    mine = kcv.data.voc("my_tree", "train", class_names=("cat", "dog"))
    ```
    """
    if is_tfds_name(source, "voc"):
        if class_names is not None and tuple(class_names) != VOC_CLASSES:
            raise ValueError(
                f"`class_names` of {source} are fixed. Received: "
                f"class_names={tuple(class_names)}"
            )
        if other_classes != "raise" or zero_based:
            raise ValueError(
                "`other_classes` and `zero_based` are for a folder. Received: "
                f"source={source!r}"
            )
        return tfds_detection(
            os.fspath(source),
            split,
            seed=seed,
            start=start,
            on_error=on_error,
            skipped=skipped,
            boxes=boxes,
        ).dataset
    annotations = read_voc(
        source,
        split,
        class_names,
        boxes=boxes,
        other_classes=other_classes,
        zero_based=zero_based,
    )
    return annotations.dataset(seed, start, on_error, skipped)


def read_voc(
    folder: str | os.PathLike,
    split: str | None,
    class_names: Sequence[str] | None = VOC_CLASSES,
    *,
    boxes: str = "raise",
    other_classes: str = "raise",
    zero_based: bool = False,
) -> Annotations:
    """Read the annotations of a tree of files, without the pixels.

    Args:
        folder: Folder with `JPEGImages`, `Annotations` and, unless `split` is
            None, `ImageSets/Main/SPLIT.txt`.
        split: Name of a list, or None for all images with annotations.
        class_names: Names of the classes in label order. None is for the names
            that occur in the split, sorted. Defaults to the 20 classes of VOC.
        boxes: "raise" an error at a box that is empty, inverted or outside its
            image; "clip" boxes to the image and leave out those of which
            nothing remains; or "drop" these boxes. The numbers are logged.
            Defaults to "raise".
        other_classes: "raise" an error at an object whose class is not in
            `class_names`, or "drop" it, which is logged. Defaults to "raise".
        zero_based: Whether the corners count pixels from 0, as some annotation
            tools write them. VOC counts from 1. Defaults to False.

    Returns:
        The checked `Annotations`, in the order of the list.

    Raises:
        FileNotFoundError: If lists, annotations or images are missing.
        ValueError: If an annotation is wrong. The message names it.

    Example:

    ```python
    names = kcv.data.read_voc("my_tree", None, class_names=None).class_names
    ```
    """
    check_other_classes(other_classes, class_names)
    rules = VocBoxes(BoxFilter(boxes), other_classes == "drop", zero_based)
    return _read(Path(folder), [split], class_names, rules)[0]


def read_voc_lists(
    folder: str | os.PathLike,
    splits: Sequence[str | None],
    boxes: str = "raise",
) -> list[Annotations]:
    """Read several lists of a tree, with the classes that occur in any.

    Args:
        folder: Folder as `read_voc` reads it.
        splits: Names of lists. None is all annotated images.
        boxes: "raise", "clip" or "drop", see `read_voc`. Defaults to "raise".

    Returns:
        The `Annotations` of each list, all with the same classes, sorted.

    Raises:
        FileNotFoundError: If lists, annotations or images are missing.
        ValueError: If an annotation is wrong. The message names it.
    """
    return _read(Path(folder), splits, None, VocBoxes(BoxFilter(boxes)))


def voc_splits(folder: str | os.PathLike) -> list[str]:
    """List the splits of a folder that has the form of PASCAL VOC.

    Lists of a single class, such as `cat_train.txt`, are left out.

    Args:
        folder: Folder with `ImageSets/Main`.

    Returns:
        Names of the lists in it, without suffix.
    """
    ends = ("_train", "_val", "_trainval", "_test")
    names = lists_by_name(Path(folder) / "ImageSets" / "Main")
    return [name for name in names if not name.endswith(ends)]


def _read(folder, splits, class_names, rules) -> list[Annotations]:
    if not (folder / "Annotations").is_dir():
        raise FileNotFoundError(
            f"{folder} is not a VOC tree: it has no folder Annotations"
        )
    known = files_by_name(folder / "Annotations", (".xml",))
    found: dict[str | None, dict[str, VocImage]] = {}
    for split in splits:
        found[split] = {}
        for name in _image_names(folder, split, known):
            with one_entry():
                found[split][name] = read_annotation(Path(known[name]))
    if class_names is None:
        class_names = sorted(
            {
                thing.name
                for images in found.values()
                for image in images.values()
                for thing in image.objects
            }
        )
        if not class_names and any(found.values()):
            raise ValueError(
                f"VOC tree {folder}, split {splits[0]}: no object is "
                "annotated, so there are no classes. Pass class_names=(...) "
                "to read it"
            )
    class_names = check_names(class_names, "`class_names`")
    files = files_by_name(folder / "JPEGImages")
    parts = [
        Annotations(
            tuple(
                rules.read(
                    image,
                    name,
                    files.get(name, str(folder / "JPEGImages" / f"{name}.jpg")),
                    class_names,
                    known[name],
                )
                for name, image in images.items()
            ),
            class_names,
            f"VOC tree {folder}, split {split}",
        )
        for split, images in found.items()
    ]
    rules.log(f"VOC tree {folder}")
    log_classes(parts)
    return parts


def _image_names(folder, split, known) -> list[str]:
    """List the images of a split, or of all for None."""
    if split is None:
        return list(known)
    file = lists_by_name(folder / "ImageSets" / "Main").get(split)
    if file is None:
        file = folder / "ImageSets" / "Main" / f"{split}.txt"
        raise FileNotFoundError(
            f"split {split!r} needs {file}; there are {voc_splits(folder)}, "
            "and split=None takes every annotated image"
        )
    names = read_list(file, known)
    missing = [name for name in names if name not in known]
    for name in missing:
        with one_entry():
            raise FileNotFoundError(
                f"{file}: {len(missing)} of {len(names)} images have no "
                f"annotation file, {folder / 'Annotations' / name}.xml among "
                "them"
            )
    return [name for name in names if name in known]
