import struct

import numpy as np
import pytest
from PIL import Image

from kcv.data import load_classification
from kcv.data.sources import classification as classification_sources
from kcv.examples import DataSet


def ids(found):
    return [example["image_id"].numpy().decode() for example in found.dataset]


def write_folder(folder, classes):
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for k in range(count):
            image = Image.fromarray(np.full((4, 5, 3), k, np.uint8))
            image.save(folder / name / f"{k}.png")
    return folder


def test_digits_are_the_default():
    train, test = load_classification(), load_classification(split="test")
    assert isinstance(train, DataSet)
    assert train.class_names == test.class_names == tuple("0123456789")
    assert (train.size, test.size) == (1433, 364)
    assert set(ids(train)).isdisjoint(ids(test))


def test_seed_and_start_reach_the_stream():
    whole = load_classification("digits", seed=4).dataset.take(20)
    rest = load_classification("digits", seed=4, start=11).dataset.take(9)
    expected = [x["image_id"] for x in whole][11:]
    assert [x["image_id"] for x in rest] == expected


def test_idx(tmp_path):
    for prefix, labels in (("train", [0, 3, 1]), ("t10k", [4, 0])):
        count = len(labels)
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(
            struct.pack(">IIII", 2051, count, 2, 2) + bytes(4 * count)
        )
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(
            struct.pack(">II", 2049, count) + bytes(labels)
        )
    for split, labels in (("train", [0, 3, 1]), ("test", [4, 0])):
        found = load_classification(f"idx:{tmp_path}", split)
        assert found.size == len(labels)
        assert [int(x["labels"]) for x in found.dataset] == labels
        # Though one split lacks the last.
        assert found.class_names == tuple("01234")


def test_a_folder_is_divided(tmp_path, caplog):
    folder = write_folder(tmp_path / "set", {"a": 10, "b": 5})
    train, test = (
        load_classification(f"folder:{folder}", split)
        for split in ("train", "test")
    )
    assert (train.size, test.size) == (12, 3)
    assert len(ids(train)) == 12
    assert len({*ids(train), *ids(test)}) == 15
    assert "train has 12 of 15 images" in caplog.text


def test_two_folders(tmp_path, caplog):
    train = write_folder(tmp_path / "train", {"a": 2, "b": 1})
    test = write_folder(tmp_path / "test", {"a": 1, "b": 1})
    source = f"folder:{train}:{test}"
    assert ids(load_classification(source)) == ["a/0.png", "a/1.png", "b/0.png"]
    found = load_classification(source, "test")
    assert found.class_names == ("a", "b")
    assert ids(found) == ["a/0.png", "b/0.png"]
    assert not caplog.records
    same = f"folder:{train}:{train.parent / 'test' / '..' / 'train'}"
    with pytest.raises(ValueError, match="share 3 images"):
        load_classification(same, "test")


@pytest.mark.parametrize(
    ("name", "test"), [("mnist", "test"), ("imagenet2012", "validation")]
)
def test_tfds_names(monkeypatch, name, test):
    asked = []

    def open_it(name, split, **options):
        asked.append((name, split, options["seed"], options["start"]))

    monkeypatch.setattr(classification_sources, "tfds_classification", open_it)
    load_classification(name, seed=1, start=2)
    load_classification(name, "test")
    assert asked == [(name, "train", 1, 2), (name, test, None, 0)]


@pytest.mark.parametrize(
    "source", ["folder", "folder:", "idx:", "folder:a:b:c", "voc/2007", ""]
)
def test_unknown_sources_are_told_what_there_is(source):
    with pytest.raises(ValueError, match="must be one of digits, mnist"):
        load_classification(source)


def test_unknown_split():
    with pytest.raises(ValueError, match="'val'"):
        load_classification("digits", "val")
