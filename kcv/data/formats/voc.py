"""PASCAL VOC, from TFDS or from one's own tree of files in VOC's layout.

M. Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", IJCV
2010. Its boxes are 1-based and inclusive. Those of kcv are 0-based and
half-open: (xmin - 1, ymin - 1, xmax, ymax).
"""

import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from kcv.data.formats.annotations import Annotations
from kcv.data.formats.annotations import ImageBoxes
from kcv.data.formats.tfds import is_tfds_name
from kcv.data.formats.tfds import tfds_detection
from kcv.data.streams.images import IMAGE_SUFFIXES
from kcv.data.streams.validation import check_boxes

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
        seed: Seed of the order. Every epoch has an order of its own, there are
            epochs without end, and example number p is a pure function of (set,
            seed, p). Defaults to None, for one pass in the order of the list.
        start: Position of the first example, for a run that is resumed.
            Defaults to 0.
        on_error: "raise" an error at an image that cannot be decoded, or "skip"
            it. Defaults to "raise".
        skipped: List to which the names of skipped images are appended.

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
        return tfds_detection(
            os.fspath(source),
            split,
            seed=seed,
            start=start,
            on_error=on_error,
            skipped=skipped,
        ).dataset
    annotations = read_voc(source, split, class_names)
    return annotations.dataset(seed, start, on_error, skipped)


def read_voc(
    folder: str | os.PathLike,
    split: str | None,
    class_names: Sequence[str] | None = VOC_CLASSES,
) -> Annotations:
    """Read the annotations of a tree of files, without the pixels.

    Args:
        folder: Folder with `JPEGImages`, `Annotations` and, unless `split` is
            None, `ImageSets/Main/SPLIT.txt`.
        split: Name of a list, or None for all images with annotations.
        class_names: Names of the classes in label order. None is for the names
            that occur in the split, sorted. Defaults to the 20 classes of VOC.

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
    folder = Path(folder)
    if not (folder / "Annotations").is_dir():
        raise FileNotFoundError(
            f"{folder} is not a VOC tree: it has no folder Annotations"
        )
    roots = [
        (name, _root(folder / "Annotations" / f"{name}.xml"))
        for name in voc_image_names(folder, split)
    ]
    if class_names is None:
        class_names = voc_class_names(folder, [split])
    files = {}
    for file in sorted((folder / "JPEGImages").rglob("*")):
        if file.suffix.lower() in IMAGE_SUFFIXES:
            name = file.relative_to(folder / "JPEGImages").with_suffix("")
            files.setdefault(name.as_posix(), str(file))
    images = [
        _image_boxes(
            root,
            name,
            files.get(name, str(folder / "JPEGImages" / f"{name}.jpg")),
            tuple(class_names),
            folder / "Annotations" / f"{name}.xml",
        )
        for name, root in roots
    ]
    origin = f"VOC tree {folder}, split {split}"
    return Annotations(tuple(images), tuple(class_names), origin)


def voc_splits(folder: str | os.PathLike) -> list[str]:
    """List the splits of a VOC tree: the names in `ImageSets/Main`.

    Lists of a single class, such as `cat_train.txt`, are left out.
    """
    lists = (Path(folder) / "ImageSets" / "Main").glob("*.txt")
    names = sorted(file.stem for file in lists)
    ends = ("_train", "_val", "_trainval", "_test")
    return [name for name in names if not name.endswith(ends)]


def voc_class_names(
    folder: str | os.PathLike, splits: Sequence[str | None]
) -> tuple[str, ...]:
    """List the classes that occur in some splits of a VOC tree, sorted."""
    folder = Path(folder)
    found = {
        thing.findtext("name")
        for split in splits
        for name in voc_image_names(folder, split)
        for thing in _objects(_root(folder / "Annotations" / f"{name}.xml"))
    }
    return tuple(sorted(name for name in found if name is not None))


def voc_image_names(folder: str | os.PathLike, split: str | None) -> list[str]:
    """List the images of a split of a VOC tree, or of all for None."""
    folder = Path(folder)
    if split is None:
        base = folder / "Annotations"
        files = sorted(base.rglob("*.xml"))
        return [f.relative_to(base).with_suffix("").as_posix() for f in files]
    file = folder / "ImageSets" / "Main" / f"{split}.txt"
    if not file.is_file():
        raise FileNotFoundError(
            f"split {split!r} needs {file}; there are {voc_splits(folder)}, "
            "and split=None takes every annotated image"
        )
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.split()[0] for line in lines if line.strip()]


def _root(file: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(file).getroot()
    except FileNotFoundError:
        raise FileNotFoundError(f"no annotation file {file}") from None
    except ElementTree.ParseError as error:
        raise ValueError(f"{file} is not well-formed XML: {error}") from error


def _objects(root: ElementTree.Element) -> list[ElementTree.Element]:
    # Only direct children: a person's head and hands are inside the object.
    return root.findall("object")


def _image_boxes(root, name, file, class_names, xml_file) -> ImageBoxes:
    objects = _objects(root)
    corners, labels = [], []
    for number, found in enumerate(objects):
        class_name = found.findtext("name")
        if class_name not in class_names:
            raise ValueError(
                f"{xml_file}: object {number} is a {class_name!r}; classes "
                f"are {', '.join(class_names)}. Pass class_names=(...) with "
                "your own"
            )
        labels.append(class_names.index(class_name))
        corners.append(_corners(found.find("bndbox"), number, xml_file))
    boxes = np.array(corners, np.float32).reshape(-1, 4)
    boxes -= np.array([1, 1, 0, 0], np.float32)
    height, width = (
        int(float(root.findtext(f"size/{side}") or 0))
        for side in ("height", "width")
    )
    size = (height, width) if height > 0 and width > 0 else (0, 0)
    boxes = check_boxes(
        boxes,
        np.array(labels, np.int32),
        classes=len(class_names),
        name=str(xml_file),
        size=size if any(size) else None,
    )
    difficult = [found.findtext("difficult", "0") for found in objects]
    return ImageBoxes(
        file=file,
        image_id=name,
        boxes=boxes,
        labels=np.array(labels, np.int32),
        difficult=np.array([x.strip() == "1" for x in difficult], bool),
        is_crowd=np.zeros(len(objects), bool),
        size=size,
    )


def _corners(bndbox, number, xml_file) -> list[float]:
    try:
        return [
            float(bndbox.findtext(side))
            for side in ("xmin", "ymin", "xmax", "ymax")
        ]
    except (AttributeError, TypeError, ValueError):
        raise ValueError(
            f"{xml_file}: object {number} needs a bndbox with the numbers "
            "xmin, ymin, xmax and ymax"
        ) from None
