"""MNIST's own files, and those of other datasets in the same format.

Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits". A
file consists of a magic number, the length of each dimension, and the values.
Numbers and lengths have four bytes, the most significant byte first. A value
has one byte.
"""

import gzip
import math
import os
import zlib
from pathlib import Path

import numpy as np
import tensorflow as tf

from kcv.data.streams.arrays import stream
from kcv.data.streams.holdout import check_split
from kcv.storage import check_unpacked

_PREFIXES = {"train": "train", "test": "t10k"}
_IMAGES = 2051  # magic number of bytes in three dimensions
_LABELS = 2049  # magic number of bytes in one dimension


def idx(
    folder: str | os.PathLike,
    split: str = "train",
    *,
    seed: int | None = None,
    start: int = 0,
) -> tf.data.Dataset:
    """Read a set in MNIST's format: MNIST, Fashion-MNIST, KMNIST, EMNIST.

    Args:
        folder: Folder with train-images-idx3-ubyte, train-labels-idx1-ubyte,
            t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each with or
            without .gz.
        split: "train" or "test" (t10k). Defaults to "train".
        seed: Integer that determines the shuffling. Every epoch has a different
            order, the stream repeats forever, and example number p is a pure
            function of (folder, split, seed, p). If None, the examples are read
            once, in order. Defaults to None.
        start: Position of the first example, for a run that is resumed.
            Defaults to 0.

    Returns:
        Dataset of single examples: `images` (H, W, 1) uint8, `labels` () int32,
        `image_id` () string.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged or of another format. The message names
            it and the fault.

    Example:

    ```python
    test = kcv.data.idx("/usr/share/datasets/fashion-mnist", "test")
    ```
    """
    images, labels = read_idx(folder, split)
    return stream(images, labels, split, seed, start)


def read_idx(
    folder: str | os.PathLike, split: str = "train"
) -> tuple[np.ndarray, np.ndarray]:
    """Read the images and labels of a split.

    Args:
        folder: Folder with the four files of a set.
        split: "train" or "test". Defaults to "train".

    Returns:
        Tuple of images (N, H, W, 1) uint8 and labels (N,) uint8.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged or of another format.

    Example:

    ```python
    images, labels = kcv.data.read_idx("mnist")
    ```
    """
    images_file = _find(folder, split, "images", 3)
    images = _read(images_file, _IMAGES)
    labels_file = _find(folder, split, "labels", 1)
    labels = _read(labels_file, _LABELS)
    if len(images) != len(labels):
        raise ValueError(
            f"{images_file} has {len(images)} images and {labels_file} "
            f"{len(labels)} labels"
        )
    if not images.size:
        raise ValueError(f"{images_file} holds no images")
    return images[..., np.newaxis], labels


def idx_class_names(folder: str | os.PathLike) -> tuple[str, ...]:
    """Name the classes of both splits by their numbers.

    Args:
        folder: Folder with the four files of a set.

    Returns:
        "0", "1", ... up to the largest label.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is damaged or of another format.
    """
    largest = max(
        int(_read(_find(folder, split, "labels", 1), _LABELS).max())
        for split in _PREFIXES
    )
    return tuple(map(str, range(largest + 1)))


def _find(folder, split, what, dimensions):
    check_split(split)
    stem = f"{_PREFIXES[split]}-{what}"
    # Some mirrors have a dot in place of the hyphen.
    names = [f"{stem}{sign}idx{dimensions}-ubyte" for sign in "-."]
    for name in [*names, *(f"{name}.gz" for name in names)]:
        if (file := Path(folder) / name).is_file():
            return file
    raise FileNotFoundError(f"{folder} has neither {names[0]} nor its .gz")


def _read(file, magic):
    dimensions = magic % 256
    size = 4 + 4 * dimensions
    packed = file.stat().st_size
    try:
        with (gzip.open if file.suffix == ".gz" else open)(
            file, "rb"
        ) as stream:
            head = stream.read(size)
            if len(head) < size:
                raise ValueError(
                    f"{file} has {len(head)} bytes, fewer than the {size} of a "
                    "header"
                )
            found, *shape = np.frombuffer(head, ">u4").tolist()
            if found != magic:
                raise ValueError(
                    f"{file}: the magic number is {found}, not {magic}"
                )
            # Python's integers do not overflow, unlike NumPy's.
            count = math.prod(shape)
            check_unpacked(file, packed, count)
            # One more than announced, to see whether there is more.
            content = stream.read(count + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{file} cannot be unpacked. It is truncated or not a gzip file: "
            f"{error}"
        ) from error
    if len(content) != count:
        there = "more" if len(content) > count else len(content)
        raise ValueError(
            f"{file}: the header announces {' x '.join(map(str, shape))} "
            f"bytes, and {there} follow"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)
