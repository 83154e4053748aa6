"""Folders of images with an object number for each pixel: VOC."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import tensorflow as tf

from kcv.data.formats.folders import files_by_name
from kcv.data.formats.label_maps import read_label_map
from kcv.data.formats.masked_images import MaskedImages
from kcv.data.formats.segmentation_trees import read_voc_segmentation
from kcv.data.streams.records import file_tensor
from kcv.examples import VOID
from kcv.examples import DataSet


@dataclasses.dataclass(frozen=True)
class InstanceImages(MaskedImages):
    """Image files, label maps of their classes, and maps of their objects.

    Attributes:
        objects: Paths of the maps of objects, by image id. Empty by default.
    """

    objects: dict[str, str] = dataclasses.field(default_factory=dict)

    def _finish(self, dataset):
        files, masks = file_tensor(self.files), file_tensor(self.masks)

        def add_objects(example):
            index = example["index"]
            found, boxes, labels = tf.numpy_function(
                self._instances,
                [
                    masks[index],
                    files[index],
                    example["image_id"],
                    tf.shape(example["images"])[:2],
                ],
                [tf.uint8, tf.float32, tf.int32],
            )
            labels = tf.ensure_shape(labels, (None,))
            nothing = tf.zeros_like(labels, tf.bool)
            return {
                "images": example["images"],
                "bounding_boxes": {
                    "boxes": tf.ensure_shape(boxes, (None, 4)),
                    "labels": labels,
                },
                "instance_masks": tf.ensure_shape(found, (None, None, None)),
                "difficult": nothing,
                "is_crowd": nothing,
                "image_id": example["image_id"],
            }

        return dataset.map(
            add_objects, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )

    def _instances(self, path, image, image_id, size):
        """Read the objects of an image, each with its class and its box."""
        classes = self._labels(path, image, size)
        path = self.objects[image_id.decode()]
        numbers = read_label_map(path)
        if numbers.shape != classes.shape:
            raise ValueError(
                f"{path} has {numbers.shape[1]} x {numbers.shape[0]} pixels, "
                f"its image {os.fsdecode(image)} has {size[1]} x {size[0]}"
            )
        masks, boxes, labels = [], [], []
        for number in np.unique(numbers):
            if number in (0, VOID):
                continue
            mask = numbers == number
            own = classes[mask & (classes != 0) & (classes != VOID)]
            if not own.size:
                raise ValueError(
                    f"{path}: object {number} has no class in its label map"
                )
            rows, columns = np.nonzero(mask)
            masks.append(mask)
            boxes.append(
                [
                    columns.min(),
                    rows.min(),
                    columns.max() + 1,
                    rows.max() + 1,
                ]
            )
            # Background is not a class of objects.
            labels.append(np.bincount(own).argmax() - 1)
        return (
            np.reshape(masks, (len(masks), *classes.shape)).astype(np.uint8),
            np.reshape(boxes, (-1, 4)).astype(np.float32),
            np.array(labels, np.int32),
        )

    def data_set(
        self,
        seed: int | None = None,
        start: int = 0,
        on_error: str = "raise",
        skipped: list[str] | None = None,
    ) -> DataSet:
        """Stream the examples, with the names of the classes of objects.

        Args:
            seed: Integer that determines the shuffling. If None, the examples
                are read once, in file order. Defaults to None.
            start: Position of the first example. Defaults to 0.
            on_error: "raise" or "skip". Defaults to "raise".
            skipped: List to which the names of skipped images are appended. If
                None, they are only logged. Defaults to None.

        Returns:
            The `DataSet`, whose class names begin with the first one behind
            background.
        """
        found = super().data_set(seed, start, on_error, skipped)
        return found._replace(class_names=self.class_names[1:])


def read_voc_instances(
    folder: str | os.PathLike, split: str | None = "train"
) -> InstanceImages:
    """List the images of a tree in PASCAL VOC's form with maps of objects.

    Args:
        folder: Folder with `JPEGImages`, `SegmentationClass`,
            `SegmentationObject` and, unless `split` is None,
            `ImageSets/Segmentation/SPLIT.txt`. Maps of objects are PNGs with a
            palette, whose indices count the objects of an image from 1; 255 is
            void. A `class_names.txt` names the classes, background first, one
            a line, where they are not VOC's.
        split: Name of a list, or None for all images with label maps. Defaults
            to "train".

    Returns:
        The images. Their examples have `bounding_boxes`, tight to the masks,
        and `instance_masks` (N, H, W) uint8. Iteration raises
        `InvalidArgumentError`, naming the file, if a map has another size than
        its image, or an object no class.

    Raises:
        FileNotFoundError: If lists, maps or images are missing.

    Example:

    ```python
    val = kcv.data.read_voc_instances("VOCdevkit/VOC2012", "val").dataset()
    ```
    """
    found = read_voc_segmentation(folder, split)
    objects = files_by_name(Path(folder) / "SegmentationObject", (".png",))
    missing = [name for name in found.image_ids if name not in objects]
    if missing:
        raise FileNotFoundError(
            f"{found.origin}: {len(missing)} of {len(found)} have no map of "
            f"objects, {missing[0]} among them"
        )
    return InstanceImages(
        files=found.files,
        masks=found.masks,
        image_ids=found.image_ids,
        class_names=found.class_names,
        origin=found.origin,
        objects=objects,
    )
