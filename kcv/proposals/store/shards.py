"""Files of a `ProposalCache`: the proposals of some hundred images each.

    folder/NAME.images.npz  ids, sizes and checksums of the images, and number
                            and checksum of the boxes of each
    folder/NAME.boxes.npy   boxes of all of them, concatenated

NAME is made of the ids, so that two writers of other images write other files.
Boxes are written before the images that they belong to, and each file whole or
not at all: a cache whose computation was killed is a shorter cache.
"""

import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import NamedTuple

import numpy as np

from kcv.storage import write_whole

_IMAGES, _BOXES = ".images.npz", ".boxes.npy"
_COLUMNS = {"ids", "sizes", "checksums", "counts"}
_CHECKSUMS = "box_checksums"  # Shards of kcv 0.1 have none.


class Computed(NamedTuple):
    """Proposals of an image, and what the image is recognized by."""

    image_id: str
    size: tuple[int, int]  # height, width
    checksum: int  # of its pixels
    boxes: np.ndarray  # (n, 4) float32, best first


def shards(folder: Path) -> list[str]:
    """List the shards that are complete.

    Args:
        folder: Folder of the shards.

    Returns:
        Stems of their files, sorted.
    """
    names = sorted(file.name for file in folder.glob(f"*{_IMAGES}"))
    # What a killed process was writing has a name that begins with a dot.
    return [x.removesuffix(_IMAGES) for x in names if not x.startswith(".")]


def write_shard(folder: Path, done: Sequence[Computed]) -> str:
    """Write a shard of at least one image.

    Args:
        folder: Folder of the shards.
        done: Proposals of the images.

    Returns:
        Stem of the files of the shard.
    """
    ids, sizes, checksums, boxes = zip(*done, strict=True)
    # Who has to repeat the work writes the same file.
    stem = hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]
    boxes = [np.asarray(own, np.float32).reshape(-1, 4) for own in boxes]
    write_whole(
        folder / f"{stem}{_BOXES}",
        lambda file: np.save(file, np.concatenate(boxes)),
    )
    columns: dict[str, Any] = {
        "ids": np.array(ids),
        "sizes": np.array(sizes, np.int32),
        "checksums": np.array(checksums, np.uint32),
        "counts": np.array([len(own) for own in boxes]),
        "box_checksums": np.array([checksum(own) for own in boxes], np.uint32),
    }
    write_whole(
        folder / f"{stem}{_IMAGES}", lambda file: np.savez(file, **columns)
    )
    return stem


class Shard:
    """A shard whose boxes stay in the file until they are used.

    Args:
        folder: Folder of the cache.
        stem: Name of the shard.

    Raises:
        ValueError: If a file of the shard is missing or damaged. The message
            says which files to delete.
    """

    def __init__(self, folder: Path, stem: str):
        self.folder = folder
        self.stem = stem
        self.images: list[tuple[str, tuple[int, int], int]] = []
        try:
            # NumPy leaves a file open that it cannot read.
            with (
                open(folder / f"{stem}{_IMAGES}", "rb") as file,
                np.load(file) as arrays,
            ):
                columns = {name: arrays[name] for name in arrays.files}
            # Those of COCO are 4 GB together.
            self._boxes = np.load(folder / f"{stem}{_BOXES}", mmap_mode="r")
            self._read(columns)
        except Exception as error:  # NumPy and zipfile raise a dozen kinds
            raise self._damage(error) from error

    def boxes(self, row: int) -> np.ndarray:
        """Return the boxes of an image, after a check of their CRC-32.

        Args:
            row: Number of the image in the shard, from 0.

        Returns:
            Boxes (n, 4) float32.
        """
        start, end = self._starts[row], self._starts[row + 1]
        own = np.array(self._boxes[start:end])
        if self._checksums is not None and checksum(own) != int(
            self._checksums[row]
        ):
            raise self._damage(
                f"the boxes of image {self.images[row][0]!r} are not those "
                "that were written"
            )
        return own

    def _read(self, columns):
        """Take over the columns, if they agree with one another."""
        counts, self._checksums = columns["counts"], columns.get(_CHECKSUMS)
        given = {*columns} - {_CHECKSUMS}
        if given != _COLUMNS:
            raise ValueError(f"{sorted(given)} must be {sorted(_COLUMNS)}")
        lengths = {len(column) for column in columns.values()}
        self._starts = [0, *np.cumsum(counts).tolist()]
        expected = (self._starts[-1], 4)
        if len(lengths) > 1 or (counts < 0).any():
            raise ValueError("its columns do not belong together")
        if self._boxes.shape != expected or self._boxes.dtype != np.float32:
            raise ValueError(
                f"its boxes must be {expected} float32. Received: "
                f"{self._boxes.shape} {self._boxes.dtype}"
            )
        self.images = [
            (str(name), (int(height), int(width)), int(pixels))
            for name, (height, width), pixels in zip(
                columns["ids"].tolist(),
                columns["sizes"].tolist(),
                columns["checksums"].tolist(),
                strict=True,
            )
        ]

    def _damage(self, reason) -> ValueError:
        return ValueError(
            f"{self.folder / self.stem}{_IMAGES} and {self.stem}{_BOXES} must "
            f"be a whole shard of proposals: {reason}. Delete both files, and "
            "their proposals are computed again."
        )


def checksum(array: np.ndarray) -> int:
    """Compute the CRC-32 of the values of an array.

    Args:
        array: Array of any shape.

    Returns:
        The number, below 2^32.
    """
    return zlib.crc32(np.ascontiguousarray(array).data)
