"""A folder of class folders, the form in which most people have images."""

import dataclasses
import os
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import tensorflow as tf

from kcv.data.formats.folders import TreeReader
from kcv.data.formats.folders import visible
from kcv.data.streams.faults import one_entry
from kcv.data.streams.images import IMAGE_SUFFIXES
from kcv.data.streams.records import Records
from kcv.text_files import check_name
from kcv.text_files import check_names
from kcv.text_files import path_text


@dataclasses.dataclass(frozen=True)
class LabelledFiles(Records):
    """Image files and their classes.

    Attributes:
        files: Paths of the image files, at least one.
        image_ids: Paths below the folder of the set.
        labels: Label of each image, from 0.
        class_names: Names of the labels 0, 1, ...
        origin: Name of the set in error messages.
    """

    files: tuple[str, ...]
    image_ids: tuple[str, ...]
    labels: tuple[int, ...]
    class_names: tuple[str, ...]
    origin: str

    def only(self, wanted: Callable[[str], bool]) -> Self:
        """Select images by their ids.

        Args:
            wanted: Function from an image id to whether the image is selected.

        Returns:
            The files of the selected images.
        """
        rows = zip(self.files, self.image_ids, self.labels, strict=True)
        kept = [row for row in rows if wanted(row[1])]
        files, image_ids, labels = zip(*kept, strict=True) if kept else 3 * [()]
        return dataclasses.replace(
            self, files=files, image_ids=image_ids, labels=labels
        )

    def _groups(self):
        own = [[] for _ in self.class_names]
        for image_id, label in zip(self.image_ids, self.labels, strict=True):
            own[label].append(image_id)
        return own

    def _held_out(self):
        """Ids of a fifth of each class."""
        for name, ids in zip(self.class_names, self._groups(), strict=True):
            if len(ids) < 2:
                raise ValueError(
                    f"{self.origin}: class {name!r} has {len(ids)} image, too "
                    "few for some to be held out"
                )
        return super()._held_out()

    def _describe(self):
        labels = tf.constant(self.labels, tf.int32)
        return lambda index: {"labels": labels[index]}

    def _finish(self, dataset):
        return dataset.map(
            lambda example: {k: v for k, v in example.items() if k != "index"}
        )


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
        folder: Folder with JPEG, PNG, BMP, GIF or WebP files in folder/CLASS,
            at any depth.
        class_names: Names of the class folders in label order, for example
            those of the training set for a folder of held-out images. Defaults
            to None, for all class folders, sorted.
        seed: Integer that determines the shuffling. Every epoch has a different
            order, the stream repeats forever, and example number p is a pure
            function of (folder, seed, p). If None, the examples are read once,
            class by class. Defaults to None.
        start: Position of the first example, for a run that is resumed.
            Defaults to 0.
        on_error: "raise" an error at an image that cannot be decoded, or "skip"
            it. Defaults to "raise".
        skipped: List to which the names of skipped images are appended. If
            None, they are only logged. Defaults to None.

    Returns:
        Dataset of single examples: `images` (H, W, 3) uint8 RGB, `labels` ()
        int32, `image_id` () string, "CLASS/name.jpg".

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If a class has no images or is not in `class_names`.

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
        folder: Folder with image files in folder/CLASS, at any depth.
        class_names: Names of the class folders in label order. Defaults to
            None, for all class folders, sorted.

    Returns:
        The `LabelledFiles`, by class and by name.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If a class has no images or is not in `class_names`.

    Example:

    ```python
    names = kcv.data.read_image_folder("flowers/train").class_names
    ```
    """
    folder = Path(folder)
    reader = TreeReader(IMAGE_SUFFIXES)
    paths = {}
    for path in visible(folder):
        if path.is_dir():
            name = check_name(path_text(path.name), f"{folder}, class folder")
            if name in paths:
                raise ValueError(
                    f"{folder} must have one folder of the name {name!r}. "
                    f"Received: {paths[name]} and {path}"
                )
            paths[name] = path
        elif path.suffix.lower() in IMAGE_SUFFIXES:
            reader.left_out["images outside of class folders"] += 1
    there = list(paths)
    if not there:
        raise ValueError(
            f"{folder} has no class folders: it must hold a folder of images "
            "for each class"
        )
    names = there if class_names is None else class_names
    names = check_names(names, "`class_names`")
    unknown = sorted(set(there) - set(names))
    if unknown:
        raise ValueError(
            f"{folder} has a folder {unknown[0]!r}, which is not one of the "
            f"classes {', '.join(names)}"
        )
    files, labels = [], []
    for label, name in enumerate(names):
        own = reader.find(paths[name]) if name in paths else []
        if not own:
            with one_entry():
                raise ValueError(
                    f"the class folder {folder / name} has no images "
                    f"({', '.join(IMAGE_SUFFIXES)})"
                )
        files += own
        labels += [label] * len(own)
    reader.log(folder)
    return LabelledFiles(
        files=tuple(map(str, files)),
        image_ids=tuple(path_text(f.relative_to(folder)) for f in files),
        labels=tuple(labels),
        class_names=names,
        origin=f"folder {folder}",
    )
