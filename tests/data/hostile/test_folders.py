"""Kind: trees of files with litter, links and names of other systems."""

import logging
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from kcv.data import image_folder
from kcv.data import load_classification
from kcv.data import load_detection
from kcv.data import load_images
from kcv.data import read_image_folder
from kcv.data import read_masked_folder
from kcv.data import read_voc
from kcv.data.formats.folders import find_files
from tests.voc_trees import pixels

OBJECTS = [("cat", (1, 1, 9, 9), 0)]


def save(file, seed=0):
    file.parent.mkdir(parents=True, exist_ok=True)
    shape = (4, 5) if seed is None else (4, 5, 3)
    values = np.ones(shape, np.uint8) if seed is None else pixels(4, 5, seed)
    Image.fromarray(values).save(
        file, "PNG" if file.suffix.lower() == ".png" else "JPEG"
    )
    return file


def litter(folder):
    """Put what editors and systems leave behind beside every file."""
    for file in sorted(x for x in folder.rglob("*") if x.is_file()):
        hidden = file.parent / ".ipynb_checkpoints"
        hidden.mkdir(exist_ok=True)
        copy = hidden / f"{file.stem}-checkpoint{file.suffix}"
        shutil.copy(file, copy)
        (file.parent / f"._{file.name}").write_bytes(b"\0\5\x16\7")
        (file.parent / ".DS_Store").write_bytes(b"\0")
        added = file.parent / "__MACOSX"
        added.mkdir(exist_ok=True)
        (added / f"._{file.name}").write_bytes(b"\0")


def test_hidden_files_are_left_out_of_every_tree(write_voc, tmp_path, caplog):
    names = [f"im{k}" for k in range(4)]
    tree = write_voc(dict.fromkeys(names, ((9, 9), OBJECTS)))
    for k in range(4):
        save(tmp_path / "folder" / "cat" / "deep" / f"{k}.jpg", k)
        save(tmp_path / "photos" / f"{k}.jpg", k)
        save(tmp_path / "masks" / f"{k}.png", None)
    for name in ("voc", "folder", "photos", "masks"):
        litter(tmp_path / name)
    assert read_voc(tree, None, None).image_ids == tuple(names)
    found = read_image_folder(tmp_path / "folder")
    assert found.class_names == ("cat",)
    assert found.image_ids == tuple(f"cat/deep/{k}.jpg" for k in range(4))
    masked = read_masked_folder(tmp_path / "photos", tmp_path / "masks")
    assert masked.image_ids == ("0", "1", "2", "3")
    photos = load_images(f"folder:{tmp_path / 'photos'}", "train")
    assert photos.size == 3  # a fourth is held out
    assert "left out" not in caplog.text


def test_hidden_copies_are_not_trained_on(write_voc):
    names = [f"im{k}" for k in range(3)]
    tree = write_voc(dict.fromkeys(names, ((9, 9), OBJECTS)))
    litter(tree)
    parts = [load_detection(f"voc:{tree}", s).size for s in ("train", "test")]
    assert parts == [2, 1]


def test_hidden_lists_are_left_out(write_voc):
    tree = write_voc(
        dict.fromkeys("ab", ((9, 9), OBJECTS)),
        {"train": ["a"], "val": ["b"]},
    )
    litter(tree)
    assert load_detection(f"voc:{tree}", "test").size == 1


def test_endings_count_without_case(write_voc, tmp_path):
    tree = write_voc(
        {"a": ((9, 9), OBJECTS), "b": ((9, 9), OBJECTS)},
        {"train": ["a"], "val": ["b"]},
    )
    for file in sorted(x for x in tree.rglob("*") if x.is_file()):
        file.rename(file.with_suffix(file.suffix.upper()))
    assert load_detection(f"voc:{tree}", "train").size == 1
    for suffix in ("JPG", "Jpeg", "jpe", "JFIF", "PNG"):
        save(tmp_path / "set" / "cat" / f"{suffix}.{suffix}")
    found = read_image_folder(tmp_path / "set")
    assert len(found) == 5
    assert len(list(found.dataset())) == 5
    save(tmp_path / "masks" / "a.PNG", None)
    save(tmp_path / "photos" / "a.JPG")
    masked = read_masked_folder(tmp_path / "photos", tmp_path / "masks")
    assert len(list(masked.dataset())) == 1


def test_what_is_left_out_for_its_ending_is_counted_once(tmp_path, caplog):
    for k in range(3):
        save(tmp_path / "cat" / f"{k}.jpg", k)
        (tmp_path / "cat" / f"{k}.tif").write_bytes(b"II*\0")
        (tmp_path / "dog" / f"{k}.heic").parent.mkdir(exist_ok=True)
        (tmp_path / "dog" / f"{k}.heic").write_bytes(b"x")
    save(tmp_path / "dog" / "d.jpg")
    save(tmp_path / "stray.jpg")
    with caplog.at_level(logging.WARNING):
        read_image_folder(tmp_path)
    (record,) = caplog.records
    text = record.getMessage()
    assert "7 files are left out" in text
    assert "3 .tif" in text
    assert "3 .heic" in text
    assert "1 images outside of class folders" in text


def test_links_are_followed_once(tmp_path, caplog):
    save(tmp_path / "store" / "deep" / "a.jpg")
    folder = tmp_path / "set"
    save(folder / "cat" / "own.jpg")
    (folder / "dog").symlink_to(tmp_path / "store")
    (folder / "cat" / "linked.jpg").symlink_to(
        tmp_path / "store" / "deep" / "a.jpg"
    )
    (folder / "cat" / "more").symlink_to(tmp_path / "store" / "deep")
    (folder / "cat" / "loop").symlink_to(folder)
    (folder / "cat" / "broken.jpg").symlink_to(tmp_path / "nowhere.jpg")
    with caplog.at_level(logging.WARNING):
        found = read_image_folder(folder)
    assert found.image_ids == (
        "cat/linked.jpg",
        "cat/more/a.jpg",
        "cat/own.jpg",
        "dog/deep/a.jpg",
    )
    assert "1 links to a folder that is read" in caplog.text
    assert "1 broken links" in caplog.text


def test_many_links_among_folders_end(tmp_path):
    folders = [tmp_path / f"f{k}" for k in range(12)]
    for folder in folders:
        save(folder / "a.jpg")
    for folder in folders:
        for other in folders:
            (folder / f"to_{other.name}").symlink_to(other)
    assert 12 <= len(find_files(tmp_path)) <= 24


def test_two_files_of_one_name_are_named(write_voc, tmp_path):
    tree = write_voc({"a": ((9, 9), OBJECTS)})
    save(tree / "JPEGImages" / "a.jpg")
    with pytest.raises(ValueError, match=r"'a'.*a\.jpg and .*a\.png"):
        read_voc(tree, None, None)


def test_plain_images_of_one_name_are_all_kept(tmp_path):
    for name in ("a.jpg", "a.png", "b.jpg"):
        save(tmp_path / name)
    ids = {
        x["image_id"].numpy().decode()
        for split in ("train", "test")
        for x in load_images(f"folder:{tmp_path}", split).dataset
    }
    assert ids == {"a.jpg", "a.png", "b"}


ODD = os.fsdecode(b"stra\xdfe")


def test_names_that_are_not_utf_8_are_read(write_voc, tmp_path):
    for k in range(2):
        save(tmp_path / "set" / ODD / f"{ODD}{k}.jpg", k)
    found = read_image_folder(tmp_path / "set")
    assert found.class_names == ("stra\\xdfe",)
    for example in found.dataset(seed=1).take(4):
        assert example["image_id"].numpy().startswith(b"stra\\xdfe/stra\\xdfe")
    tree = write_voc({"a": ((9, 9), OBJECTS)})
    for file in (
        tree / "JPEGImages" / "a.png",
        tree / "Annotations" / "a.xml",
    ):
        file.rename(file.with_name(f"{ODD}{file.suffix}"))
    (example,) = read_voc(tree, None, None).dataset()
    assert example["image_id"] == b"stra\\xdfe"
    save(tmp_path / "photos" / f"{ODD}.jpg")
    save(tmp_path / "masks" / f"{ODD}.png", None)
    masked = read_masked_folder(tmp_path / "photos", tmp_path / "masks")
    assert len(list(masked.dataset())) == 1


def test_a_broken_image_of_an_odd_name_is_named(tmp_path, caplog):
    save(tmp_path / "cat" / "a.jpg")
    (tmp_path / "cat" / f"{ODD}.jpg").write_bytes(b"no image")
    skipped = []
    list(image_folder(tmp_path, on_error="skip", skipped=skipped))
    assert skipped == [str(tmp_path / "cat" / f"{ODD}.jpg")]
    assert "stra\\xdfe.jpg" in caplog.text  # can be written anywhere


def test_names_do_not_depend_on_the_locale(tmp_path):
    save(tmp_path / "\u732b.jpg")
    program = (
        "import os, sys; from kcv.text_files import path_text\n"
        "print(ascii([path_text(name) for name in os.listdir(sys.argv[1])]))"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-c", program, str(tmp_path)],
        env={**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == r"['\u732b.jpg']"


def test_colons_in_paths(write_voc, write_coco, tmp_path):
    tree = write_voc(
        dict.fromkeys("abcdef", ((9, 9), OBJECTS)),
        folder=tmp_path / "18 10:30" / "voc",
    )
    assert load_detection(f"voc:{tree}", "test").size == 1
    for k in range(2):
        save(tmp_path / "a:b" / "cat" / f"{k}.jpg", k)
    source = f"folder:{tmp_path / 'a:b'}"
    assert load_classification(source, "train").size == 1
    shutil.copytree(tmp_path / "a:b", tmp_path / "c:d")
    with pytest.raises(ValueError, match=r"`class_names`|share"):
        load_classification(f"{source}:{tmp_path / 'a:b'}", "train")
    both = f"{source}:{tmp_path / 'c:d'}"
    assert load_classification(both, "test").size == 2
    file, images = write_coco(
        dict.fromkeys(range(5), (9, 9)), [(0, 1, [0, 0, 3, 3], 0)], {1: "a"}
    )
    shutil.move(file, tmp_path / "18 10:30.json")
    source = f"coco:{tmp_path / '18 10:30.json'}:{images}"
    assert load_detection(source, "train").size == 4
    with pytest.raises(ValueError, match="Colons divide the paths"):
        load_detection(f"coco:{tmp_path / 'no:where.json'}:{images}:x")


def test_colons_of_two_meanings_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "a:b"):
        save(tmp_path / name / "cat" / "1.jpg")
    with pytest.raises(ValueError, match="in 2 ways"):
        load_classification("folder:a:b")
