"""What a worker does about a shard: it reads examples and writes them."""

import dataclasses
import functools
import json
import threading
from collections.abc import Callable
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

import numpy as np

from kcv.parts import PartFiles
from kcv.quiet_tensorflow import load_tensorflow
from kcv.storage import write_whole

if TYPE_CHECKING:
    import tensorflow as tf

_opening = threading.Lock()


class Source(NamedTuple):
    """A split of a dataset, by the words of a command line.

    Attributes:
        task: Task that the dataset is for.
        data: Name of the dataset.
        split: "train" or "test".
        boxes: Rule about boxes outside their image: "raise", "clip" or "drop".
        on_error: Rule about images that cannot be decoded: "raise" or "skip".
    """

    task: str
    data: str
    split: str
    boxes: str
    on_error: str


@dataclasses.dataclass(frozen=True)
class ShardWork:
    """Writer of the shards of a split.

    Args:
        source: The split.
        files: Files of the shards.
    """

    source: Source
    files: PartFiles

    def __call__(self, number: int, span: tuple[int, int]) -> bytes:
        """Read the examples of a shard, and write its rows of the index.

        Args:
            number: Number of the shard.
            span: Positions of its first example, and behind its last one.

        Returns:
            Content of the shard.
        """
        from kcv.data.formats.shard_writing import write_records

        opened = open_source(self.source)
        begin, end = span
        skipped: list[str] = []
        content, rows = write_records(
            opened.read(begin, end, self.source.on_error, skipped),
            opened.files,
            number,
        )
        # Before the shard, which says that the part is done.
        write_whole(
            self._rows_file(number),
            lambda file: np.savez(
                file, rows=rows, skipped=np.array(skipped, str)
            ),
        )
        return content

    def finish(self) -> tuple[int, list[str]]:
        """Write the index of all shards, and then the file that describes it.

        Returns:
            Number of images, and the names of those that were skipped.
        """
        from kcv.data.formats.shard_writing import describe_specs
        from kcv.data.formats.shards import FORMAT

        rows, skipped = [], []
        for number in range(self.files.count):
            with np.load(self._rows_file(number)) as arrays:
                rows.append(arrays["rows"])
                skipped += arrays["skipped"].tolist()
        every = np.concatenate(rows)
        folder, split = self.files.folder, self.source.split
        write_whole(
            folder / f"{split}.index.npy", lambda file: np.save(file, every)
        )
        opened = open_source(self.source)
        described = {
            "format": FORMAT,
            "task": self.source.task,
            "data": self.source.data,
            "class_names": list(opened.class_names),
            "shards": self.files.count,
            "images": len(every),
            "skipped": skipped,
            "specs": describe_specs(opened.element_spec),
        }
        text = json.dumps(described, indent=2, ensure_ascii=False)
        write_whole(folder / f"{split}.json", text.encode() + b"\n")
        return len(every), skipped

    def _rows_file(self, number):
        return dataclasses.replace(self.files, ending=".rows.npz").file(number)


class OpenSource:
    """A split that is open: what is in it, and its examples by position.

    Args:
        source: The split.

    Attributes:
        class_names: Names of the classes 0, 1, ...
        size: Number of examples, or None if they do not end.
        files: Image file of each image id, or None if images have no files.
        element_spec: Element spec of the examples.

    Raises:
        ValueError: If the dataset or one of its annotations is wrong.
        FileNotFoundError: If files are missing.
    """

    def __init__(self, source: Source):
        from kcv import data
        from kcv.data.sources.classification import classification_files
        from kcv.data.sources.detection import detection_files
        from kcv.data.sources.faces import face_files
        from kcv.data.sources.images import image_files
        from kcv.data.sources.instances import instance_files
        from kcv.data.sources.segmentation import segmentation_files

        openers: dict[str, tuple[Callable, Callable]] = {
            "classification": (classification_files, data.load_classification),
            "detection": (detection_files, data.load_detection),
            "faces": (face_files, data.load_faces),
            "images": (image_files, data.load_images),
            "masks": (instance_files, data.load_instances),
            "segmentation": (segmentation_files, data.load_segmentation),
        }
        list_files, load = openers[source.task]
        options: dict[str, Any] = {}
        self.size: int | None
        if source.task in ("detection", "masks"):
            options["boxes"] = source.boxes
        self._records = list_files(source.data, source.split, **options)
        self.files: Mapping[str, str] | None = None
        if self._records is not None:
            self.class_names = self._records.class_names
            self.size = len(self._records)
            self.files = dict(
                zip(self._records.image_ids, self._records.files, strict=True)
            )
            self.element_spec = self._records.dataset().element_spec
            return
        self._load = functools.partial(
            load, source.data, source.split, **options
        )
        opened = self._load()
        self.class_names, self.size = opened.class_names, opened.size
        self.element_spec = opened.dataset.element_spec

    def read(
        self, begin: int, end: int, on_error: str, skipped: list[str]
    ) -> "tf.data.Dataset":
        """Stream the examples of a range.

        Args:
            begin: Position of the first example.
            end: Position behind the last one.
            on_error: "raise" an error at an image that cannot be decoded, or
                "skip" it, if images have files.
            skipped: List to which the names of skipped images are appended.

        Returns:
            Dataset of single examples.
        """
        if self._records is not None:
            return self._records.read(begin, end, on_error, skipped)
        return self._load(start=begin).dataset.take(end - begin)


def open_source(source: Source) -> OpenSource:
    """Open a split, unless this process has done so before.

    Args:
        source: The split.

    Returns:
        The open split.
    """
    with _opening:
        load_tensorflow()
        return _open(source)


@functools.lru_cache(2)
def _open(source: Source) -> OpenSource:
    return OpenSource(source)
