import os

import pytest

from kcv.commands.image_files import find_images


@pytest.fixture
def tree(tmp_path):
    for name in ("a.jpg", "a.png", "b.JPG", "below/a.jpg", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def test_a_folder_is_searched_at_any_depth(tree):
    found = find_images([str(tree)])
    assert [file.name for file in found] == [
        "a.jpg",
        "a.png",
        "b.JPG",
        "below/a.jpg",
    ]
    # Where two names differ in their suffix alone, it stays.
    assert [file.stem for file in found] == ["a.jpg", "a.png", "b", "below/a"]


def test_files_and_patterns_are_named_below_their_common_folder(tree):
    found = find_images([str(tree / "below/a.jpg"), str(tree / "*.[jJ]*")])
    assert [file.name for file in found] == ["below/a.jpg", "a.jpg", "b.JPG"]


def test_an_image_counts_once(tree):
    found = find_images([str(tree), str(tree / "a.jpg"), str(tree / "*.png")])
    assert len(found) == 4


def test_a_name_with_the_signs_of_a_pattern_is_a_name(tree):
    (tree / "[1].jpg").touch()
    found = find_images([str(tree / "[1].jpg")])
    assert [file.name for file in found] == ["[1].jpg"]


def test_what_the_command_has_written_is_not_read(tree):
    found = find_images([str(tree)], without=tree / "below")
    assert "below/a.jpg" not in [file.name for file in found]


def test_a_name_that_is_not_unicode_is_named(tree):
    path = os.path.join(os.fsencode(tree), b"na\xefve.png")
    with open(path, "wb"):
        pass
    assert "na\\xefve.png" in [file.name for file in find_images([str(tree)])]


@pytest.mark.parametrize("place", ["none.jpg", "none/*.jpg", "empty"])
def test_a_place_without_images_is_named(tree, place):
    (tree / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="does not exist|no image") as e:
        find_images([str(tree / place)])
    assert place in str(e.value)


def test_stems_differ_whatever_the_case_of_letters(tmp_path):
    for name in ("x.jpg", "X.png", "x.jpg.png"):
        (tmp_path / name).touch()
    stems = [file.stem.lower() for file in find_images([str(tmp_path)])]
    assert len(set(stems)) == 3
