"""COCO, from TFDS or from one's own JSON and image folder.

T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014. Its
boxes are 0-based (x, y, width, height) and its category ids have gaps. Labels
number the categories in the order of their ids.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from kcv.data.formats.annotations import Annotations
from kcv.data.formats.annotations import ImageBoxes
from kcv.data.formats.annotations import check_other_classes
from kcv.data.formats.annotations import log_classes
from kcv.data.formats.annotations import log_other_classes
from kcv.data.formats.box_filter import BoxFilter
from kcv.data.formats.coco_json import read_instances
from kcv.data.formats.segments import check_segment
from kcv.data.formats.tfds import is_tfds_name
from kcv.data.formats.tfds import tfds_detection
from kcv.data.streams.faults import one_entry
from kcv.text_files import check_names

_LOG = logging.getLogger(__name__)


def coco(
    source: str | os.PathLike = "coco/2017",
    split: str | None = "train",
    *,
    images: str | os.PathLike | None = None,
    class_names: Sequence[str] | None = None,
    boxes: str = "raise",
    other_classes: str = "raise",
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
) -> tf.data.Dataset:
    """Read a detection set in the form of COCO.

    Args:
        source: "coco/2014" or "coco/2017" (from TFDS, with `kcv[data]`), or the
            path of a JSON file of instances. Defaults to "coco/2017".
        split: "train" or "val" of a set from TFDS. Not used for a JSON file,
            which is one split. Defaults to "train".
        images: Folder of the `file_name`s of a JSON file. Needed for a JSON
            file, and None for a dataset of TFDS. Defaults to None.
        class_names: Names of the classes in label order. Pass those of the
            training file for another file. Defaults to None, for the categories
            in the order of their ids. A category that no object has and that
            is the supercategory of another one is then left out.
        boxes: "raise" an error at a box that is inverted or outside its image;
            "clip" boxes to the image and leave out those of which nothing
            remains; or "drop" these boxes. The numbers are logged. Boxes
            without width or height, which COCO has, are left out in any case.
            Defaults to "raise".
        other_classes: "raise" an error at categories that are not in
            `class_names`, or "drop" their objects, which is logged. Defaults
            to "raise".
        seed: Integer that determines the shuffling. Every epoch has a different
            order, the stream repeats forever, and example number p is a pure
            function of (set, seed, p). If None, the examples are read once, in
            the order of the file. Defaults to None.
        start: Position of the first example, for a run that is resumed.
            Defaults to 0.
        on_error: "raise" an error at an image that cannot be decoded, or "skip"
            it. Defaults to "raise".
        skipped: List to which the names of skipped images are appended. If
            None, they are only logged. Defaults to None.

    Returns:
        Dataset of single examples: `images` (H, W, 3) uint8 RGB,
        `bounding_boxes` {`boxes` (N, 4) float32 absolute half-open xyxy,
        `labels` (N,) int32}, `difficult` (N,) bool (always False), `is_crowd`
        (N,) bool, `image_id` () string. N may be 0.

    Raises:
        FileNotFoundError: If the JSON file or images are missing.
        ValueError: If an annotation is wrong. The message names it.
        ImportError: If TFDS is needed and not installed.

    Example:

    ```python
    mine = kcv.data.coco("instances.json", images="photographs")
    ```
    """
    if is_tfds_name(source, "coco"):
        own = images is None and class_names is None
        if not own or other_classes != "raise":
            raise ValueError(
                "`images`, `class_names` and `other_classes` are for a JSON "
                f"file. Received: source={source!r}"
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
    if images is None:
        raise ValueError(
            f"`images` must be the folder of the images of {source}. "
            "Received: images=None"
        )
    annotations = read_coco(
        source, images, class_names, boxes=boxes, other_classes=other_classes
    )
    return annotations.dataset(seed, start, on_error, skipped)


def read_coco(
    file: str | os.PathLike,
    images: str | os.PathLike,
    class_names: Sequence[str] | None = None,
    masks: bool = False,
    *,
    boxes: str = "raise",
    other_classes: str = "raise",
) -> Annotations:
    """Read the annotations of a JSON file, without the pixels.

    Args:
        file: Path of a JSON file of instances.
        images: Folder of its `file_name`s.
        class_names: Names of the classes in label order. Defaults to None, for
            the categories in the order of their ids. A category that no object
            has and that is the supercategory of another one is then left out.
        masks: Whether examples have `instance_masks`, of polygons and run
            lengths. It needs pycocotools. Defaults to False.
        boxes: "raise" an error at a box that is inverted or outside its image;
            "clip" boxes to the image and leave out those of which nothing
            remains; or "drop" these boxes. The numbers are logged. Boxes
            without width or height, which COCO has, are left out in any case.
            Defaults to "raise".
        other_classes: "raise" an error at categories that are not in
            `class_names`, or "drop" their objects, which is logged. Defaults
            to "raise".

    Returns:
        The checked `Annotations`, in the order of the file.

    Raises:
        FileNotFoundError: If the JSON file or images are missing.
        ValueError: If an annotation is wrong. The message names it.

    Example:

    ```python
    names = kcv.data.read_coco("instances.json", "photographs").class_names
    ```
    """
    check_other_classes(other_classes, class_names)
    file, folder = Path(file), Path(images)
    found, categories = read_instances(file, folder)
    used = {thing.category for image in found for thing in image.objects}
    if class_names is None:
        parents = _unused_parents(categories, used, file)
        names = [c.name for key, c in categories.items() if key not in parents]
        class_names = check_names(names, str(file))
        if not class_names:
            raise ValueError(f"{file}: categories must not be empty")
        known = {k: c for k, c in categories.items() if k not in parents}
    else:
        class_names = check_names(class_names, "`class_names`")
        known = {k: c for k, c in categories.items() if c.name in class_names}
        unknown = sorted({c.name for c in categories.values()} - {*class_names})
        if unknown and other_classes == "raise":
            with one_entry():
                raise ValueError(
                    f"{file} has categories {unknown}. `class_names` must have "
                    'them, or other_classes="drop" leaves them out. Received: '
                    f"class_names={class_names}"
                )
    labels = {key: class_names.index(c.name) for key, c in known.items()}
    box_filter = BoxFilter(boxes, keep_empty=False)
    annotations = Annotations(
        tuple(
            _image_boxes(
                image, labels, len(class_names), folder, file, masks, box_filter
            )
            for image in found
        ),
        class_names,
        f"{file} with images in {folder}",
    )
    box_filter.log(annotations.origin)
    log_other_classes(
        annotations.origin,
        sum(
            thing.category not in labels
            for image in found
            for thing in image.objects
        ),
    )
    log_classes([annotations])
    return annotations


def _unused_parents(categories, used, file) -> set:
    """Find the categories that stand for groups of others.

    Some tools list a group as a category of its own, often with the name of a
    class, so that all labels would be shifted.
    """
    parents = {
        key
        for key, category in categories.items()
        if key not in used
        and any(
            other.supercategory == category.name
            for other_key, other in categories.items()
            if other_key != key
        )
    }
    if parents:
        _LOG.warning(
            "%s: the categories %s are left out, because no object has them "
            "and they are supercategories of others.",
            file,
            [categories[key].name for key in parents],
        )
    return parents


def _image_boxes(
    image, labels, classes, folder, file, masks, box_filter
) -> ImageBoxes:
    objects = [thing for thing in image.objects if thing.category in labels]
    # In float64, as x + width in float32 may pass the border.
    boxes = np.array([thing.box for thing in objects], np.float64)
    boxes = boxes.reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    own = np.array([labels[thing.category] for thing in objects], np.int32)
    path = str(folder / image.file_name)
    boxes, kept = box_filter.apply(
        boxes,
        own,
        classes=classes,
        name=f"{file}: {image.file_name}",
        file=path,
        size=image.size,
    )
    objects = [x for x, keep in zip(objects, kept, strict=True) if keep]
    own, segments = own[kept], None
    if masks:
        segments, whole = _segments(image, objects, file)
        objects = [objects[k] for k in whole]
        boxes, own = boxes[whole], own[whole]
    return ImageBoxes(
        file=path,
        image_id=image.image_id,
        boxes=boxes,
        labels=own,
        difficult=np.zeros(len(objects), bool),
        is_crowd=np.array([thing.is_crowd for thing in objects], bool),
        size=image.size,
        segments=segments,
    )


def _segments(image, objects, file) -> tuple[tuple, list[int]]:
    """Check the masks of an image, and return the numbers of the sound ones."""
    segments, whole = [], []
    with one_entry():
        if not any(image.size):
            raise ValueError(
                f"{file}: image {image.image_id} needs height and width for a "
                "set with masks"
            )
        for k, thing in enumerate(objects):
            with one_entry():
                segments.append(
                    check_segment(thing.segmentation, image.size, thing.where)
                )
                whole.append(k)
    return tuple(segments), whole
