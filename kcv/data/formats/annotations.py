"""Boxes of a set in memory, whatever format they came in."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from kcv.data.streams.decoding import decode
from kcv.data.streams.decoding import read_together
from kcv.data.streams.holdout import held_out_fifth
from kcv.data.streams.ordering import visit
from kcv.data.streams.validation import validate


@dataclasses.dataclass(frozen=True)
class ImageBoxes:
    """One image and its objects, checked.

    Attributes:
        file: path of the image file.
        image_id: unique in its set.
        boxes: (N, 4) float32 absolute half-open xyxy.
        labels: (N,) int32 from 0.
        difficult: (N,) bool.
        is_crowd: (N,) bool.
        size: (height, width) in pixels as annotated, (0, 0) if it is not.
    """

    file: str
    image_id: str
    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    is_crowd: np.ndarray
    size: tuple[int, int] = (0, 0)


@dataclasses.dataclass(frozen=True)
class Annotations:
    """The images of a set, and the names of its classes in label order.

    Attributes:
        images: of the set, at least one.
        class_names: of the labels 0, 1, ...
        origin: what an error calls the set.
    """

    images: tuple[ImageBoxes, ...]
    class_names: tuple[str, ...]
    origin: str

    def __post_init__(self):
        if not self.images:
            raise ValueError(f"{self.origin} holds no images")
        missing = [x.file for x in self.images if not os.path.isfile(x.file)]
        if missing:
            shown = ", ".join(missing[:5])
            raise FileNotFoundError(
                f"{self.origin}: {len(missing)} of {len(self.images)} image "
                f"files are missing: {shown}"
                + (", ..." if len(missing) > 5 else "")
            )

    def __len__(self):
        return len(self.images)

    def split(self, held_out: bool) -> "Annotations":
        """Take the fifth of the images that is held out, or the rest.

        It is drawn by a hash of the image ids: the same in every run and on
        every machine, however the annotations are ordered.

        Args:
            held_out: whether to take the fifth, which is at least one image.

        Returns:
            The annotations of that part.

        Raises:
            ValueError: if there is but one image.
        """
        fifth = held_out_fifth([image.image_id for image in self.images])
        images = tuple(
            image
            for image in self.images
            if (image.image_id in fifth) == held_out
        )
        return dataclasses.replace(self, images=images)

    def dataset(
        self,
        seed: int | None = None,
        start: int = 0,
        on_error: str = "raise",
        skipped: list[str] | None = None,
    ) -> tf.data.Dataset:
        """Stream the examples. Arguments as for `kcv.data.voc`."""
        images = self.images
        paths = [image.file for image in images]
        files = tf.constant(paths)
        ids = tf.constant([image.image_id for image in images])
        sizes = tf.constant([image.size for image in images], tf.int32)
        ends = np.cumsum([0, *(len(image.boxes) for image in images)])
        ends = tf.constant(ends, tf.int64)
        boxes = _joined([x.boxes for x in images], tf.float32)
        labels = _joined([x.labels for x in images], tf.int32)
        difficult = _joined([x.difficult for x in images], tf.bool)
        is_crowd = _joined([x.is_crowd for x in images], tf.bool)
        cached = None if seed is None else read_together(paths)

        def describe(index):
            own = slice(ends[index], ends[index + 1])
            return {
                "index": index,
                "file": files[index],
                "image_id": ids[index],
                "bounding_boxes": {"boxes": boxes[own], "labels": labels[own]},
                "difficult": difficult[own],
                "is_crowd": is_crowd[own],
            }

        def load(example):
            if cached is None:
                return tf.io.read_file(example["file"])
            return cached[example["index"]]

        def check_size(example):
            example = dict(example)
            index = example.pop("index")
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

        dataset = visit(len(images), seed, start).map(describe)
        dataset = decode(dataset, load, on_error, skipped).map(check_size)
        return validate(dataset, len(self.class_names))


def _joined(arrays: Sequence[np.ndarray], dtype: tf.DType) -> tf.Tensor:
    return tf.constant(np.concatenate(arrays), dtype)
