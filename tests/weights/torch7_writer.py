"""A writer of Torch7's files, for the tests of their reader.

It follows torch7's File.lua, Tensor.c, Storage.c and DiskFile.c.
"""

import dataclasses
import struct

import numpy as np

from kcv.weights.torch7 import TorchObject

CLASSES = {
    "u1": "Byte",
    "i1": "Char",
    "i2": "Short",
    "i4": "Int",
    "i8": "Long",
    "f2": "Half",
    "f4": "Float",
    "f8": "Double",
}


@dataclasses.dataclass(eq=False)
class Storage:
    """A storage: one-dimensional values."""

    values: np.ndarray


@dataclasses.dataclass(eq=False)
class Tensor:
    """A view of a storage. The offset counts from 1, as Lua's does."""

    storage: Storage | None
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 1
    kind: str = "Float"


@dataclasses.dataclass(eq=False)
class Function:
    """A function with its bytecode and its variables from outside."""

    bytecode: bytes
    variables: object = None
    type: int = 8


def module(kind, **fields):
    """Make an object of a class of nn."""
    made = TorchObject(f"nn.{kind}")
    made.update(fields)
    return made


class Writer:
    """Encodes one object."""

    def __init__(self, ascii_mode=False, long_size=8, version=True):
        self.ascii_mode = ascii_mode
        self.long_size = long_size
        self.version = version
        self.parts = []
        self.indices = {}
        self.kept = []  # objects whose id() must stay theirs

    def encode(self, value):
        self.object(value)
        return b"".join(self.parts)

    def number(self, code, *values):
        if not values:
            return
        if self.ascii_mode:
            form = "{:.17g}" if code in "df" else "{}"
            line = " ".join(form.format(value) for value in values)
            self.parts.append(line.encode() + b"\n")
        else:
            self.parts.append(struct.pack(f"<{len(values)}{code}", *values))

    def integer(self, *values):
        self.number("i", *values)

    def long(self, *values):
        self.number("q" if self.long_size == 8 else "i", *values)

    def raw(self, content):
        ends = b"\n" if self.ascii_mode and content else b""
        self.parts.append(content + ends)

    def string(self, content):
        content = content.encode("latin-1")
        self.integer(len(content))
        self.raw(content)

    def object(self, value):
        if value is None:
            self.integer(0)
        elif isinstance(value, bool):
            self.integer(5, int(value))
        elif isinstance(value, int | float):
            self.integer(1)
            self.number("d", float(value))
        elif isinstance(value, str):
            self.integer(2)
            self.string(value)
        elif isinstance(value, TorchObject):
            if self.reference(4, value):
                self.torch_class(value.type)
                self.object(dict(value))
        elif isinstance(value, dict):
            if self.reference(3, value):
                self.table(value)
        elif isinstance(value, list):
            if self.reference(3, value):
                self.table(dict(enumerate(value, 1)))
        elif isinstance(value, np.ndarray):
            strides = [n // value.itemsize for n in value.strides]
            storage = Storage(value.ravel())
            kind = CLASSES[value.dtype.str[1:]]
            self.object(Tensor(storage, value.shape, strides, 1, kind))
        elif isinstance(value, Tensor):
            if self.reference(4, value):
                self.tensor(value)
        elif isinstance(value, Storage):
            if self.reference(4, value):
                self.storage(value.values)
        elif isinstance(value, Function):
            if self.reference(value.type, value):
                self.integer(len(value.bytecode))
                self.raw(value.bytecode)
                self.object(value.variables)
        else:
            raise TypeError(type(value))

    def reference(self, kind, value):
        """Write type and index; tell whether the object itself must follow."""
        self.integer(kind)
        if kind == 6:  # functions of early versions have no index
            return True
        is_new = id(value) not in self.indices
        self.kept.append(value)
        self.integer(self.indices.setdefault(id(value), len(self.indices) + 1))
        return is_new

    def torch_class(self, name):
        if self.version:
            self.string("V 1")
        self.string(name)

    def table(self, value):
        self.integer(len(value))
        for key, entry in value.items():
            self.object(key)
            self.object(entry)

    def tensor(self, value):
        self.torch_class(f"torch.{value.kind}Tensor")
        self.integer(len(value.shape))
        self.long(*value.shape)
        self.long(*value.strides)
        self.long(value.offset)
        self.object(value.storage)

    def storage(self, values):
        kind = CLASSES[values.dtype.str[1:]]
        self.torch_class(f"torch.{kind}Storage")
        self.long(len(values))
        if values.dtype.itemsize == 1 or not (
            self.ascii_mode or kind == "Long"
        ):
            self.raw(values.astype(values.dtype.newbyteorder("<")).tobytes())
        elif kind == "Long":
            self.long(*values.tolist())
        else:
            self.number({"Half": "e"}.get(kind, values.dtype.char), *values)


def write_torch7(path, value, **options):
    """Write an object to a file."""
    path.write_bytes(Writer(**options).encode(value))
    return path
