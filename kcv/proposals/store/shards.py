"""Files of a `ProposalCache`: the proposals of some hundred images each.

    folder/00000.images.npz  ids, sizes and checksums of the images
    folder/00000.boxes.npy   their boxes, one below the other

Boxes are written before the images that they belong to, each file under
another name first: a cache whose making was killed is a shorter one.
"""

import os
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO
from typing import NamedTuple

import numpy as np

_IMAGES, _BOXES = ".images.npz", ".boxes.npy"


class Computed(NamedTuple):
    """What is kept of an image."""

    image_id: str
    size: tuple[int, int]  # height, width
    checksum: int  # of its pixels
    boxes: np.ndarray  # (n, 4) float32, best first


def shards(folder: Path) -> list[str]:
    """List the stems of the shards that are whole."""
    files = sorted(folder.glob(f"*{_IMAGES}"))
    return [file.name.removesuffix(_IMAGES) for file in files]


def write_shard(folder: Path, stem: str, done: Sequence[Computed]) -> None:
    """Write a shard of one image at least."""
    ids, sizes, checksums, boxes = zip(*done, strict=True)
    together = np.concatenate(boxes)
    write(folder / f"{stem}{_BOXES}", lambda out: np.save(out, together))
    write(
        folder / f"{stem}{_IMAGES}",
        lambda out: np.savez(
            out,
            ids=np.array(ids),
            sizes=np.array(sizes, np.int32),
            checksums=np.array(checksums, np.uint32),
            counts=np.array([len(own) for own in boxes]),
        ),
    )


def read_shard(folder: Path, stem: str) -> Iterator[Computed]:
    """Read a shard; boxes stay in the file until they are used."""
    with np.load(folder / f"{stem}{_IMAGES}") as images:
        columns = [
            images[key].tolist()
            for key in ("ids", "sizes", "checksums", "counts")
        ]
    # Of all of COCO 4 GB.
    boxes = np.load(folder / f"{stem}{_BOXES}", mmap_mode="r")
    start = 0
    for image_id, size, checksum, count in zip(*columns, strict=True):
        own = boxes[start : start + count]
        yield Computed(image_id, tuple(size), checksum, own)
        start += count


def write(file: Path, write_to: Callable[[BinaryIO], object]) -> None:
    """Write under another name and rename: a killed run leaves no half."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as out:
            write_to(out)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
