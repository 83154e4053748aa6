"""Boxes of a set in memory, from files of any format."""

import dataclasses
import logging
import os
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import Self

import numpy as np
import tensorflow as tf

from kcv.data.formats.segments import segment_mask
from kcv.data.streams.faults import is_gathering
from kcv.data.streams.records import Records
from kcv.data.streams.records import file_tensor
from kcv.data.streams.validation import validate

_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ImageBoxes:
    """One image and its checked objects.

    Attributes:
        file: Path of the image file.
        image_id: Name of the image, unique in its dataset.
        boxes: Array (N, 4) float32, absolute xyxy, half-open.
        labels: Array (N,) int32, from 0.
        difficult: Array (N,) bool.
        is_crowd: Array (N,) bool.
        size: Height and width in pixels, as annotated. Defaults to (0, 0), for
            images without this annotation.
        segments: Masks of the N objects in the form of COCO's annotations,
            checked. Defaults to None, for a dataset without masks.
    """

    file: str
    image_id: str
    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    is_crowd: np.ndarray
    size: tuple[int, int] = (0, 0)
    segments: tuple[Any, ...] | None = None


@dataclasses.dataclass(frozen=True)
class Annotations(Records):
    """The images of a set, and the names of its classes in label order.

    Attributes:
        images: Images of the set, at least one.
        class_names: Names of the labels 0, 1, ...
        origin: Name of the set in error messages.
        files: Paths of the image files.
        image_ids: Names of the images.
    """

    images: tuple[ImageBoxes, ...]
    class_names: tuple[str, ...]
    origin: str
    files: tuple[str, ...] = dataclasses.field(init=False, repr=False)
    image_ids: tuple[str, ...] = dataclasses.field(init=False, repr=False)

    def __post_init__(self):
        if not self.images:
            raise ValueError(f"{self.origin} holds no images")
        files, image_ids = zip(
            *((x.file, x.image_id) for x in self.images), strict=True
        )
        object.__setattr__(self, "files", files)
        object.__setattr__(self, "image_ids", image_ids)
        missing = [file for file in self.files if not os.path.isfile(file)]
        # If faults are gathered, each missing file is named when it is read.
        if missing and not is_gathering():
            shown = ", ".join(missing[:5])
            raise FileNotFoundError(
                f"{self.origin}: {len(missing)} of {len(self.images)} image "
                f"files are missing: {shown}"
                + (", ..." if len(missing) > 5 else "")
            )

    def only(self, wanted: Callable[[str], bool]) -> Self:
        """Select images by their ids.

        Args:
            wanted: Function from an image id to whether the image is selected.

        Returns:
            The annotations of the selected images.
        """
        kept = tuple(x for x in self.images if wanted(x.image_id))
        return dataclasses.replace(self, images=kept)

    def _describe(self):
        images = self.images
        ends = np.cumsum([0, *(len(image.boxes) for image in images)])
        ends = tf.constant(ends, tf.int64)
        boxes = _joined([x.boxes for x in images], tf.float32)
        labels = _joined([x.labels for x in images], tf.int32)
        difficult = _joined([x.difficult for x in images], tf.bool)
        is_crowd = _joined([x.is_crowd for x in images], tf.bool)

        def describe(index):
            own = slice(ends[index], ends[index + 1])
            return {
                "bounding_boxes": {"boxes": boxes[own], "labels": labels[own]},
                "difficult": difficult[own],
                "is_crowd": is_crowd[own],
            }

        return describe

    def _finish(self, dataset):
        files = file_tensor(self.files)
        sizes = tf.constant([image.size for image in self.images], tf.int32)
        has_masks = self.images[0].segments is not None

        def check_size(example):
            example = dict(example)
            index = example.pop("index")
            if has_masks:
                masks = tf.numpy_function(self._masks, [index], tf.uint8)
                masks = tf.ensure_shape(masks, (None, None, None))
                example["instance_masks"] = masks
            size = tf.shape(example["images"])[:2]
            check = tf.debugging.Assert(
                tf.reduce_all((size == sizes[index]) | (sizes[index] == 0)),
                [
                    "image",
                    files[index],
                    "has height and width",
                    size,
                    "where its annotation says",
                    sizes[index],
                    "a photograph turned by its EXIF tag must be saved upright",
                ],
            )
            with tf.control_dependencies([check]):
                example["images"] = tf.identity(example["images"])
            return example

        return validate(dataset.map(check_size), len(self.class_names))

    def _masks(self, index):
        image = self.images[index]
        masks = [segment_mask(x, image.size) for x in image.segments]
        return np.reshape(masks, (len(masks), *image.size)).astype(np.uint8)


def check_other_classes(
    other_classes: str, class_names: Sequence[str] | None
) -> None:
    """Check how objects of other classes are treated.

    Args:
        other_classes: "raise" or "drop".
        class_names: Names of the classes to read. None for all of them.

    Raises:
        ValueError: If `other_classes` is neither, or is "drop" without class
            names.
    """
    if other_classes not in ("raise", "drop"):
        raise ValueError(
            "`other_classes` must be 'raise' or 'drop'. Received: "
            f"other_classes={other_classes!r}"
        )
    if other_classes == "drop" and class_names is None:
        raise ValueError(
            "`class_names` must be given with other_classes='drop'. Received: "
            "class_names=None"
        )


def log_other_classes(origin: str, count: int) -> None:
    """Log how many objects of other classes are left out, if there are any.

    Args:
        origin: Name of the dataset.
        count: Number of objects that are left out.
    """
    if count:
        _LOG.warning(
            "%s: %d objects of other classes are left out "
            "(other_classes='drop').",
            origin,
            count,
        )


def log_classes(parts: Sequence[Annotations]) -> None:
    """Log the names of classes without an object in any part of a dataset.

    Args:
        parts: Parts of the dataset, at least one, with the same classes.
    """
    names = parts[0].class_names
    labels = [image.labels for part in parts for image in part.images]
    counts = np.bincount(np.concatenate(labels), minlength=len(names))
    without = [n for n, count in zip(names, counts, strict=True) if not count]
    if without:
        _LOG.warning(
            "%s: %s of %d classes have no object: %s",
            " and ".join(part.origin for part in parts),
            "all" if len(without) == len(names) else len(without),
            len(names),
            ", ".join(without[:20]) + (", ..." if len(without) > 20 else ""),
        )


def _joined(arrays: Sequence[np.ndarray], dtype: tf.DType) -> tf.Tensor:
    return tf.constant(np.concatenate(arrays), dtype)
