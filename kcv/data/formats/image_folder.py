"""A folder of class folders, the form in which most people have images."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from kcv.data.streams.decoding import decode
from kcv.data.streams.decoding import read_together
from kcv.data.streams.holdout import held_out_fifth
from kcv.data.streams.images import IMAGE_SUFFIXES
from kcv.data.streams.ordering import visit


@dataclasses.dataclass(frozen=True)
class LabelledFiles:
    """Image files and their classes.

    Attributes:
        files: paths of the image files, at least one.
        image_ids: unique in the set: the paths below its folder.
        labels: from 0, of each.
        class_names: of the labels 0, 1, ...
        origin: what an error calls the set.
    """

    files: tuple[str, ...]
    image_ids: tuple[str, ...]
    labels: tuple[int, ...]
    class_names: tuple[str, ...]
    origin: str

    def __len__(self):
        return len(self.files)

    def split(self, held_out: bool) -> "LabelledFiles":
        """Take the fifth of each class that is held out, or the rest.

        It is drawn by a hash of the image ids: the same in every run and on
        every machine.

        Args:
            held_out: whether to take the fifth, at least one of each class.

        Returns:
            The files of that part.

        Raises:
            ValueError: if a class has but one image.
        """
        fifth = set()
        for label, name in enumerate(self.class_names):
            own = [
                image_id
                for image_id, other in zip(
                    self.image_ids, self.labels, strict=True
                )
                if other == label
            ]
            if len(own) < 2:
                raise ValueError(
                    f"{self.origin}: class {name!r} has {len(own)} image, too "
                    "few for some to be held out"
                )
            fifth |= held_out_fifth(own)
        rows = [
            row
            for row in zip(self.files, self.image_ids, self.labels, strict=True)
            if (row[1] in fifth) == held_out
        ]
        files, image_ids, labels = zip(*rows, strict=True)
        return dataclasses.replace(
            self, files=files, image_ids=image_ids, labels=labels
        )

    def dataset(
        self,
        seed: int | None = None,
        start: int = 0,
        on_error: str = "raise",
        skipped: list[str] | None = None,
    ) -> tf.data.Dataset:
        """Stream the examples. Arguments as for `kcv.data.image_folder`."""
        files = tf.constant(self.files)
        image_ids = tf.constant(self.image_ids)
        labels = tf.constant(self.labels, tf.int32)
        cached = None if seed is None else read_together(self.files)

        def describe(index):
            return {
                "index": index,
                "file": files[index],
                "image_id": image_ids[index],
                "labels": labels[index],
            }

        def load(example):
            if cached is None:
                return tf.io.read_file(example["file"])
            return cached[example["index"]]

        def finish(example):
            return {key: example[key] for key in example if key != "index"}

        dataset = visit(len(self.files), seed, start).map(describe)
        return decode(dataset, load, on_error, skipped).map(finish)


def image_folder(
    folder: str | os.PathLike,
    *,
    class_names: Sequence[str] | None = None,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
) -> tf.data.Dataset:
    """Read a folder that has a folder of images for each class.

    Args:
        folder: with JPEG, PNG, BMP, GIF or WebP files in folder/CLASS, at any
            depth.
        class_names: names of the class folders in label order, as of the
            training set for a folder of held-out images. None is all there
            are, sorted.
        seed: shuffles, every epoch anew, without end; example number p is a
            function of (folder, seed, p) alone. None is one pass, class by
            class.
        start: position of the first example, as for a run that is resumed.
        on_error: "raise" or "skip" an image that cannot be decoded.
        skipped: a list to which the names of skipped images are appended.

    Returns:
        A dataset of single examples: `images` (H, W, 3) uint8 RGB, `labels`
        () int32, `image_id` () string, "CLASS/name.jpg".

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if a class has no images, or is not in `class_names`.

    Example:

    ```python
    train = kcv.data.image_folder("flowers/train", seed=1)
    ```
    """
    found = read_image_folder(folder, class_names)
    return found.dataset(seed, start, on_error, skipped)


def read_image_folder(
    folder: str | os.PathLike, class_names: Sequence[str] | None = None
) -> LabelledFiles:
    """List the images of a folder of class folders.

    Args:
        folder: as for `image_folder`.
        class_names: as for `image_folder`.

    Returns:
        The files, by class and by name.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: as `image_folder`.

    Example:

    ```python
    names = kcv.data.read_image_folder("flowers/train").class_names
    ```
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    there = sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.is_dir() and not entry.name.startswith(".")
    )
    if not there:
        raise ValueError(
            f"{folder} has no class folders: it must hold a folder of images "
            "for each class"
        )
    names = tuple(there if class_names is None else class_names)
    unknown = sorted(set(there) - set(names))
    if unknown:
        raise ValueError(
            f"{folder} has a folder {unknown[0]!r}, which is none of the "
            f"classes {', '.join(names)}"
        )
    files, labels = [], []
    for label, name in enumerate(names):
        own = sorted(
            file
            for file in (folder / name).rglob("*")
            if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file()
        )
        if not own:
            raise ValueError(
                f"the class folder {folder / name} has no images "
                f"({', '.join(IMAGE_SUFFIXES)})"
            )
        files += own
        labels += [label] * len(own)
    return LabelledFiles(
        files=tuple(map(str, files)),
        image_ids=tuple(f.relative_to(folder).as_posix() for f in files),
        labels=tuple(labels),
        class_names=names,
        origin=f"folder {folder}",
    )
