"""Fuzzing of a reader: small valid files, damaged in ways that occur.

Each input comes of a seed and its number alone, so that a fault can be made
again: `python -m tests.fuzz --only voc --first 1234 --count 1`.
"""

import copy
import dataclasses
import json
import random
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What a fault is called.
CRASH = "crash"  # the process ended
HANG = "hang"  # no answer within the time limit
MEMORY = "memory"  # more memory than a file of this size can be worth
KIND = "undocumented"  # an exception of another kind
UNNAMED = "unnamed"  # an error without the name of the file
SILENT = "silent"  # a value that is not what the file says
FAULTS = (CRASH, HANG, MEMORY, KIND, UNNAMED, SILENT)


@dataclasses.dataclass(frozen=True)
class Reader:
    """A reader and what is true of what it reads.

    Attributes:
        seeds: Valid files by name. An input is one of them, changed.
        read: Function from the path of the file to its value, in a form that
            `==` compares. The other seeds are in the same folder, unchanged.
        says: Independent reading of the changed file. A value that was read
            must equal this, or be that of the file before it was changed.
        structured: Function that changes the parsed content, in addition to
            the bytes, or None.
        agree: Function that compares the value with what `says` gives.
            Defaults to equality.
    """

    seeds: dict[str, bytes]
    read: Callable[[Path], Any]
    says: Callable[[Path], Any]
    structured: Callable[[bytes, random.Random], bytes] | None = None
    agree: Callable[[Any, Any], bool] = lambda value, said: value == said


def make_input(reader: Reader, name: str, number: int) -> tuple[str, bytes]:
    """Make input `number`: the name of the file, and its changed content."""
    rng = random.Random(f"{name} {number}")
    seed = rng.choice(sorted(reader.seeds))
    content = reader.seeds[seed]
    if reader.structured is not None and rng.random() < 0.6:
        content = reader.structured(content, rng)
        if rng.random() < 0.8:
            return seed, content
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        content = _change_bytes(content, rng)
    return seed, content


def try_input(
    reader: Reader, folder: Path, seed: str, content: bytes
) -> tuple[str | None, str]:
    """Read one input.

    Returns:
        The fault or None, and what happened in words.
    """
    file = folder / seed
    file.write_bytes(content)
    try:
        value = reader.read(file)
    except (ValueError, FileNotFoundError) as error:
        # A set of several files is named by its folder.
        if file.name in str(error) or str(folder) in str(error):
            return None, "refused"
        return UNNAMED, f"{type(error).__name__}: {error}"
    except MemoryError as error:
        return MEMORY, str(error)
    except Exception as error:
        return KIND, f"{type(error).__name__}: {error}"
    if content == reader.seeds[seed]:
        return None, "unchanged"
    try:
        said = reader.says(file)
    except Exception as error:
        said = error
    if not isinstance(said, Exception) and reader.agree(value, said):
        return None, "read"
    file.write_bytes(reader.seeds[seed])
    if value == reader.read(file):
        return None, "read as before"
    file.write_bytes(content)
    return SILENT, f"read {value!r:.300}; the file says {said!r:.300}"


def fuzz(
    reader: Reader,
    name: str,
    numbers: range,
    folder: Path,
    check: bool = True,
) -> tuple[dict[str, int], list[str]]:
    """Read many inputs in this process.

    Args:
        reader: The reader.
        name: Its name, from which inputs are made.
        numbers: Numbers of the inputs.
        folder: Folder to write them to.
        check: Whether to write the seeds, and to read them first.

    Returns:
        How often each thing happened, and a line for each fault.
    """
    counts: dict[str, int] = {}
    faults = []
    for seed, content in reader.seeds.items() if check else ():
        (folder / seed).write_bytes(content)
    for seed in reader.seeds if check else ():
        reader.read(folder / seed)  # They are valid.
    for number in numbers:
        seed, content = make_input(reader, name, number)
        fault, text = try_input(reader, folder, seed, content)
        counts[fault or text] = counts.get(fault or text, 0) + 1
        if fault:
            faults.append(f"{name} {number} ({seed}): {fault}: {text}")
        (folder / seed).write_bytes(reader.seeds[seed])
    return counts, faults


# === Changes of bytes ===

_EXTREMES = (0, 1, 2, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31)
_EXTREMES += (2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1)


def _change_bytes(content: bytes, rng: random.Random) -> bytes:
    change = rng.choice(
        (_truncate, _flip, _flip, _flip, _overwrite, _length, _length)
        + (_remove, _repeat, _insert, _swap)
    )
    return change(content, rng) if content else content


def _truncate(content, rng):
    return content[: rng.randrange(len(content))]


def _flip(content, rng):
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 4))):
        changed[_place(content, rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(content, rng):
    start = _place(content, rng)
    return content[:start] + rng.randbytes(8) + content[start + 8 :]


def _length(content, rng):
    """Overwrite what may be a length or an offset."""
    code = rng.choice("BHIQ")
    size = struct.calcsize(code)
    start = _place(content, rng)
    value = rng.choice(_EXTREMES) % 256**size
    number = struct.pack(rng.choice("<>") + code, value)
    return content[:start] + number + content[start + size :]


def _remove(content, rng):
    start = _place(content, rng)
    return content[:start] + content[start + rng.choice((1, 4, 16, 99)) :]


def _repeat(content, rng):
    start = _place(content, rng)
    end = start + rng.choice((1, 4, 16, 99))
    return content[:end] + content[start:end] + content[end:]


def _insert(content, rng):
    start = _place(content, rng)
    size = rng.choice((1, 4, 16, 99))
    return content[:start] + rng.randbytes(size) + content[start:]


def _swap(content, rng):
    first, second = sorted((_place(content, rng), _place(content, rng)))
    size = min(16, second - first)
    end = second + size
    return (
        content[:first]
        + content[second:end]
        + content[first + size : second]
        + content[first : first + size]
        + content[end:]
    )


def _place(content, rng):
    # Headers are small, and most values are in them.
    top = min(len(content), 256) if rng.random() < 0.5 else len(content)
    return rng.randrange(top)


# === Changes of JSON and XML ===

ODD = [None, True, False, 0, 1, -1, 2, 0.5, 1e308, -1e308, 2**40, 10**25]
ODD += ["", "a", "1", "1.5", "nan", " x ", "x\ny", "\0", "é", "/etc/passwd"]
ODD += ["../a.jpg", [], {}, [[]], [1], {"id": 1}, float("nan"), float("inf")]


def change_json(content: bytes, rng: random.Random) -> bytes:
    """Change values, types and numbers of elements of a JSON file."""
    root = [json.loads(content)]
    for _ in range(rng.choice((1, 1, 2, 4))):
        _change_node(root, rng)
    return json.dumps(root[0]).encode()


def _change_node(root, rng):
    nodes = [(root, 0)]
    for parent, key in nodes:
        child = parent[key]
        if isinstance(child, dict):
            nodes += [(child, name) for name in child]
        elif isinstance(child, list):
            nodes += [(child, row) for row in range(len(child))]
    parent, key = rng.choice(nodes)
    kind = rng.choice(("odd", "odd", "remove", "repeat", "rename", "other"))
    if kind == "odd" or parent is root:
        parent[key] = copy.deepcopy(rng.choice(ODD))
    elif kind == "other":
        other, place = rng.choice(nodes[1:])
        parent[key] = copy.deepcopy(other[place])
    elif kind == "remove":
        del parent[key]
    elif kind == "repeat" and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    elif isinstance(parent, dict):
        parent[str(key) + rng.choice(("", "s", " "))] = parent.pop(key)


_ELEMENT = re.compile(rb"<(\w+)>[^<]*</\1>")
_TEXT = re.compile(rb">[^<>]+<")
_TAG = re.compile(rb"</?\w+>")


def change_xml(content: bytes, rng: random.Random) -> bytes:
    """Change texts, names and numbers of elements of an XML file."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        kind = rng.choice(("text", "text", "remove", "repeat", "tag"))
        pattern = {"text": _TEXT, "tag": _TAG}.get(kind, _ELEMENT)
        found = [*pattern.finditer(content)]
        if not found:
            continue
        one = rng.choice(found)
        if kind == "text":
            odd = str(rng.choice(ODD)).replace("\0", "&#0;").encode()
            new = b">" + odd + b"<"
        elif kind == "tag":
            new = rng.choice((one[0].upper(), b"", b"<x>", one[0] * 2))
        else:
            new = b"" if kind == "remove" else one[0] * 2
        content = content[: one.start()] + new + content[one.end() :]
    return content
