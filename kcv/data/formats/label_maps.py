"""Reading of label maps: files with a class for each pixel."""

import io
import os
import zlib
from pathlib import Path

import numpy as np

from kcv.data.formats.mat_files import read_field
from kcv.extras import describe_installation
from kcv.pixels import pixel_limit

#: Suffixes of the files that `read_label_map` reads.
LABEL_SUFFIXES = (".png", ".mat")

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Pillow's names of images whose values are numbers, not colors.
_INDEX_MODES = ("1", "L", "P", "I", "I;16")


def read_label_map(path: str | os.PathLike) -> np.ndarray:
    """Read the label of every pixel, as it stands in the file.

    In a PNG file with a palette, as in VOC, the palette indices are the labels,
    and the colors are only for display. In a gray PNG file, the gray values are
    the labels. A MATLAB file must have the form of the Semantic Boundaries
    Dataset (Hariharan et al. 2011).

    Args:
        path: Path of a .png or .mat file.

    Returns:
        Labels (H, W) uint8, where 255 is void.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file has no labels, or a label above 255.
        ImportError: If a package of the extra `kcv[segmentation]` is not
            installed.

    Example:

    ```python
    labels = kcv.data.read_label_map("SegmentationClass/2007_000032.png")
    ```
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"the label map {path} does not exist")
    try:
        is_mat = path.suffix.lower() == ".mat"
        labels = _read_sbd(path) if is_mat else _read_png(path)
    except ImportError:
        raise
    except Exception as error:  # Pillow raises many types
        kind = "MATLAB file of labels" if is_mat else "PNG"
        raise ValueError(f"{path} is not a whole {kind}: {error}") from error
    if labels.ndim != 2 or not labels.size:
        raise ValueError(
            f"{path} must have a label for each pixel. Received: labels of "
            f"shape {labels.shape}"
        )
    if labels.dtype.kind == "f" and not (labels == np.rint(labels)).all():
        wrong = labels[labels != np.rint(labels)][0]
        raise ValueError(f"{path} has label {wrong}. Labels must be integers")
    if labels.min() < 0 or labels.max() > 255:
        wrong = labels.min() if labels.min() < 0 else labels.max()
        raise ValueError(
            f"{path} has label {wrong}. Labels must be from 0 to 254, or 255 "
            "for void"
        )
    return labels.astype(np.uint8)


def _read_png(path):
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"Label maps need Pillow. {describe_installation('segmentation')}"
        ) from error
    content = path.read_bytes()
    _check_png(content)
    with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
        if image.width * image.height > pixel_limit():
            raise ValueError(
                f"it has {image.width} x {image.height} pixels, more than the "
                f"limit of {pixel_limit()} (KCV_MAX_PIXELS)"
            )
        mode, labels = image.mode, np.asarray(image)
    if mode not in _INDEX_MODES:
        raise ValueError(
            f"it has colors ({mode}) where labels are needed. Save it as a PNG "
            "with a palette or of gray values, whose indices or values are the "
            "classes"
        )
    return labels


def _check_png(content):
    """Compare the checksums of all parts, which Pillow does for some only."""
    if not content.startswith(_SIGNATURE):
        raise ValueError("it is of another format")
    position, name = len(_SIGNATURE), b""
    while name != b"IEND":
        head = content[position : position + 8]
        if len(head) < 8:
            raise ValueError("it is truncated")
        size, name = int.from_bytes(head[:4], "big"), head[4:]
        end = position + 8 + size
        check = int.from_bytes(content[end : end + 4], "big")
        if end + 4 > len(content):
            raise ValueError("it is truncated")
        if zlib.crc32(content[position + 4 : end]) != check:
            raise ValueError(f"the checksum of its part {name!r} is wrong")
        position = end + 4


def _read_sbd(path):
    return read_field(path, "GTcls", "Segmentation", pixel_limit())


def count_labels(path: str | os.PathLike) -> np.ndarray:
    """Count the pixels of each label of a file.

    Args:
        path: Path of a .png or .mat file.

    Returns:
        Number of pixels of each label, (256,) int64.

    Raises:
        ValueError: If the file has no labels.
    """
    return np.bincount(read_label_map(path).ravel(), minlength=256)
