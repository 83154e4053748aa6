"""Datasets in shards: some large files instead of a million small ones.

    folder/test.json                        what the examples have
    folder/test.index.npy                   where each example is
    folder/test-00000-of-00008.tfrecord     some hundred examples

An example is a record of TFRecord that holds a `tf.train.Example`. Each of its
keys has one string of bytes: an image file, or the values of an array. The
index is mapped into memory, so that a set of a million images opens at once,
and each example can be read at any time.
"""

import copy
import hashlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import Self

import numpy as np
import tensorflow as tf

from kcv.data.formats.shard_specs import ArraySpec
from kcv.data.streams.decoding import decode
from kcv.data.streams.ordering import visit
from kcv.examples import DataSet
from kcv.text_files import read_object

#: Columns of the index: number of the shard, place and size of the record in
#: bytes, CRC-32 of the record, class of the image or -1, and the hash by which
#: validation images are drawn.
ROW = np.dtype(
    [
        ("shard", "<u4"),
        ("size", "<u4"),
        ("offset", "<u8"),
        ("checksum", "<u4"),
        ("label", "<i4"),
        ("hash", "<u8"),
    ]
)
#: Version of this form of files.
FORMAT = 1

# Records that one call of Python reads.
_CHUNK = 16


class Shards:
    """Examples of one split in shards, which `python -m kcv shard` writes.

    Args:
        folder: Folder of the shards.
        split: "train" or "test".

    Attributes:
        class_names: Names of the classes 0, 1, ...
        origin: Name of the set in messages.

    Raises:
        FileNotFoundError: If the folder does not have the split.
        ValueError: If a file is damaged or of another version.

    Example:

    ```python
    shards = Shards("coco_shards", "train")
    dataset = shards.dataset(seed=1)
    ```
    """

    def __init__(self, folder: str | os.PathLike, split: str):
        self._folder, self._split = Path(folder), split
        self.origin = f"{folder} ({split})"
        # Names of folders need not be UTF-8.
        self._place = os.fsencode(f"{self.origin}, image ")
        described = self._folder / f"{split}.json"
        if not described.is_file():
            raise FileNotFoundError(
                f"{folder} has no split {split!r}: {described.name} does not "
                "exist. `python -m kcv shard` writes it after the last shard."
            )
        found = read_object(described)
        if found.get("format") != FORMAT:
            raise ValueError(
                f"{described}: `format` must be {FORMAT}. Received: "
                f"format={found.get('format')!r}"
            )
        try:
            self._specs = {
                name: ArraySpec(**own) for name, own in found["specs"].items()
            }
            self._count = int(found["shards"])
            self.class_names = tuple(map(str, found["class_names"]))
            self._rows = np.load(
                self._folder / f"{split}.index.npy", mmap_mode="r"
            )
            if self._rows.dtype != ROW or self._rows.ndim != 1:
                raise ValueError(f"the index has type {self._rows.dtype}")
            if len(self._rows) != found["images"]:
                raise ValueError(f"the index has {len(self._rows)} images")
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise ValueError(
                f"{described} and {split}.index.npy must be those that "
                f"`python -m kcv shard` has written: {error}"
            ) from error
        # Positions in the index, if they are not all, and the number of each
        # person, if it is another one.
        self._chosen: np.ndarray | None = None
        self._numbers: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self._rows if self._chosen is None else self._chosen)

    @property
    def labels(self) -> np.ndarray:
        """Class of each image, or person on it, (N,) int32."""
        labels = self._column("label")
        return labels if self._numbers is None else self._numbers[labels]

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of an example."""
        return tuple(dict.fromkeys(name.split("/")[0] for name in self._specs))

    def divide(self, part: float, inside: bool) -> Self:
        """Select a part of the images at random, or the others.

        It is the part that the files have which the shards were made of.

        Args:
            part: Part of the images of each class, in (0, 1), rounded to at
                least one image.
            inside: Whether to select the part.

        Returns:
            The examples of the part, or the others.

        Raises:
            ValueError: If no image is left to train on.
        """
        hashes, labels = self._column("hash"), self._column("label")
        order = np.lexsort((hashes, labels))
        counts = np.unique(labels, return_counts=True)[1]
        drawn = np.minimum(np.round(part * counts), counts - 1).astype(int)
        if not drawn.any():
            order = np.argsort(hashes, kind="stable")
            counts, drawn = np.array([len(order)]), np.array([1])
        # Place of each image in its class, in the order of the hashes.
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        is_drawn = np.arange(len(order)) - starts < np.repeat(drawn, counts)
        if is_drawn.all():
            raise ValueError(
                f"{self.origin} has {len(self)} images to train on, and "
                f"validation={part} leaves none of them"
            )
        return self._take(np.sort(order[is_drawn == inside]))

    def only_people(self, wanted: Callable[[str], bool]) -> Self:
        """Select people, who are numbered from 0 in the same order.

        Args:
            wanted: Function of a name that returns whether to select the
                person.

        Returns:
            Their photos, in the same order.

        Raises:
            ValueError: If nobody is selected.
        """
        return self._take_people([wanted(name) for name in self.class_names])

    def with_photos(self, minimum: int) -> Self:
        """Select the people who have enough photos.

        Args:
            minimum: Smallest number of photos of a person.

        Returns:
            Their photos, in the same order.

        Raises:
            ValueError: If nobody has so many photos.
        """
        counts = np.bincount(self.labels, minlength=len(self.class_names))
        return self._take_people(counts >= minimum)

    def _take_people(self, people) -> Self:
        people = np.asarray(people)
        if not people.any():
            raise ValueError(
                f"{self.origin} must have a person that is selected. Received: "
                f"none of {len(people)} people"
            )
        labels = self.labels
        taken = self._take(np.flatnonzero(people[labels]))
        numbers = np.where(people, np.cumsum(people) - 1, -1).astype(np.int32)
        before = self._numbers
        taken._numbers = numbers if before is None else numbers[before]
        names = zip(self.class_names, people, strict=True)
        taken.class_names = tuple(name for name, own in names if own)
        return taken

    def _take(self, positions) -> Self:
        taken = copy.copy(self)
        taken._chosen = positions
        if self._chosen is not None:
            taken._chosen = self._chosen[positions]
        return taken

    def _column(self, name: str) -> np.ndarray:
        values = self._rows[name]
        return np.array(
            values if self._chosen is None else values[self._chosen]
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
            seed: Integer that determines the shuffling. Every epoch has a
                different order, the stream repeats forever, and example number
                p is a pure function of (shards, seed, p). If None, the
                examples are read once, in their order. Defaults to None.
            start: Position of the first example, for a run that is resumed.
                Defaults to 0.
            on_error: "raise" an error at an image that cannot be decoded, or
                "skip" it. Defaults to "raise".
            skipped: List to which the ids of skipped images are appended. If
                None, they are only logged. Defaults to None.

        Returns:
            Dataset of single examples, see `kcv.examples`.
        """
        order = visit(len(self), seed, start)
        return self._stream(order, on_error, skipped)

    def pick(self, indices: tf.data.Dataset) -> tf.data.Dataset:
        """Stream selected examples, each as often as its index occurs.

        Args:
            indices: Dataset of () int64, positions in the set.

        Returns:
            Dataset of single examples in this order.
        """
        return self._stream(indices, "raise", None)

    def data_set(
        self,
        seed: int | None = None,
        start: int = 0,
        on_error: str = "raise",
        skipped: list[str] | None = None,
        keys: tuple[str, ...] | None = None,
    ) -> DataSet:
        """Stream the examples of a task, with class names and number.

        Args:
            seed: Integer that determines the shuffling. If None, the examples
                are read once. Defaults to None.
            start: Position of the first example. Defaults to 0.
            on_error: "raise" or "skip". Defaults to "raise".
            skipped: List to which the ids of skipped images are appended. If
                None, they are only logged. Defaults to None.
            keys: Keys that an example of the task has. Others are left out.
                If None, all are kept. Defaults to None.

        Returns:
            The `DataSet` (dataset, class_names, size).

        Raises:
            ValueError: If the shards are those of another task.
        """
        keys = keys or self.keys
        missing = {*keys} - {*self.keys}
        if missing:
            raise ValueError(
                f"{self.origin} must have {', '.join(sorted(missing))} for "
                f"this task. Received: shards with {', '.join(self.keys)}"
            )
        dataset = self.dataset(seed, start, on_error, skipped)
        if {*keys} != {*self.keys}:
            dataset = dataset.map(
                lambda example: {key: example[key] for key in keys}
            )
        return DataSet(dataset, self.class_names, len(self))

    def _stream(self, indices, on_error, skipped):
        count = indices.cardinality()

        def read(positions):
            records = tf.numpy_function(
                self._read, [positions], tf.string, stateful=False
            )
            return tf.ensure_shape(records, (None,))

        records = (
            indices.batch(_CHUNK)
            .map(read, tf.data.AUTOTUNE, deterministic=True)
            .unbatch()
            .apply(tf.data.experimental.assert_cardinality(count))
        )
        examples = decode(
            records.map(self._parse),
            lambda example: example["encoded"],
            on_error,
            skipped,
            len(self),
        )
        return examples.map(self._finish, tf.data.AUTOTUNE, deterministic=True)

    def _read(self, positions):
        """Read records, given by their positions."""
        if self._chosen is not None:
            positions = self._chosen[positions]
        rows = self._rows[positions]
        # Of bytes with zeros at their end, too.
        return np.array([self._record(row) for row in rows], object)

    def _record(self, row) -> bytes:
        name = f"{self._split}-{row['shard']:05}-of-{self._count:05}.tfrecord"
        size, offset = int(row["size"]), int(row["offset"])
        # Not kept open: there may be more shards than files may be open.
        with open(self._folder / name, "rb", buffering=0) as file:
            file.seek(offset)
            record = file.read(size)
        if len(record) != size or zlib.crc32(record) != row["checksum"]:
            raise ValueError(
                f"{self._folder / name} is damaged at byte {offset}. Delete "
                f"it and {self._split}.json, and `python -m kcv shard` writes "
                "it again."
            )
        return record

    def _parse(self, record):
        features = {
            name: tf.io.FixedLenFeature((), tf.string) for name in self._specs
        }
        found = tf.io.parse_single_example(record, features)
        encoded = found.pop("images")
        return {
            "file": tf.strings.join([self._place, found["image_id"]]),
            "encoded": encoded,
            "found": found,
        }

    def _finish(self, example):
        image = example["images"]
        shape = self._specs["images"].shape
        finished: dict[str, Any] = {
            "images": tf.ensure_shape(image[..., : shape[-1]], shape)
        }
        for name, content in example["found"].items():
            value = self._specs[name].decode(content, image)
            if name == "labels" and self._numbers is not None:
                value = tf.gather(self._numbers, value)
            first, _, second = name.partition("/")
            if second:
                finished.setdefault(first, {})[second] = value
            else:
                finished[first] = value
        return finished


def validation_hash(image_id: str) -> int:
    """Compute the hash by which validation images are drawn.

    Its order is that of `kcv.data.streams.holdout.draw_validation`.

    Args:
        image_id: Name of the image.

    Returns:
        Integer of 64 bits.
    """
    digest = hashlib.sha256(f"validation/{image_id}".encode()).digest()
    return int.from_bytes(digest[:8])
