"""The two ways in which Torch7 writes numbers and strings to a file."""

import re
import struct
from collections.abc import Callable
from typing import NoReturn

import numpy as np

_DTYPES = {
    "Byte": "u1",
    "Char": "i1",
    "Short": "i2",
    "Int": "i4",
    "Half": "f2",
    "Float": "f4",
    "Double": "f8",
}


class Torch7Error(Exception):
    """What is wrong at a place of a file.

    Args:
        offset: Number of bytes before the place.
        problem: Clause that says what is wrong.
    """

    def __init__(self, offset: int, problem: str):
        super().__init__(problem)
        self.offset = offset


class BinaryEncoding:
    """Numbers as a little-endian machine has them in memory.

    Args:
        data: Content of the file.
        long_size: Number of bytes of a `long`, 8 or 4.
    """

    def __init__(self, data: bytes, long_size: int):
        self._data = data
        self._position = 0
        self._last = 0  # where the last number or string begins
        self._long = np.dtype(f"<i{long_size}")

    def fail(self, problem: str) -> NoReturn:
        """Raise an error at the last number or string.

        Args:
            problem: Clause that says what is wrong.

        Raises:
            Torch7Error: Always.
        """
        raise Torch7Error(self._last, problem)

    def require_end(self) -> None:
        """Raise an error if the file continues.

        Raises:
            Torch7Error: If bytes are left.
        """
        rest = len(self._data) - self._position
        if rest:
            self._last = self._position
            self.fail(f"the object ends, but the file has {rest} more bytes")

    def dtype(self, name: str) -> np.dtype:
        """Return the type of the values of a tensor.

        Args:
            name: First part of the name of the tensor's class, such as "Float".

        Returns:
            The type as it stands in the file.
        """
        return self._long if name == "Long" else np.dtype(f"<{_DTYPES[name]}")

    def read_int(self) -> int:
        """Read an `int`, which has 32 bits.

        Returns:
            The number.
        """
        return struct.unpack("<i", self._take(4))[0]

    def read_double(self) -> float:
        """Read a `double`.

        Returns:
            The number.
        """
        return struct.unpack("<d", self._take(8))[0]

    def read_longs(self, count: int) -> list[int]:
        """Read integers of the type `long`.

        Args:
            count: Number of integers.

        Returns:
            The numbers.
        """
        size = count * self._long.itemsize
        return np.frombuffer(self._take(size), self._long).tolist()

    def read_string(self) -> str:
        """Read a string of any bytes.

        Returns:
            The string, with a character of Latin 1 for each byte.
        """
        # Lua's strings have no encoding. Every byte is a character of Latin 1.
        return bytes(self._take(self.read_int())).decode("latin-1")

    def read_storage(self, dtype: np.dtype) -> np.ndarray:
        """Read the values of a storage.

        Args:
            dtype: Type of the values, as `dtype` returns it.

        Returns:
            The values, a one-dimensional array.
        """
        (count,) = self.read_longs(1)
        return np.frombuffer(self._take(count * dtype.itemsize), dtype)

    def _take(self, size):
        self._last = self._position
        rest = len(self._data) - self._position
        if not 0 <= size <= rest:
            self.fail(f"{size} bytes must follow, and the file has {rest} more")
        self._position += size
        # A view: the memory of the file is that of its tensors.
        return memoryview(self._data)[self._last : self._position]


class AsciiEncoding(BinaryEncoding):
    """Numbers as decimals, with a line break behind each or behind a list.

    Args:
        data: Content of the file.
    """

    _WORD = re.compile(rb"\s*(\S{0,64})")

    def __init__(self, data: bytes):
        super().__init__(data, long_size=8)

    def require_end(self) -> None:
        if self._data[self._position :].strip():
            super().require_end()

    def read_int(self) -> int:
        return self._read_numbers(int, 1)[0]

    def read_double(self) -> float:
        return self._read_numbers(float, 1)[0]

    def read_longs(self, count: int) -> list[int]:
        return self._read_numbers(int, count)

    def read_string(self) -> str:
        string = super().read_string()
        self._skip_line_break(bool(string))
        return string

    def read_storage(self, dtype: np.dtype) -> np.ndarray:
        if dtype.itemsize == 1:  # written as bytes in this mode, too
            storage = super().read_storage(dtype)
            self._skip_line_break(bool(len(storage)))
            return storage
        (count,) = self.read_longs(1)
        if count == 0:
            return np.zeros(0, dtype)
        self._last = self._position
        end = self._data.find(b"\n", self._position)
        end = len(self._data) if end < 0 else end
        words = self._data[self._position : end].split()
        if len(words) != count:
            self.fail(f"a line of {count} numbers has {len(words)}")
        self._position = end + 1
        kind = float if dtype.kind == "f" else int
        numbers = (self._parse(kind, word) for word in words)
        try:
            return np.fromiter(numbers, dtype, count)
        except OverflowError:
            self.fail(f"a number does not fit into {dtype}")

    def _read_numbers(self, kind, count):
        numbers = []
        for _ in range(count):
            match = self._WORD.match(self._data, self._position)
            self._last = match.start(1)
            numbers.append(self._parse(kind, match[1]))
            self._position = match.end()
        self._skip_line_break(count > 0)
        return numbers

    def _parse(self, kind: Callable, word: bytes) -> float:
        try:
            return kind(word)
        except ValueError:
            self.fail(f"{word[:20]!r} stands where a number must be")

    def _skip_line_break(self, is_written):
        if is_written and self._data.startswith(b"\n", self._position):
            self._position += 1
