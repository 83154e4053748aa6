"""Parts of a set are disjoint, complete, and the same in every order."""

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
from kcv.data.streams.holdout import take_split

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
