"""Reading of an array from an untrusted MATLAB file of version 5.

A damaged file can crash a parser that is written in C. This one is written in
Python, reads no more than it is asked for, and compares sizes before it
allocates memory. "MAT-File Format", MathWorks, describes the format.
"""

import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

_HEADER = 128  # bytes
_COMPRESSED, _MATRIX, _NAMES = 15, 14, 1
_STRUCT = 2
# Kinds of stored numbers, and classes of arrays of numbers.
_KINDS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_NUMERIC = range(6, 16)
_COMPLEX = 0x800
# Maximum unpacked size of a file, in bytes. SBD's have less than a megabyte.
_LARGEST = 2**30
_CHUNK = 2**16


def read_field(
    path: Path, variable: str, field: str, max_values: int
) -> np.ndarray:
    """Read a field of a structure.

    Args:
        path: Path of the file.
        variable: Name of the structure.
        field: Name of the field, a matrix of numbers.
        max_values: Greatest number of values of the matrix.

    Returns:
        The matrix (H, W).

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not of version 5, is damaged, or does not
            have this field, or if the matrix is larger than `max_values`. The
            message does not name the file.
    """
    content = path.read_bytes()
    if content[:4] == b"\x89HDF" or content[124:126] in (b"\0\2", b"\2\0"):
        raise ValueError("it is of MATLAB 7.3: save it with the option -v7")
    order = {b"IM": "<", b"MI": ">"}.get(content[126:_HEADER])
    if order is None:
        raise ValueError("it is not a MATLAB file of version 5")
    whole = _Stream(_pieces(content[_HEADER:]), order)
    while not whole.at_end():
        kind, size = whole.tag()
        if kind == _COMPRESSED:
            packed = whole.read(size)
            stream = _Stream(_unpacked(packed), order)
            kind, size = stream.tag()
            rest = 0
        else:
            stream, rest = whole, -size % 8
        if kind != _MATRIX:
            raise ValueError(f"it has an element of kind {kind} on top")
        end = stream.position + size
        found = _find(stream, variable, field, max_values)
        stream.skip(end + rest - stream.position)
        if stream is not whole:
            # Reads to the end, where the checksum is.
            stream.skip_all()
        if found is not None:
            return found
    raise ValueError(f"it has no {variable}")


class _Stream:
    """Bytes that are read once, from beginning to end."""

    def __init__(self, more: Callable[[], bytes], order: str):
        self.more = more
        self.order = order
        self.buffer = b""
        self.position = 0

    def at_end(self) -> bool:
        if not self.buffer:
            self.buffer = self.more()
        return not self.buffer

    def read(self, count: int) -> bytes:
        parts = []
        if count < 0 or self.position + count > _LARGEST:
            raise ValueError("an element has a size that cannot be")
        self.position += count
        while count:
            if self.at_end():
                raise ValueError("it is truncated")
            part, self.buffer = self.buffer[:count], self.buffer[count:]
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def skip(self, count: int) -> None:
        if count < 0:
            raise ValueError("an element is larger than the one around it")
        while count:
            part = min(count, _CHUNK)
            self.read(part)
            count -= part

    def skip_all(self) -> None:
        while not self.at_end():
            self.skip(len(self.buffer))

    def tag(self) -> tuple[int, int]:
        """Read kind and size of an element that holds other elements."""
        kind, size = struct.unpack(f"{self.order}2I", self.read(8))
        return kind, size

    def element(self, most: int) -> tuple[int, bytes]:
        """Read kind and bytes of an element of at most `most` bytes."""
        (word,) = struct.unpack(f"{self.order}I", self.read(4))
        kind, size = word & 0xFFFF, word >> 16
        if size:  # a small element, whose values are in its tag
            if size > 4:
                raise ValueError("a small element has more than four bytes")
            return kind, self.read(4)[:size]
        (size,) = struct.unpack(f"{self.order}I", self.read(4))
        if size > most:
            raise ValueError(f"an element has {size} bytes, not {most}")
        values = self.read(size)
        self.skip(-size % 8)
        return kind, values

    def integers(self, most: int) -> tuple[int, ...]:
        _, values = self.element(4 * most)
        if len(values) % 4:
            raise ValueError("an element of integers is cut")
        return struct.unpack(f"{self.order}{len(values) // 4}i", values)


def _pieces(content: bytes) -> Callable[[], bytes]:
    chunks = (
        content[begin : begin + _CHUNK]
        for begin in range(0, len(content), _CHUNK)
    )
    return lambda: next(chunks, b"")


def _unpacked(packed: bytes) -> Callable[[], bytes]:
    decoder = zlib.decompressobj()
    rest = packed

    def more():
        nonlocal rest
        while rest and not decoder.eof:
            try:
                found = decoder.decompress(rest, _CHUNK)
            except zlib.error as error:
                raise ValueError(f"it is damaged: {error}") from error
            rest = decoder.unconsumed_tail
            if found:
                return found
            if not rest and not decoder.eof:
                break
        if not decoder.eof:
            raise ValueError("it is truncated")
        return b""

    return more


def _find(stream, variable, field, max_values) -> np.ndarray | None:
    """Read the field, or None if the matrix has another name."""
    flags, shape, name = _describe(stream)
    if name != variable:
        return None
    if flags & 0xFF != _STRUCT or math.prod(shape) != 1:
        raise ValueError(f"its {variable} is not a structure")
    (length,) = stream.integers(1)
    _, text = stream.element(2**16)
    if not 0 < length <= 256:
        raise ValueError("its names of fields have no length")
    names = [
        text[begin : begin + length].split(b"\0")[0].decode("latin-1")
        for begin in range(0, len(text), length)
    ]
    for own in names:
        kind, size = stream.tag()
        if kind != _MATRIX:
            raise ValueError(f"its field {own!r} is of kind {kind}")
        if own == field:
            return _numbers(stream, field, max_values)
        stream.skip(size + -size % 8)
    raise ValueError(f"its {variable} has the fields {names}, no {field}")


def _describe(stream):
    flags = stream.integers(2)
    shape = stream.integers(32)
    kind, name = stream.element(256)
    if len(flags) != 2 or len(shape) < 2 or kind != _NAMES or min(shape) < 0:
        raise ValueError("the head of a matrix is damaged")
    return flags[0], shape, name.decode("latin-1")


def _numbers(stream, field, max_values) -> np.ndarray:
    flags, shape, _ = _describe(stream)
    if flags & 0xFF not in _NUMERIC or flags & _COMPLEX or len(shape) != 2:
        raise ValueError(f"its {field} is not a matrix of real numbers")
    count = math.prod(shape)
    if count > max_values:
        raise ValueError(
            f"its {field} has {shape[1]} x {shape[0]} values, more than the "
            f"limit of {max_values}"
        )
    kind, values = stream.element(8 * count)
    if kind not in _KINDS:
        raise ValueError(f"its {field} has numbers of kind {kind}")
    dtype = np.dtype(stream.order + _KINDS[kind])
    if len(values) != count * dtype.itemsize:
        raise ValueError(
            f"its {field} has {len(values)} bytes for {count} values of "
            f"{dtype.itemsize} bytes"
        )
    return np.frombuffer(values, dtype).reshape(shape, order="F")
