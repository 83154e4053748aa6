"""Parts of a set are disjoint, complete, and the same in every order."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest

from kcv.data.formats.annotations import Annotations
from kcv.data.formats.annotations import ImageBoxes
from kcv.data.formats.image_folder import LabelledFiles
from kcv.data.formats.masked_images import MaskedImages
from kcv.data.streams.holdout import check_split
from kcv.data.streams.holdout import keep_apart
from kcv.data.streams.holdout import source_split
from kcv.data.streams.holdout import take_split
from kcv.data.streams.holdout import take_validation

ROOT = Path(__file__).parents[2]
NAMES = tuple(f"image {number}" for number in range(20))
# Any files that exist.
FILES = dict(
    zip(NAMES, map(str, sorted(ROOT.rglob("test_*.py"))), strict=False)
)


def annotations(names):
    none = np.zeros(0, bool)
    boxes = np.zeros((0, 4), np.float32)
    return Annotations(
        tuple(ImageBoxes(FILES[x], x, boxes, none, none, none) for x in names),
        ("thing",),
        "annotations",
    )


def masked_images(names):
    masks = tuple(f"{name}.mask" for name in names)
    return MaskedImages(names, masks, names, ("background",), "masks")


def labelled_files(names):
    # Two classes of half of the images each.
    labels = tuple(NAMES.index(name) % 2 for name in names)
    return LabelledFiles(names, names, labels, ("a", "b"), "files")


@pytest.mark.parametrize("make", [annotations, masked_images, labelled_files])
def test_a_fifth_is_held_out(make, caplog):
    caplog.set_level(logging.WARNING)
    records = make(NAMES)
    train, test = (take_split(records, split) for split in ("train", "test"))
    assert type(train) is type(records)
    assert (len(train), len(test)) == (16, 4)
    assert sorted([*train.image_ids, *test.image_ids]) == sorted(NAMES)
    assert f"{records.origin} names no held-out images" in caplog.text
    assert "test has 4 of 20 images" in caplog.text
    reverse = take_split(make(NAMES[::-1]), "test")
    assert list(reverse.image_ids) == list(test.image_ids)[::-1]


def test_of_each_class_a_fifth_is_held_out():
    test = take_split(labelled_files(NAMES), "test")
    assert sorted(test.labels) == [0, 0, 1, 1]
    # What belongs to an image stays with it.
    assert test.labels == tuple(NAMES.index(x) % 2 for x in test.image_ids)
    test = take_split(masked_images(NAMES), "test")
    assert test.masks == tuple(f"{name}.mask" for name in test.files)


def test_common_images_and_unknown_parts_are_refused():
    keep_apart("ab", "cd", "lists")
    with pytest.raises(ValueError, match="lists share 1 images, b among them"):
        keep_apart("ab", "bc", "lists")
    with pytest.raises(ValueError, match="split` must be .*'val'"):
        check_split("val")


@pytest.mark.parametrize("make", [annotations, masked_images, labelled_files])
def test_a_validation_part_is_taken_from_training(make, caplog):
    caplog.set_level(logging.WARNING)
    records = take_split(make(NAMES), "train")
    train, part = (
        take_validation(records, split, 0.25)
        for split in ("train", "validation")
    )
    assert type(part) is type(records)
    assert (len(train), len(part)) == (12, 4)
    assert sorted([*train.image_ids, *part.image_ids]) == sorted(
        records.image_ids
    )
    assert f"{records.origin}: 4 of 16 training images" in caplog.text
    for split in ("train", "test"):
        assert take_validation(records, split, 0.0) is records
    assert take_validation(records, "test", 0.25) is records


def test_of_each_class_a_part_is_validation():
    files = labelled_files(NAMES)
    assert sorted(take_validation(files, "validation", 0.1).labels) == [0, 1]
    # Too small a part of each class: one image of all of them.
    assert len(take_validation(files, "validation", 0.01)) == 1
    assert len(take_validation(files, "train", 0.01)) == 19


def test_copies_of_a_validation_image_are_in_its_part():
    records = masked_images(NAMES)
    (one,) = take_validation(records, "validation", 0.01).image_ids
    files = tuple(one if x < "image 15" else x for x in NAMES)
    records = dataclasses.replace(records, files=files)
    part = take_validation(records, "validation", 0.01)
    assert len(part) == files.count(one) > 1


def test_splits_with_validation():
    assert source_split("train", 0.0) == source_split("train", 0.5) == "train"
    assert source_split("validation", 0.5) == "train"
    assert source_split("test", 0.5) == "test"
    with pytest.raises(ValueError, match="positive for split='validation'"):
        source_split("validation", 0.0)
    with pytest.raises(ValueError, match=r"in \[0, 1\).*validation=1"):
        source_split("train", 1.0)
    with pytest.raises(ValueError, match="split` must be .*'val'"):
        source_split("val", 0.5)
