"""Files written here as Torch7 writes them, sound ones and hostile ones."""

import contextlib
import re
import struct

import numpy as np
import pytest

from kcv.weights.torch7 import TorchObject
from kcv.weights.torch7 import entries
from kcv.weights.torch7 import read_torch7
from tests.weights.torch7_writer import Function
from tests.weights.torch7_writer import Storage
from tests.weights.torch7_writer import Tensor
from tests.weights.torch7_writer import Writer
from tests.weights.torch7_writer import module
from tests.weights.torch7_writer import write_torch7

MODES = {
    "binary": {},
    "32-bit longs": {"long_size": 4},
    "ascii": {"ascii_mode": True},
    "no versions": {"version": False},
}


@pytest.fixture(params=MODES.values(), ids=MODES.keys())
def mode(request):
    return request.param


def read_back(tmp_path, value, **mode):
    return read_torch7(write_torch7(tmp_path / "file.t7", value, **mode))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        3,
        -0.125,
        "two words\nand a line",
        "",
        {"a": 1, 2: {"b": None}, 0.5: "half"},
        {},
    ],
    ids=repr,
)
def test_values_come_back(tmp_path, value, mode):
    result = read_back(tmp_path, value, **mode)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]
)
def test_tensors_of_all_types_come_back(tmp_path, dtype, mode):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    array.flat[5] = 7.25 if dtype[0] == "f" else 117
    result = read_back(tmp_path, {"x": array}, **mode)["x"]
    np.testing.assert_array_equal(result, array)
    if dtype != "i8":
        assert result.dtype == array.dtype


def test_tensors_of_a_gpu_are_read(tmp_path):
    writer = Writer()
    array = np.arange(3, dtype="f4")
    content = writer.encode(array)
    old = struct.pack("<i", 17) + b"torch.FloatTensor"
    assert content.count(old) == 1
    new = struct.pack("<i", 16) + b"torch.CudaTensor"
    path = tmp_path / "cuda.t7"
    path.write_bytes(content.replace(old, new))
    np.testing.assert_array_equal(read_torch7(path), array)


def test_views_have_their_strides_and_share_a_storage(tmp_path, mode):
    storage = Storage(np.arange(12, dtype="f4"))
    views = {
        "rows": Tensor(storage, (3, 4), (4, 1)),
        "columns": Tensor(storage, (4, 3), (1, 4)),
        "middle": Tensor(storage, (2, 2), (4, 1), 6),
        "expanded": Tensor(storage, (10**6, 10**6), (0, 0), 4),
        "storage": storage,
    }
    result = read_back(tmp_path, views, **mode)
    rows = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(result["rows"], rows)
    np.testing.assert_array_equal(result["columns"], rows.T)
    np.testing.assert_array_equal(result["middle"], rows[1:, 1:3])
    assert result["expanded"].shape == (10**6, 10**6)
    assert result["expanded"][17, 4711] == 3
    for name in ("rows", "columns", "middle"):
        assert np.shares_memory(result[name], result["storage"])
        with pytest.raises(ValueError, match="read-only"):
            result[name][0] = 1


def test_empty_tensors_are_empty(tmp_path, mode):
    value = {"none": Tensor(None, (), ()), "zero": np.zeros((0,), "f4")}
    result = read_back(tmp_path, value, **mode)
    assert [result[name].shape for name in value] == [(0,), (0,)]


def test_modules_are_dictionaries_and_shared_objects_one(tmp_path, mode):
    relu = module("ReLU", inplace=True)
    net = module("Sequential", modules=[relu, relu], train=False)
    relu["parent"] = net
    result = read_back(tmp_path, net, **mode)
    assert isinstance(result, TorchObject)
    assert result.type == "nn.Sequential"
    first, second = entries(result["modules"])
    assert first is second
    assert first["parent"] is result
    assert repr(first) == "<nn.ReLU: inplace, parent>"


def test_a_table_may_contain_itself(tmp_path, mode):
    table = {"name": "loop"}
    table["self"] = table
    result = read_back(tmp_path, table, **mode)
    assert result["self"] is result


def test_nesting_is_deeper_than_calls_may_be(tmp_path):
    writer = Writer()
    depth = 20_000
    for index in range(1, depth):  # the writer's own calls would not do
        writer.integer(3, index, 1)
        writer.object("inside")
    writer.integer(3, depth, 0)
    path = tmp_path / "deep.t7"
    path.write_bytes(b"".join(writer.parts))
    result = read_torch7(path)
    for _ in range(depth - 1):
        result = result["inside"]
    assert result == {}


@pytest.mark.parametrize("kind", [6, 7, 8])
def test_functions_are_skipped(tmp_path, kind, mode):
    function = Function(b"\x1bLua\x00\n 5", [{"name": "os", "value": 1}], kind)
    value = {"f": function, "again": function, "after": 5}
    result = read_back(tmp_path, value, **mode)
    assert result == {"f": None, "again": None, "after": 5}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.t7"):
        read_torch7(tmp_path / "none.t7")


def whole(mode):
    weight = np.arange(6, dtype="f4").reshape(2, 3)
    value = module("Linear", weight=weight, bias=np.ones(2, "f8"), name="a")
    return Writer(**mode).encode([value, {"x": True}])


def test_a_truncated_file_is_named(tmp_path, mode):
    content = whole(mode)
    path = tmp_path / "cut.t7"
    last = len(content) - (2 if mode.get("ascii_mode") else 1)
    for length in range(last, -1, -5):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"cut\.t7 cannot .* at byte \d+"):
            read_torch7(path)


def test_no_damaged_byte_does_harm(tmp_path):
    """A wrong byte gives a value or a ValueError, and never another error."""
    content = bytearray(whole({}))
    path = tmp_path / "damaged.t7"
    generator = np.random.default_rng(0)
    for place in range(0, len(content), 2):
        damaged = content.copy()
        damaged[place] = generator.integers(256)
        path.write_bytes(damaged)
        with contextlib.suppress(ValueError):
            read_torch7(path)


def parts(*steps, **mode):
    """Write what a sound writer would not."""
    writer = Writer(**mode)
    for method, *values in steps:
        getattr(writer, method)(*values)
    return b"".join(writer.parts)


def tensor(shape, strides, offset, storage):
    return (
        ("integer", 4, 99),
        ("torch_class", "torch.FloatTensor"),
        ("integer", len(shape)),
        ("long", *shape),
        ("long", *strides),
        ("long", offset),
        ("object", storage),
    )


FOUR = Storage(np.zeros(4, "f4"))
HUGE = 2**31 - 1
HOSTILE = {
    "an unknown type": ((("integer", 9),), "unknown type 9"),
    "a huge string": (
        (("integer", 2, HUGE), ("raw", b"abc")),
        "must follow, and the file has",
    ),
    "a string of negative length": (
        (("integer", 2, -1), ("raw", b"abc")),
        "must follow|in the file",
    ),
    "a huge table": ((("integer", 3, 1, HUGE),), "must follow|a number"),
    "a table of negative size": ((("integer", 3, 1, -5),), "-5 entries"),
    "a table as a key": (
        (("integer", 3, 1, 1), ("object", {}), ("object", 1)),
        "key of a table must be .* of type dict",
    ),
    "a boolean as a key": (
        (("integer", 3, 1, 1), ("object", True), ("object", 1)),
        "key of a table must be .* of type bool",
    ),
    "a key that is not a number": (
        (("integer", 3, 1, 1), ("object", float("nan")), ("object", 1)),
        "key of a table",
    ),
    "a huge storage": (
        (
            ("integer", 4, 1),
            ("torch_class", "torch.DoubleStorage"),
            ("long", HUGE),
        ),
        "must follow|a line of",
    ),
    "a storage of negative size": (
        (
            ("integer", 4, 1),
            ("torch_class", "torch.DoubleStorage"),
            ("long", -8),
        ),
        "must follow|a line of",
    ),
    "a class with an encoding of its own": (
        (
            ("integer", 4, 1),
            ("torch_class", "tds.Hash"),
            ("integer", 1),
            ("number", "d", 2.0),
        ),
        "'tds.Hash' has no table of fields",
    ),
    "many dimensions": (
        (
            ("integer", 4, 1),
            ("torch_class", "torch.FloatTensor"),
            ("integer", 40),
        ),
        "40 dimensions",
    ),
    "a tensor beyond its storage": (
        tensor((5,), (1,), 1, FOUR),
        "does not fit into its storage of 4 values",
    ),
    "a tensor behind its storage": (
        tensor((2,), (1,), 4, FOUR),
        "does not fit",
    ),
    "a tensor before its storage": (tensor((2,), (1,), 0, FOUR), "not fit"),
    "a stride beyond its storage": (
        tensor((2, 2), (3, 1), 1, FOUR),
        "does not fit",
    ),
    "a stride that NumPy cannot hold": (
        tensor((1, 2), (2**62, 1), 1, FOUR),
        "does not fit",
    ),
    "a negative stride": (tensor((2,), (-1,), 4, FOUR), "does not fit"),
    "a negative side": (tensor((-2, 2), (1, 1), 3, FOUR), "does not fit"),
    "a tensor of more values than a computer has": (
        tensor((HUGE, HUGE, HUGE), (0, 0, 0), 1, FOUR),
        "does not fit",
    ),
    "a storage of another type": (
        tensor((2,), (1,), 1, Storage(np.zeros(4, "f8"))),
        "no storage of its type",
    ),
    "a storage that is a table": (
        tensor((2,), (1,), 1, {}),
        "no storage of its type",
    ),
    "a tensor as its own storage": (
        (*tensor((2,), (1,), 1, None)[:-1], ("integer", 4, 99)),
        "contains itself",
    ),
    "something behind the object": (
        (("object", 1), ("object", 2)),
        "the file has .* more bytes",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("mode", [{}, {"ascii_mode": True}], ids=["b", "a"])
def test_a_file_is_refused_with(tmp_path, name, mode):
    steps, message = HOSTILE[name]
    path = tmp_path / "hostile.t7"
    path.write_bytes(parts(*steps, **mode))
    with pytest.raises(ValueError, match=message) as error:
        read_torch7(path)
    assert re.search(r"hostile\.t7 cannot be read .* at byte", str(error.value))


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n", b"2\nfour\n", b"1\nx\n", b"1"]
)
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "other.t7"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"other\.t7"):
        read_torch7(path)


@pytest.mark.parametrize(
    ("word", "message"),
    [(b"1e3", "1e3"), (b"70000", "does not fit into"), (b"9" * 5000, "999")],
)
def test_a_wrong_number_of_a_storage_is_refused(tmp_path, word, message):
    writer = Writer(ascii_mode=True)
    content = writer.encode(Storage(np.array([12345, 6], "i2")))
    path = tmp_path / "number.t7"
    path.write_bytes(content.replace(b"12345", word))
    with pytest.raises(ValueError, match=message):
        read_torch7(path)


def test_keys_that_occur_twice_and_odd_booleans_are_refused(tmp_path):
    file = tmp_path / "a.t7"
    write_torch7(file, {"ab": 1, "ac": True})
    content = file.read_bytes()
    file.write_bytes(content.replace(b"ac", b"ab"))
    with pytest.raises(ValueError, match=r"a\.t7 .*key 'ab' twice"):
        read_torch7(file)
    file.write_bytes(content[:-4] + b"\7\0\0\0")
    with pytest.raises(ValueError, match=r"a\.t7 .*boolean has the value 7"):
        read_torch7(file)
