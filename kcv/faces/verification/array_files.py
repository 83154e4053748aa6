"""Files of fitted verifiers and galleries: named arrays in one .npz."""

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kcv.storage import write_whole

_KIND = "kind"
# A gallery of a million people with ten photos and 128 dimensions is smaller.
_LARGEST = 16 * 2**30


def write_arrays(
    path: str | os.PathLike, kind: str, arrays: Mapping[str, np.ndarray]
) -> None:
    """Write arrays to a file, completely or not at all.

    Args:
        path: Path of the file, in a folder that exists.
        kind: Kind of the arrays, for example "JointBayesian".
        arrays: Arrays by name, without Python objects.

    Raises:
        OSError: If the file cannot be written.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, array in {_KIND: np.array(kind), **arrays}.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)
    write_whole(path, content.getvalue())


def read_arrays(
    path: str | os.PathLike, kind: str, names: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """Read the arrays that `write_arrays` has written.

    Args:
        path: Path of the file.
        kind: Required kind of the arrays.
        names: Names of the arrays that there must be, each with its number of
            dimensions.

    Returns:
        Arrays by name. Those of numbers are finite.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is damaged or of another kind, an array is
            missing or has another number of dimensions, or a number is not
            finite. The message begins with the path.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as file:
            size = sum(_checked_size(file, info) for info in file.infolist())
            if size > _LARGEST:
                raise ValueError(f"it has {size} bytes")
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in (_KIND, *names)}
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as e:
        raise ValueError(f"{path}: The file is not a {kind}: {e}") from e
    if str(found.pop(_KIND)) != kind:
        raise ValueError(f"{path}: The file is not a {kind}.")
    for name, array in found.items():
        if array.ndim != names[name]:
            raise ValueError(
                f"{path}: `{name}` must have {names[name]} dimensions. "
                f"Received: {name} of shape {array.shape}"
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{path}: `{name}` must be finite.")
    return found


def _checked_size(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    """Compare the shape that an array claims to have with its bytes."""
    formats = np.lib.format
    with file.open(info) as stream:
        version = formats.read_magic(stream)
        if version[0] == 1:
            shape, _, dtype = formats.read_array_header_1_0(stream)
        else:
            shape, _, dtype = formats.read_array_header_2_0(stream)
        begin = stream.tell()
    # Python's integers do not overflow, unlike NumPy's.
    size = dtype.itemsize
    for side in shape:
        size *= int(side)
    if size != info.file_size - begin:
        raise ValueError(f"{info.filename} has another size than it claims")
    return info.file_size
