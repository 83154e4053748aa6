"""Kind: an image of the training set is never held out, by any name."""

import json
import logging
import os

import numpy as np
import pytest
from PIL import Image

from kcv.data import load_classification
from kcv.data import load_detection
from kcv.data import load_segmentation
from kcv.data import read_coco
from kcv.data import read_faces
from kcv.data import read_image_folder
from kcv.data import read_masked_folder
from kcv.data.sources.voc_lists import DETECTION_LISTS
from kcv.data.sources.voc_lists import find_pair
from tests.voc_trees import pixels

OBJECTS = [("cat", (1, 1, 9, 9), 0)]


def parts(records):
    return records.split(held_out=False), records.split(held_out=True)


def files(records):
    return {os.path.realpath(file) for file in records.files}


def listed_often(write_coco, names):
    """A JSON of images 0, 1, ... whose files are named as given."""
    count = len(names)
    file, folder = write_coco(
        dict.fromkeys(range(count), (9, 9)),
        [(k, 1, [0, 0, 3, 3], 0) for k in range(count)],
        {1: "a"},
    )
    content = json.loads(file.read_text())
    for entry, name in zip(content["images"], names, strict=True):
        entry["file_name"] = name
    file.write_text(json.dumps(content))
    return file, folder


def test_a_file_of_several_ids_is_on_one_side(write_coco):
    names = [f"{'./' * (k // 5)}{k % 5}.png" for k in range(15)]
    file, folder = listed_often(write_coco, names)
    train, test = parts(read_coco(file, folder))
    assert len(train) + len(test) == 15
    assert train.files
    assert test.files
    assert not files(train) & files(test)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_linked_file_is_on_one_side(link, write_voc, tmp_path):
    for k in range(10):
        for folder, values in (
            ("set/cat", pixels(4, 5, k)),
            ("photos", pixels(4, 5, k)),
            ("masks", np.ones((4, 5), np.uint8)),
        ):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            file = tmp_path / folder / f"{k}.png"
            Image.fromarray(values).save(file)
            if folder != "masks":
                link(file, file.with_name(f"again{k}.png"))
            else:
                Image.fromarray(values).save(file.with_name(f"again{k}.png"))
    for records in (
        read_image_folder(tmp_path / "set"),
        read_masked_folder(tmp_path / "photos", tmp_path / "masks"),
    ):
        train, test = parts(records)
        assert len(train) + len(test) == 20
        assert train.files
        assert not {os.stat(f).st_ino for f in train.files} & {
            os.stat(f).st_ino for f in test.files
        }


def test_one_file_alone_cannot_be_divided(write_coco):
    file, folder = listed_often(write_coco, ["0.png"] * 4)
    with pytest.raises(ValueError, match="holds no images to train on"):
        read_coco(file, folder).split(held_out=False)


def test_a_validation_part_leaves_images_to_train_on(write_coco):
    file, folder = write_coco(
        {1: (20, 30)}, [(1, 1, [1, 2, 7, 5], 0)], {1: "cat"}
    )
    records = read_coco(file, folder)
    with pytest.raises(ValueError, match=r"validation=0\.5 leaves none of"):
        records.divide(0.5, inside=False)


def test_two_files_of_annotations_share_no_image(write_coco):
    file, folder = listed_often(write_coco, ["0.png", "1.png"])
    other = file.with_name("other.json")
    content = json.loads(file.read_text())
    content["images"] = [
        {"id": "x", "file_name": "./1.png", "height": 9, "width": 9}
    ]
    content["annotations"] = []
    other.write_text(json.dumps(content))
    for split in ("train", "test"):
        with pytest.raises(ValueError, match=r"share 1 images, x among them"):
            load_detection(f"coco:{file}:{folder}:{other}", split)


def test_two_folders_share_no_image(tmp_path):
    for folder in ("train/cat", "held/cat"):
        (tmp_path / folder).mkdir(parents=True)
    Image.fromarray(pixels(4, 5)).save(tmp_path / "train/cat/a.png")
    (tmp_path / "held/cat/b.png").symlink_to(tmp_path / "train/cat/a.png")
    source = f"folder:{tmp_path / 'train'}:{tmp_path / 'held'}"
    with pytest.raises(ValueError, match=r"share 1 images, cat/b\.png"):
        load_classification(source, "train")


def test_two_people_do_not_share_a_photo(tmp_path):
    names = [f"person{k}" for k in range(10)]
    for seed, name in enumerate(names):
        (tmp_path / name).mkdir()
        Image.fromarray(pixels(4, 5, seed)).save(tmp_path / name / "own.png")
    for name in names:
        (tmp_path / name / "link.png").symlink_to(
            tmp_path / names[0] / "own.png"
        )
    with pytest.raises(ValueError, match="two people of .* share"):
        read_faces(f"folder:{tmp_path}", "train")


def test_lists_that_share_an_image_are_named(write_voc):
    names = ["my a", "my b", "my c"]
    tree = write_voc(
        dict.fromkeys(names, ((9, 9), OBJECTS)),
        {"train": names[:2], "test": names[2:]},
    )
    assert load_detection(f"voc:{tree}", "train").size == 2
    listed = tree / "ImageSets" / "Main" / "test.txt"
    listed.write_text("my c\nmy b\n")
    with pytest.raises(
        ValueError, match="lists train and test of .* share 1 images, my b"
    ):
        load_detection(f"voc:{tree}", "test")
    (tree / "JPEGImages" / "my b.png").unlink()
    (tree / "JPEGImages" / "my b.png").symlink_to("my a.png")
    listed.write_text("my b\n")
    (tree / "ImageSets" / "Main" / "train.txt").write_text("my a\n")
    with pytest.raises(ValueError, match="share 1 images"):
        load_detection(f"voc:{tree}", "test")


@pytest.mark.parametrize(
    ("there", "pair"),
    [
        (["train", "valid"], ("train", "valid")),
        (["train", "validation"], ("train", "validation")),
        (["TRAIN", "Val"], ("TRAIN", "Val")),
        (["test", "train", "valid"], ("train", "test")),
        (["testing", "training"], ("training", "testing")),
        (["train", "val", "valid"], ("train", "val")),
        (["train", "other"], None),
        ([], None),
    ],
)
def test_lists_of_other_names_are_found(there, pair):
    assert find_pair(there, DETECTION_LISTS) == pair


def test_valid_lists_are_read(write_voc, caplog):
    tree = write_voc(
        dict.fromkeys("abc", ((9, 9), OBJECTS)),
        {"train": ["a", "b"], "valid": ["c"]},
    )
    assert load_detection(f"voc:{tree}", "train").size == 2
    assert load_detection(f"voc:{tree}", "test").size == 1
    assert "held out" not in caplog.text


def test_lists_that_are_no_pair_are_said(write_voc, caplog):
    tree = write_voc(
        dict.fromkeys("abcdef", ((9, 9), OBJECTS)),
        {"train": list("abcde"), "mine": ["f"]},
    )
    with caplog.at_level(logging.WARNING):
        assert load_detection(f"voc:{tree}", "train").size == 4
    assert "has the lists mine, train. They are not a pair" in caplog.text
    assert "The list train is divided" in caplog.text


@pytest.mark.parametrize("held", ["valid", "val", "test"])
def test_folders_of_splits_are_no_classes(held, tmp_path, caplog):
    for seed, folder in enumerate((f"{held}/cat", "train/cat", "train/dog")):
        (tmp_path / folder).mkdir(parents=True)
        Image.fromarray(pixels(4, 5, seed)).save(tmp_path / folder / "a.png")
    (tmp_path / held / "dog").mkdir()
    Image.fromarray(pixels(4, 5, 9)).save(tmp_path / held / "dog" / "a.png")
    found = load_classification(f"folder:{tmp_path}", "train")
    assert found.class_names == ("cat", "dog")
    assert load_classification(f"folder:{tmp_path}", "test").size == 2
    assert "Training on" in caplog.text


def test_valid_lists_of_label_maps_are_read(tmp_path):
    for kind in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (tmp_path / kind).mkdir(parents=True)
    for seed, name in enumerate("ab"):
        Image.fromarray(pixels(4, 5, seed)).save(
            tmp_path / "JPEGImages" / f"{name}.png"
        )
        Image.fromarray(np.ones((4, 5), np.uint8)).save(
            tmp_path / "SegmentationClass" / f"{name}.png"
        )
    lists = tmp_path / "ImageSets" / "Segmentation"
    (lists / "train.txt").write_text("a")
    (lists / "valid.txt").write_text("b")
    (tmp_path / "class_names.txt").write_text("none\ncat")
    assert load_segmentation(f"voc:{tmp_path}", "test").size == 1
