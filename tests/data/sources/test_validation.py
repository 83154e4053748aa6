"""Sets of all kinds with a part of their training images for validation."""

import numpy as np
import pytest

import kcv


def read_ids(source, load, split, **options):
    found = load(source, split, validation=0.1, **options)
    ids = [x["image_id"].numpy().decode() for x in found.dataset]
    assert found.size == len(set(ids)) == len(ids)
    return ids


def test_digits_are_divided():
    load = kcv.data.load_classification
    train, part = (
        read_ids("digits", load, split) for split in ("train", "validation")
    )
    every = [x["image_id"].numpy().decode() for x in load("digits").dataset]
    assert len(part) == len(every) // 10
    assert sorted(train + part) == sorted(every)
    test = kcv.data.load_classification("digits", "test", validation=0.1)
    assert test.size == 364


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
        read_ids("photographs", load, split)
        for split in ("train", "validation")
    ]
    assert [*map(len, parts)] == [8, 1]


def test_too_few_images_are_named():
    with pytest.raises(ValueError, match="larger for 1433 images"):
        kcv.data.load_classification("digits", "validation", validation=1e-4)
