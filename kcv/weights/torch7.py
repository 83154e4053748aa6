"""Read the files of Torch7, the Lua predecessor of PyTorch.

A file is a tree of objects in the encoding of `torch.save`: numbers, strings,
tables, tensors, and objects of classes such as "nn.Linear". Files come from
strangers. No code of a file is run, an object takes no more memory than the
file has bytes for it, and every error names the file and the place in it.
"""

import math
import os
import re
from collections.abc import Generator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kcv.weights.torch7_encoding import AsciiEncoding
from kcv.weights.torch7_encoding import BinaryEncoding
from kcv.weights.torch7_encoding import Torch7Error

_NIL, _NUMBER, _STRING, _TABLE, _OBJECT, _BOOLEAN = range(6)
_PLAIN_FUNCTION = 6  # of early versions: it has no index
_FUNCTIONS = (7, 8)

_ARRAY = re.compile(
    r"torch\.(Cuda)?(Byte|Char|Short|Int|Long|Half|Float|Double|)"
    r"(Tensor|Storage)$"
)
_MAX_DIMENSIONS = 32
_MAX_BYTES = 2**62  # of a tensor; one with a stride of 0 takes no memory

_UNFINISHED = object()  # a tensor or storage that is being read


class TorchObject(dict):
    """The fields of an object of a Lua class, by name.

    Two objects are equal only if they are one, as in Lua.

    Args:
        type: Name of the class, such as "nn.SpatialConvolution".

    Example:

    >>> module = TorchObject("nn.Linear")
    >>> module["bias"] = np.zeros(2)
    >>> module
    <nn.Linear: bias>
    """

    def __init__(self, type: str):
        super().__init__()
        self.type = type

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # dictionaries have no hash

    def __repr__(self) -> str:
        return f"<{self.type}: {', '.join(map(str, self))}>"


def read_torch7(path: str | os.PathLike) -> Any:
    r"""Read the object in a file that `torch.save` of Torch7 wrote.

    Binary files of little-endian machines with `long`s of 64 or of 32 bits are
    read, and files in the ascii mode.

    Args:
        path: File, usually with the extension .t7.

    Returns:
        The object. Tables are dictionaries, whose whole numbers are integers;
        `entries` lists those that are arrays in Lua. Tensors and storages are
        read-only NumPy arrays, which share memory as they do in Torch. Objects
        of any other class are `TorchObject`s, dictionaries of their fields.
        Functions are skipped, and None stands in their place. An object that
        the file refers to twice is one object.

    Raises:
        FileNotFoundError: If `path` does not exist.
        ValueError: If the file is truncated, damaged, of another kind, or if it
            contains a class with an encoding of its own.

    Example:

    >>> with open("two.t7", "wb") as file:
    ...     _ = file.write(b"1\n2\n")  # a number, 2, in ascii mode
    >>> read_torch7("two.t7")
    2
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist.")
    data = path.read_bytes()
    # In binary mode the first byte is the number of a type, at most 8.
    if data[:1].isdigit():
        encodings: list[Any] = [AsciiEncoding(data)]
    else:
        # No byte of a file says how long its longs are.
        encodings = [BinaryEncoding(data, size) for size in (8, 4)]
    failures = []
    for encoding in encodings:
        try:
            return _Reader(encoding).read()
        except Torch7Error as error:
            failures.append(error)
    # The right size of longs reads further than the wrong one.
    furthest = max(failures, key=lambda failure: failure.offset)
    raise ValueError(
        f"{path} cannot be read as a Torch7 file: at byte {furthest.offset}, "
        f"{furthest}."
    ) from furthest


def entries(table: Mapping) -> list:
    """List the values of a table that is an array in Lua.

    Args:
        table: Dictionary whose keys 1, 2, ... are the places of its values.
            Other keys are left out.

    Returns:
        Values up to the first place that the table does not have.

    Example:

    >>> entries({1: "conv", 2: "relu", "n": 2})
    ['conv', 'relu']
    """
    values = []
    while len(values) + 1 in table:
        values.append(table[len(values) + 1])
    return values


class _Reader:
    """Reads one object with all that it contains, without recursion."""

    def __init__(self, encoding):
        self._encoding = encoding
        self._objects: dict[int, Any] = {}  # by the index that files give them

    def read(self):
        # Objects that wait for one of their parts, the innermost last. Lists
        # may be nested deeper than Python's calls.
        waiting: list[Generator] = []
        while True:
            value = self._begin()
            if isinstance(value, Generator):
                waiting.append(value)
                value = None
            while waiting:
                try:
                    waiting[-1].send(value)
                    break
                except StopIteration as finished:
                    value = finished.value
                    waiting.pop()
            else:
                self._encoding.require_end()
                return value

    def _begin(self):
        """Give an object that is whole, or a generator that takes its parts."""
        kind = self._encoding.read_int()
        if kind == _NIL:
            return None
        if kind == _NUMBER:
            number = self._encoding.read_double()
            return int(number) if number.is_integer() else number
        if kind == _BOOLEAN:
            value = self._encoding.read_int()
            if value not in (0, 1):
                self._encoding.fail(f"a boolean has the value {value}")
            return value == 1
        if kind == _STRING:
            return self._encoding.read_string()
        if kind == _PLAIN_FUNCTION:
            return self._skip_function()
        if kind not in (_TABLE, _OBJECT, *_FUNCTIONS):
            self._encoding.fail(f"an object has the unknown type {kind}")
        index = self._encoding.read_int()
        if index in self._objects:
            if self._objects[index] is _UNFINISHED:
                self._encoding.fail("a tensor contains itself")
            return self._objects[index]
        if kind == _TABLE:
            table = self._objects[index] = {}
            return self._fill(table)
        if kind == _OBJECT:
            return self._begin_object(index)
        self._objects[index] = None
        return self._skip_function()

    def _fill(self, table):
        size = self._encoding.read_int()
        if size < 0:
            self._encoding.fail(f"a table has {size} entries")
        for _ in range(size):
            key = yield
            if type(key) not in (str, int, float) or key != key:
                self._encoding.fail(
                    "a key of a table must be a string or a number, and one is "
                    f"of type {type(key).__name__}"
                )
            if key in table:
                self._encoding.fail(f"a table has the key {key!r} twice")
            table[key] = yield
        return table

    def _skip_function(self):
        self._encoding.read_string()  # bytecode
        yield  # the variables that it has from outside
        return None

    def _begin_object(self, index):
        name = self._encoding.read_string()
        if name.startswith("V "):  # a version, which the earliest files lack
            name = self._encoding.read_string()
        match = _ARRAY.match(name)
        if not match or not (match[1] or match[2]):
            module = self._objects[index] = TorchObject(name)
            return self._fields(module)
        self._objects[index] = _UNFINISHED
        dtype = self._encoding.dtype(match[2] or "Float")
        if match[3] == "Tensor":
            return self._tensor(index, dtype)
        storage = self._encoding.read_storage(dtype)
        storage.setflags(write=False)
        self._objects[index] = storage
        return storage

    def _fields(self, module):
        fields = yield
        if type(fields) is not dict:
            self._encoding.fail(
                f"an object of the class {module.type!r} has no table of "
                "fields: kcv does not know its encoding"
            )
        module.update(fields)
        return module

    def _tensor(self, index, dtype):
        dimensions = self._encoding.read_int()
        if not 0 <= dimensions <= _MAX_DIMENSIONS:
            self._encoding.fail(f"a tensor has {dimensions} dimensions")
        shape = self._encoding.read_longs(dimensions)
        strides = self._encoding.read_longs(dimensions)
        (offset,) = self._encoding.read_longs(1)
        storage = yield
        self._objects[index] = tensor = self._view(
            storage, dtype, shape, strides, offset - 1
        )
        return tensor

    def _view(self, storage, dtype, shape, strides, offset):
        if storage is None or not shape or 0 in shape:
            return np.zeros((0,), dtype)
        if not isinstance(storage, np.ndarray) or storage.dtype != dtype:
            self._encoding.fail("a tensor has no storage of its type")
        last = offset + sum(
            (side - 1) * stride
            for side, stride in zip(shape, strides, strict=True)
        )
        if (
            min(shape) < 0
            or min(strides) < 0
            or offset < 0
            or last >= len(storage)
            or max(strides) * dtype.itemsize > _MAX_BYTES
            or math.prod(shape) * dtype.itemsize > _MAX_BYTES
        ):
            self._encoding.fail(
                f"a tensor of the shape {shape} with strides {strides} and "
                f"offset {offset} does not fit into its storage of "
                f"{len(storage)} values"
            )
        return np.lib.stride_tricks.as_strided(
            storage[offset:],
            shape,
            [stride * dtype.itemsize for stride in strides],
        )
