"""COCO, from TFDS or from one's own JSON and image folder.

T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014. Its
boxes are 0-based (x, y, width, height) and its category ids have gaps. Labels
number the categories in the order of their ids.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from kcv.data.formats.annotations import Annotations
from kcv.data.formats.annotations import ImageBoxes
from kcv.data.formats.segments import check_segment
from kcv.data.formats.tfds import is_tfds_name
from kcv.data.formats.tfds import tfds_detection
from kcv.data.streams.validation import check_boxes
from kcv.text_files import check_name
from kcv.text_files import check_names
from kcv.text_files import read_json


def coco(
    source: str | os.PathLike = "coco/2017",
    split: str | None = "train",
    *,
    images: str | os.PathLike | None = None,
    class_names: Sequence[str] | None = None,
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
        images: Folder of the `file_name`s of a JSON file.
        class_names: Names of the classes in label order. Pass those of the
            training file for another file. Defaults to None, for the categories
            in the order of their ids.
        seed: Seed of the order. Every epoch has an order of its own, there are
            epochs without end, and example number p is a pure function of (set,
            seed, p). Defaults to None, for one pass in the order of the file.
        start: Position of the first example, for a run that is resumed.
            Defaults to 0.
        on_error: "raise" an error at an image that cannot be decoded, or "skip"
            it. Defaults to "raise".
        skipped: List to which the names of skipped images are appended.

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
        if images is not None or class_names is not None:
            raise ValueError(
                "`images` and `class_names` are for a JSON file. Received: "
                f"source={source!r}"
            )
        return tfds_detection(
            os.fspath(source),
            split,
            seed=seed,
            start=start,
            on_error=on_error,
            skipped=skipped,
        ).dataset
    if images is None:
        raise ValueError(
            f"`images` must be the folder of the images of {source}. "
            "Received: images=None"
        )
    annotations = read_coco(source, images, class_names)
    return annotations.dataset(seed, start, on_error, skipped)


def read_coco(
    file: str | os.PathLike,
    images: str | os.PathLike,
    class_names: Sequence[str] | None = None,
    masks: bool = False,
) -> Annotations:
    """Read the annotations of a JSON file, without the pixels.

    Args:
        file: Path of a JSON file of instances.
        images: Folder of its `file_name`s.
        class_names: Names of the classes in label order. Defaults to None, for
            the categories in the order of their ids.
        masks: Whether examples have `instance_masks`, of polygons and run
            lengths. It needs pycocotools. Defaults to False.

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
    content = _content(Path(file))
    names = {
        category["id"]: check_name(
            category["name"], f"{file}: category {category['id']}"
        )
        for category in sorted(content["categories"], key=lambda c: c["id"])
    }
    class_names = check_names(
        [*names.values()] if class_names is None else class_names,
        f"{file}" if class_names is None else "`class_names`",
    )
    unknown = sorted(set(names.values()) - set(class_names))
    if unknown:
        raise ValueError(
            f"{file} has categories {unknown}. `class_names` must have them. "
            f"Received: class_names={class_names}"
        )
    labels = {key: class_names.index(name) for key, name in names.items()}
    objects = {image["id"]: [] for image in content["images"]}
    if len(objects) != len(content["images"]):
        raise ValueError(f"{file}: two images have the same id")
    for found in content["annotations"]:
        _check_object(found, objects, labels, file)
        objects[found["image_id"]].append(found)
    folder = Path(images)
    return Annotations(
        tuple(
            _image_boxes(
                image,
                objects[image["id"]],
                labels,
                len(class_names),
                folder,
                file,
                masks,
            )
            for image in content["images"]
        ),
        class_names,
        f"{file} with images in {folder}",
    )


def _content(file: Path) -> dict:
    content = read_json(file)
    keys = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not set(keys) <= set(content):
        raise ValueError(
            f"{file} is not a COCO instances file: it needs the keys "
            f"{', '.join(keys)}"
        )
    return content


def _check_object(found, objects, labels, file):
    where = f"{file}: annotation {found.get('id')}"
    if found.get("image_id") not in objects:
        raise ValueError(
            f"{where} is of image_id {found.get('image_id')!r}, which is not "
            "among the images"
        )
    if found.get("category_id") not in labels:
        raise ValueError(
            f"{where} has category_id {found.get('category_id')!r}, which is "
            f"not among the categories {sorted(labels)}"
        )
    box = found.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise ValueError(
            f"{where} needs a bbox [x, y, width, height], not {box!r}"
        )


def _image_boxes(
    image, objects, labels, classes, folder, file, masks
) -> ImageBoxes:
    size = (int(image.get("height") or 0), int(image.get("width") or 0))
    size = size if all(size) else (0, 0)
    segments = None
    if masks:
        segments = _segments(image, objects, size, file)
    # In float64, as x + width in float32 may pass the border.
    boxes = np.array([found["bbox"] for found in objects], np.float64)
    boxes = boxes.reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    own = np.array([labels[found["category_id"]] for found in objects])
    boxes = check_boxes(
        boxes,
        own.astype(np.int32),
        classes=classes,
        name=f"{file}: {image['file_name']}",
        size=size if any(size) else None,
    )
    return ImageBoxes(
        file=str(folder / image["file_name"]),
        image_id=str(image["id"]),
        boxes=boxes,
        labels=own.astype(np.int32),
        difficult=np.zeros(len(objects), bool),
        is_crowd=np.array([bool(o.get("iscrowd", 0)) for o in objects], bool),
        size=size,
        segments=segments,
    )


def _segments(image, objects, size, file):
    if not any(size):
        raise ValueError(
            f"{file}: image {image['id']} needs height and width for a set "
            "with masks"
        )
    return tuple(
        check_segment(
            found.get("segmentation"),
            size,
            f"{file}: annotation {found.get('id')}",
        )
        for found in objects
    )
