"""A few hundred damaged files for each reader; `make fuzz` has thousands."""

import random

import pytest

from tests.fuzz import harness
from tests.fuzz.readers import NAMES
from tests.fuzz.readers import open_reader


@pytest.mark.parametrize("name", NAMES)
def test_damaged_files_are_refused_by_name_or_read_rightly(name, tmp_path):
    counts, faults = harness.fuzz(open_reader(name), name, range(250), tmp_path)
    assert not faults, "\n".join(faults)
    assert counts["refused"] > 100


def test_the_fuzzer_finds_every_kind_of_fault(tmp_path):
    """Readers that do what they must not are found out."""

    def read_silently(file):
        return len(file.read_bytes())

    def unnamed(file):
        raise ValueError("it is damaged")

    def undocumented(file):
        raise KeyError(str(file))

    file = {"a.bin": bytes(range(40))}
    for read, fault in (
        (read_silently, harness.SILENT),
        (unnamed, harness.UNNAMED),
        (undocumented, harness.KIND),
    ):
        reader = harness.Reader(file, read, lambda file: 40)
        found = harness.try_input(reader, tmp_path, "a.bin", b"short")
        assert found[0] == fault


def test_inputs_depend_on_the_number_alone():
    reader = open_reader("coco")
    first = [harness.make_input(reader, "coco", n) for n in range(20)]
    random.random()
    again = [harness.make_input(reader, "coco", n) for n in range(20)]
    assert first == again
    assert len({content for _, content in first}) > 15
