"""What is in a dataset, and all that is wrong in it.

Faults are those that the readers of `kcv.data` raise, gathered entry by entry.
What readers accept and people should know, such as doubles, is added.
"""

import dataclasses
import hashlib
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from kcv import data
from kcv.commands.file_faults import header_faults
from kcv.commands.file_faults import readable_error
from kcv.commands.mask_faults import mask_faults
from kcv.commands.progress import Progress
from kcv.data.formats.annotations import Annotations
from kcv.data.formats.image_folder import LabelledFiles
from kcv.data.formats.masked_images import MaskedImages
from kcv.data.sources.classification import classification_files
from kcv.data.sources.detection import detection_files
from kcv.data.sources.instances import instance_files
from kcv.data.sources.segmentation import segmentation_files
from kcv.data.streams.faults import Fault
from kcv.data.streams.faults import gather_faults
from kcv.data.streams.faults import one_entry
from kcv.data.streams.holdout import SPLITS
from kcv.data.streams.holdout import file_identity
from kcv.examples import VOID
from kcv.text_files import path_text

Files = Annotations | LabelledFiles | MaskedImages

#: Readers of files and of streams, by task.
TASKS: dict[str, tuple[Callable[..., Files | None], Callable[..., Any]]] = {
    "detection": (detection_files, data.load_detection),
    "classification": (classification_files, data.load_classification),
    "segmentation": (segmentation_files, data.load_segmentation),
    "masks": (instance_files, data.load_instances),
}
#: Samples of each part that are kept for drawing.
SAMPLES = 6


@dataclasses.dataclass
class Part:
    """What the images of a part of a dataset have.

    Attributes:
        name: "train" or "test".
        images: Number of images that can be read. Defaults to 0.
        objects: Number of objects of each class, of images of a classifier, or
            of pixels of label maps. Empty by default.
        sizes: Height and width of each image. Empty by default.
        boxes: Width and height (2,) of each box. Empty by default.
        samples: A few examples, to be drawn. Empty by default.
    """

    name: str
    images: int = 0
    objects: Counter = dataclasses.field(default_factory=Counter)
    sizes: list[tuple[int, int]] = dataclasses.field(default_factory=list)
    boxes: list[np.ndarray] = dataclasses.field(default_factory=list)
    samples: list[dict] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Inspection:
    """A dataset that has been looked at.

    Attributes:
        task: Key of `TASKS`.
        class_names: Names of the labels 0, 1, ... Defaults to none.
        parts: The training part and the held-out part. Empty by default.
        faults: All faults, each once, errors first. Empty by default.
        is_whole: Whether all images were read. False if Ctrl-C ended the
            inspection. Defaults to True.
    """

    task: str
    class_names: tuple[str, ...] = ()
    parts: list[Part] = dataclasses.field(default_factory=list)
    faults: list[Fault] = dataclasses.field(default_factory=list)
    is_whole: bool = True


class Inspector:
    """Reader of a whole dataset that ends at no fault.

    Args:
        task: Key of `TASKS`.
        source: Name of the dataset.
        limit: Number of images of each part to read, or None for all.
        progress: Progress that is advanced by each image.
    """

    def __init__(
        self, task: str, source: str, limit: int | None, progress: Progress
    ):
        self.task = task
        self.source = source
        self.limit = limit
        self.progress = progress
        self._faults: dict[Fault, None] = {}
        self._names: tuple[str, ...] = ()
        # Places of files and of pixels that were seen.
        self._files: dict[Any, tuple[str, str]] = {}
        self._pixels: dict[bytes, tuple[str, str]] = {}

    def inspect(self) -> Inspection:
        """Read both parts, until the end or Ctrl-C.

        Returns:
            The `Inspection`.

        Raises:
            ValueError: If `source` is not the name of a dataset of the task.
            FileNotFoundError: If the dataset does not exist.
        """
        list_files, load = TASKS[self.task]
        parts, is_whole = [], True
        with gather_faults() as self._faults:
            found: dict[str, Files | None] = {}
            for split in SPLITS:
                with one_entry():
                    found[split] = list_files(self.source, split)
            if not found and len(self._faults) == 1:
                # There is nothing to look at.
                raise ValueError(next(iter(self._faults)).text)
            try:
                for split, files in found.items():
                    part = Part(split)
                    parts.append(part)
                    if files is not None:
                        self._read_files(files, part)
                    else:
                        self._read_stream(load(self.source, split), part)
                self._find_absent(parts)
            except KeyboardInterrupt:
                is_whole = False
        faults = sorted(self._faults, key=lambda fault: not fault.is_error)
        return Inspection(self.task, self._names, parts, faults, is_whole)

    def _warn(self, text: str, is_error: bool = False) -> None:
        self._faults[Fault(text, is_error)] = None

    def _read_files(self, files: Files, part: Part) -> None:
        dataset, self._names, _ = files.data_set()
        stream = iter(dataset)
        for file in files.files[: self.limit]:
            # A dataset continues behind an element that fails.
            try:
                example = _to_numpy(next(stream))
            except tf.errors.OpError as error:
                self._warn(readable_error(error.message, file), True)
                self._look_at_file(file, part)
            else:
                is_double = self._look_at_file(file, part)
                self._add(example, file, part, is_double)
                boxes = example.get("bounding_boxes")
                if boxes is not None and not len(boxes["labels"]):
                    self._warn(f"{path_text(file)} has no valid object")
            self.progress.advance(1)

    def _read_stream(self, data_set: data.DataSet, part: Part) -> None:
        dataset, self._names, _ = data_set
        limit = self.limit
        if limit is None and dataset.cardinality() < 0:
            limit = 200  # of an endless set
        for example in dataset if limit is None else dataset.take(limit):
            own = _to_numpy(example)
            self._add(own, f"{self.source}: {own['image_id'].decode()}", part)
            self.progress.advance(1)

    def _look_at_file(self, file: str, part: Part) -> bool:
        """Note what the header of a file says, and whether it is a double."""
        if not os.path.isfile(file):
            return False
        for fault in header_faults(file):
            self._warn(fault)
        key = file_identity(file)
        return self._is_double(self._files, key, file, part, "are one file")

    def _is_double(self, seen, key, place, part, what) -> bool:
        text = path_text(place)
        if key not in seen:
            seen[key] = (text, part.name)
            return False
        other, split = seen[key]
        if split == part.name:
            self._warn(
                f"{text} and {other} {what}, twice in {split}. Remove one"
            )
        else:
            self._warn(
                f"{text} of {part.name} and {other} of {split} {what}: "
                "held-out images must not be trained on. Remove one",
                True,
            )
        return True

    def _add(
        self, example: dict, place: str, part: Part, is_double: bool = False
    ) -> None:
        image = example["images"]
        part.images += 1
        part.sizes.append(image.shape[:2])
        if not is_double:
            key = hashlib.blake2b(
                image.tobytes() + bytes(str(image.shape), "ascii")
            ).digest()
            what = "have the same pixels"
            self._is_double(self._pixels, key, place, part, what)
        part.objects.update(self._labels(example))
        if "bounding_boxes" in example:
            boxes = example["bounding_boxes"]["boxes"]
            part.boxes.extend(boxes[:, 2:] - boxes[:, :2])
        if "instance_masks" in example:
            for fault in mask_faults(example, path_text(place)):
                self._warn(fault)
        if len(part.samples) < SAMPLES:
            part.samples.append(example)

    def _labels(self, example) -> dict[int, int]:
        if "bounding_boxes" in example:
            labels = example["bounding_boxes"]["labels"]
        else:
            labels = example.get("labels", example.get("segmentation_masks"))
        values, counts = np.unique(labels, return_counts=True)
        pairs = zip(values.tolist(), counts.tolist(), strict=True)
        return {label: count for label, count in pairs if label != VOID}

    def _find_absent(self, parts: list[Part]) -> None:
        for part in parts:
            for label, name in enumerate(self._names):
                if part.images and not part.objects[label]:
                    self._warn(
                        f"{self.source}: class {name!r} never occurs in the "
                        f"images of {part.name} that can be read"
                    )


def _to_numpy(example) -> dict:
    return tf.nest.map_structure(lambda tensor: tensor.numpy(), example)
