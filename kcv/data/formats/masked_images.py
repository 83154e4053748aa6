"""Images and the label of each of their pixels, whatever tree they lie in."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from kcv.data.formats.label_maps import read_label_map
from kcv.data.streams.decoding import decode
from kcv.data.streams.decoding import read_together
from kcv.data.streams.holdout import held_out_fifth
from kcv.data.streams.images import IMAGE_SUFFIXES
from kcv.data.streams.ordering import visit
from kcv.examples import VOID


@dataclasses.dataclass(frozen=True)
class MaskedImages:
    """Image files and their label maps.

    Attributes:
        files: paths of the image files, at least one.
        masks: paths of the label maps, of each image.
        image_ids: unique in the set.
        class_names: of the labels 0, 1, ...; background is the first.
        origin: what an error calls the set.
    """

    files: tuple[str, ...]
    masks: tuple[str, ...]
    image_ids: tuple[str, ...]
    class_names: tuple[str, ...]
    origin: str

    def __post_init__(self):
        if not self.files:
            raise ValueError(f"{self.origin} holds no images with label maps")

    def __len__(self):
        return len(self.files)

    def split(self, held_out: bool) -> "MaskedImages":
        """Take the fifth of the images that is held out, or the rest.

        It is drawn by a hash of the image ids: the same in every run and on
        every machine.

        Args:
            held_out: whether to take the fifth, which is at least one image.

        Returns:
            The images of that part.

        Raises:
            ValueError: if there is but one image.
        """
        fifth = held_out_fifth(self.image_ids)
        return self.only(lambda name: (name in fifth) == held_out)

    def only(self, wanted) -> "MaskedImages":
        """Take the images of some ids: those that `wanted` is true of."""
        rows = zip(self.files, self.masks, self.image_ids, strict=True)
        kept = [row for row in rows if wanted(row[2])]
        files, masks, image_ids = zip(*kept, strict=True) if kept else 3 * [()]
        return dataclasses.replace(
            self, files=files, masks=masks, image_ids=image_ids
        )

    def dataset(
        self,
        seed: int | None = None,
        start: int = 0,
        on_error: str = "raise",
        skipped: list[str] | None = None,
    ) -> tf.data.Dataset:
        """Stream the examples.

        Args:
            seed: shuffles, every epoch anew, without end. None is one pass.
            start: position of the first example.
            on_error: "raise" or "skip" an image that cannot be decoded. A
                label map that is wrong is always an error.
            skipped: a list to which the names of skipped images are appended.

        Returns:
            A dataset of `images` (H, W, 3) uint8 RGB, `segmentation_masks`
            (H, W) uint8, 255 for void, and `image_id` () string.
        """
        files = tf.constant(self.files)
        masks = tf.constant(self.masks)
        image_ids = tf.constant(self.image_ids)
        cached = None if seed is None else read_together(self.files)

        def describe(index):
            return {
                "index": index,
                "file": files[index],
                "image_id": image_ids[index],
            }

        def load(example):
            if cached is None:
                return tf.io.read_file(example["file"])
            return cached[example["index"]]

        def label(example):
            index = example["index"]
            image = example["images"]
            mask = tf.numpy_function(
                self._labels,
                [masks[index], files[index], tf.shape(image)[:2]],
                tf.uint8,
            )
            mask = tf.ensure_shape(mask, (None, None))
            return {
                "images": image,
                "segmentation_masks": mask,
                "image_id": example["image_id"],
            }

        dataset = visit(len(self.files), seed, start).map(describe)
        return decode(dataset, load, on_error, skipped).map(
            label, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )

    def _labels(self, path, image, size):
        """Read a label map, and make sure that it is of its image."""
        path, image = path.decode(), image.decode()
        labels = read_label_map(path)
        if labels.shape != tuple(size):
            raise ValueError(
                f"{path} has {labels.shape[1]} x {labels.shape[0]} pixels, "
                f"its image {image} has {size[1]} x {size[0]}"
            )
        classes = len(self.class_names)
        wrong = labels[(labels >= classes) & (labels != VOID)]
        if wrong.size:
            raise ValueError(
                f"{path} has label {wrong[0]}; there are {classes} classes "
                f"with background, 0 to {classes - 1}, and void, {VOID}: "
                f"{', '.join(self.class_names)}"
            )
        return labels


def files_by_name(
    folder: Path, suffixes: Sequence[str] = IMAGE_SUFFIXES
) -> dict[str, str]:
    """Find the files of a folder, at any depth, by name without ending.

    Args:
        folder: where to look.
        suffixes: endings of the files that count.

    Returns:
        Paths by names such as "deep/below", sorted.

    Raises:
        FileNotFoundError: if there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    found = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() in suffixes and file.is_file():
            name = file.relative_to(folder).with_suffix("").as_posix()
            found.setdefault(name, os.fspath(file))
    return found


def greatest_label(masks: Sequence[str]) -> int:
    """Find the greatest label, void left out, of some label maps."""
    return max(
        int(np.max(labels[labels != VOID], initial=0))
        for labels in map(read_label_map, masks)
    )
