"""Sets of all kinds with a part of their training images for validation."""

import struct

import numpy as np
import pytest

import kcv
from kcv.data.streams.arrays import choose


def read_all(source, load, split, **options):
    found = load(source, split, validation=0.1, **options)
    examples = [*found.dataset]
    ids = [example["image_id"].numpy().decode() for example in examples]
    assert found.size == len(set(ids)) == len(ids)
    return ids, examples


def write_classes(folder, labels):
    """Write MNIST's files of images that show their numbers."""
    for prefix in ("train", "t10k"):
        (folder / f"{prefix}-images-idx3-ubyte").write_bytes(
            struct.pack(">IIII", 2051, len(labels), 1, 1)
            + bytes(range(len(labels)))
        )
        (folder / f"{prefix}-labels-idx1-ubyte").write_bytes(
            struct.pack(">II", 2049, len(labels)) + bytes(labels)
        )
    return f"idx:{folder}"


@pytest.mark.parametrize("kind", ["digits", "idx"])
def test_each_class_of_labeled_arrays_is_divided(tmp_path, kind):
    """Though labels repeat 0 to 9, which evenly spaced images would follow."""
    source = kind
    if kind == "idx":
        source = write_classes(tmp_path, [*range(10)] * 20)
    load = kcv.data.load_classification
    every = [*load(source).dataset]
    train, part = (
        read_all(source, load, split) for split in ("train", "validation")
    )
    ids = [x["image_id"].numpy().decode() for x in every]
    assert sorted(train[0] + part[0]) == sorted(ids)
    counts, drawn = (
        np.bincount([int(x["labels"]) for x in examples])
        for examples in (every, part[1])
    )
    np.testing.assert_array_equal(drawn, np.round(0.1 * counts))
    held_out = load(source, "test", validation=0.1)
    assert held_out.size == load(source, "test").size


def test_a_divided_stream_begins_anywhere():
    def read(start):
        found = kcv.data.load_classification(
            "digits", seed=1, start=start, validation=0.1
        )
        return [x["image_id"].numpy() for x in found.dataset.take(5)]

    first = kcv.data.load_classification("digits", validation=0.1).size
    whole = kcv.data.load_classification("digits", seed=1, validation=0.1)
    ids = [x["image_id"].numpy() for x in whole.dataset.take(first + 10)]
    assert read(first + 3) == ids[first + 3 : first + 8]


def test_validation_scenes_are_no_training_scenes():
    load = kcv.data.load_detection
    found = load("digit_scenes", "validation", validation=0.01)
    assert found.size == 20
    own = next(iter(found.dataset))
    other = next(iter(load("digit_scenes", seed=3, validation=0.01).dataset))
    assert own["image_id"] != other["image_id"]
    assert not np.array_equal(own["images"], other["images"])


def test_photographs_are_divided():
    load = kcv.data.load_images
    parts = [
        read_all("photographs", load, split)[0]
        for split in ("train", "validation")
    ]
    assert [*map(len, parts)] == [8, 1]


def test_parts_are_never_empty():
    load = kcv.data.load_classification
    assert load("digits", "validation", validation=1e-4).size == 1
    # One image of each class is left to train on.
    assert load("digits", "train", validation=0.9999).size == 10
    with pytest.raises(ValueError, match="smaller for 1 images.*=0.5"):
        choose(np.array([3]), "train", 0.5)
