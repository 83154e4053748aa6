"""An index of any size is opened in no time, in no memory."""

import json
import tracemalloc

import numpy as np
import pytest

from kcv.data.formats.shards import ROW
from kcv.data.formats.shards import Shards
from kcv.data.formats.shards import validation_hash
from kcv.data.streams.holdout import draw_validation


def write_index(folder, count, ids=()):
    rows = np.zeros(count, ROW)
    for number, name in enumerate(ids):
        rows["hash"][number] = validation_hash(name)
    np.save(folder / "train.index.npy", rows)
    specs = {
        "images": {"dtype": "uint8", "shape": [None, None, 3], "coding": "file"}
    }
    described = {
        "format": 1,
        "class_names": [],
        "shards": 1,
        "images": count,
        "specs": specs,
    }
    (folder / "train.json").write_text(json.dumps(described))


def test_opening_a_hundred_thousand_entries_takes_no_memory(tmp_path):
    write_index(tmp_path, 100_000)
    tracemalloc.start()
    shards = Shards(tmp_path, "train")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(shards) == 100_000
    # The index has 3.2 MB.
    assert peak < 300_000


@pytest.mark.parametrize("part", [0.3, 0.01])
def test_validation_images_are_those_of_files(part, tmp_path):
    ids = [f"image {number}" for number in range(40)]
    write_index(tmp_path, 40, ids)
    drawn = draw_validation([ids], part)
    for inside in (True, False):
        selected = Shards(tmp_path, "train").divide(part, inside)
        names = {ids[position] for position in selected._chosen}
        assert names == {name for name in ids if (name in drawn) == inside}
