"""Images with a label for each pixel, in any arrangement of files."""

import dataclasses
import os
from collections.abc import Callable
from typing import Self

import numpy as np
import tensorflow as tf

from kcv.data.formats.label_maps import read_label_map
from kcv.data.streams.records import Records
from kcv.data.streams.records import file_tensor
from kcv.examples import VOID


@dataclasses.dataclass(frozen=True)
class MaskedImages(Records):
    """Image files and their label maps.

    Attributes:
        files: Paths of the image files, at least one.
        masks: Paths of the label maps, one for each image.
        image_ids: Names of the images, unique in the set.
        class_names: Names of the labels 0, 1, ...; the first is background.
        origin: Name of the set in error messages.
        void: Label of pixels without a class in the files. It becomes 255.
            Defaults to 255.
    """

    files: tuple[str, ...]
    masks: tuple[str, ...]
    image_ids: tuple[str, ...]
    class_names: tuple[str, ...]
    origin: str
    void: int = VOID

    def __post_init__(self):
        if not self.files:
            raise ValueError(f"{self.origin} holds no images with label maps")

    def only(self, wanted: Callable[[str], bool]) -> Self:
        """Select images by their ids.

        Args:
            wanted: Function from an image id to whether the image is selected.

        Returns:
            The files of the selected images.
        """
        rows = zip(self.files, self.masks, self.image_ids, strict=True)
        kept = [row for row in rows if wanted(row[2])]
        files, masks, image_ids = zip(*kept, strict=True) if kept else 3 * [()]
        return dataclasses.replace(
            self, files=files, masks=masks, image_ids=image_ids
        )

    def _finish(self, dataset):
        files, masks = file_tensor(self.files), file_tensor(self.masks)

        def add_mask(example):
            index = example["index"]
            image = example["images"]
            mask = tf.numpy_function(
                self._labels,
                [masks[index], files[index], tf.shape(image)[:2]],
                tf.uint8,
            )
            return {
                "images": image,
                "segmentation_masks": tf.ensure_shape(mask, (None, None)),
                "image_id": example["image_id"],
            }

        return dataset.map(
            add_mask, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )

    def _labels(self, path, image, size):
        """Read a label map, and check that it belongs to its image."""
        path, image = os.fsdecode(path), os.fsdecode(image)
        labels = read_label_map(path)
        if labels.shape != tuple(size):
            raise ValueError(
                f"{path} has {labels.shape[1]} x {labels.shape[0]} pixels, "
                f"its image {image} has {size[1]} x {size[0]}"
            )
        labels = np.where(labels == self.void, np.uint8(VOID), labels)
        classes = len(self.class_names)
        wrong = labels[(labels >= classes) & (labels != VOID)]
        if wrong.size:
            raise ValueError(
                f"{path} has label {wrong[0]}; there are {classes} classes "
                f"with background, 0 to {classes - 1}, and void, {VOID}: "
                f"{', '.join(self.class_names)}"
            )
        return labels
