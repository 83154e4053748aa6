"""Files of a `ProposalCache`: the proposals of some hundred images each.

    folder/00000.images.npz  ids, sizes and checksums of the images
    folder/00000.boxes.npy   boxes of all of them, concatenated

Boxes are written before the images that they belong to, and each file whole or
not at all: a cache whose computation was killed is a shorter cache.
"""

from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kcv.storage import write_whole

_IMAGES, _BOXES = ".images.npz", ".boxes.npy"


class Computed(NamedTuple):
    """Proposals of an image, and what the image is recognized by."""

    image_id: str
    size: tuple[int, int]  # height, width
    checksum: int  # of its pixels
    boxes: np.ndarray  # (n, 4) float32, best first


def shards(folder: Path) -> list[str]:
    """List the stems of the shards that are whole."""
    names = sorted(file.name for file in folder.glob(f"*{_IMAGES}"))
    # What a killed process was writing has a name that begins with a dot.
    return [x.removesuffix(_IMAGES) for x in names if not x.startswith(".")]


def write_shard(folder: Path, stem: str, done: Sequence[Computed]) -> None:
    """Write a shard of at least one image."""
    ids, sizes, checksums, boxes = zip(*done, strict=True)
    write_whole(
        folder / f"{stem}{_BOXES}",
        lambda path: np.save(path, np.concatenate(boxes)),
    )
    write_whole(
        folder / f"{stem}{_IMAGES}",
        lambda path: np.savez(
            path,
            ids=np.array(ids),
            sizes=np.array(sizes, np.int32),
            checksums=np.array(checksums, np.uint32),
            counts=np.array([len(own) for own in boxes]),
        ),
    )


def read_shard(folder: Path, stem: str) -> Iterator[Computed]:
    """Read a shard. Boxes stay in the file until they are used."""
    with np.load(folder / f"{stem}{_IMAGES}") as images:
        columns = [
            images[key].tolist()
            for key in ("ids", "sizes", "checksums", "counts")
        ]
    # Those of COCO are 4 GB together.
    boxes = np.load(folder / f"{stem}{_BOXES}", mmap_mode="r")
    start = 0
    for image_id, size, checksum, count in zip(*columns, strict=True):
        own = boxes[start : start + count]
        yield Computed(image_id, tuple(size), checksum, own)
        start += count
