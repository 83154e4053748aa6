"""Kind: text of other people's editors, in every reader of text."""

import json

import numpy as np
import pytest
from PIL import Image

from kcv.data import coco
from kcv.data import load_detection
from kcv.data import load_segmentation
from kcv.data import read_coco
from kcv.data import read_face_list
from kcv.data import read_image_folder
from kcv.data import read_masked_folder
from kcv.data import read_voc
from kcv.data import voc
from kcv.serving import ServingConfig
from kcv.serving.publishing import _check_class_names
from kcv.serving.trained_model import _class_names
from kcv.text_files import check_name
from kcv.text_files import check_names
from kcv.text_files import read_json
from kcv.text_files import read_list
from kcv.text_files import read_names
from kcv.text_files import read_text
from tests.voc_trees import pixels

MARK = "\ufeff"
IMAGES = {
    "im0": ((20, 30), [("cat", (1, 1, 9, 9), 0)]),
    "im1": ((20, 30), [("dog", (1, 1, 9, 9), 0)]),
}


def rewrite(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


# === Byte-order marks and other encodings ===


def test_byte_order_marks_are_read(write_voc, write_coco, tmp_path):
    folder = write_voc(IMAGES, {"train": ["im0"], "val": ["im1"]})
    for file in [
        *folder.rglob("*.txt"),
        *folder.rglob("*.xml"),
    ]:
        file.write_text(MARK + file.read_text("utf-8"), encoding="utf-8")
    assert read_voc(folder, "train", None).image_ids == ("im0",)
    file, images = write_coco({1: (9, 9)}, [(1, 1, [0, 0, 3, 3], 0)], {1: "a"})
    file.write_text(MARK + file.read_text("utf-8"), encoding="utf-8")
    assert read_coco(file, images).class_names == ("a",)
    labels = tmp_path / "labels.txt"
    labels.write_text(f"{MARK}cat\ndog\n", encoding="utf-8")
    assert read_names(labels) == ("cat", "dog")
    assert _class_names(tmp_path / "model.keras", None, None) == ("cat", "dog")
    serving = ServingConfig("detection", class_names=("cat",))
    file = serving.save(tmp_path)
    file.write_text(MARK + file.read_text("utf-8"), encoding="utf-8")
    assert ServingConfig.load(tmp_path).class_names == ("cat",)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
@pytest.mark.parametrize("read", [read_text, read_json, read_names, read_list])
def test_other_encodings_name_the_file(read, encoding, tmp_path):
    file = tmp_path / "x.txt"
    file.write_bytes("Stra\u00dfe".encode(encoding))
    with pytest.raises(ValueError, match=r"x\.txt is not a text file in UTF-8"):
        read(file)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_readers_name_lists_in_other_encodings(encoding, write_voc, tmp_path):
    folder = write_voc(IMAGES, {"train": ["im0"]})
    listed = folder / "ImageSets" / "Main" / "train.txt"
    listed.write_bytes("im\u00fc".encode(encoding))
    with pytest.raises(ValueError, match=r"train\.txt"):
        read_voc(folder, "train", None)
    (tmp_path / "people.csv").write_bytes("a\u00fc,b".encode(encoding))
    with pytest.raises(ValueError, match=r"people\.csv"):
        read_face_list(tmp_path / "people.csv", tmp_path)


@pytest.mark.parametrize(
    "text", ['{"images": [', "", "[1, 2", '{"a": tru', "[" * 100_000]
)
def test_half_written_json_names_the_file(text, tmp_path):
    file = tmp_path / "half.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"half\.json is not JSON"):
        coco(file, images=tmp_path)


def test_a_half_written_configuration_names_the_file(tmp_path):
    file = ServingConfig("detection", class_names=("a",)).save(tmp_path)
    file.write_text(file.read_text()[:20])
    with pytest.raises(ValueError, match=r"serving\.json"):
        ServingConfig.load(tmp_path)


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("GBK", "gbk"),
        ("gb2312", "gb2312"),
        ("Shift_JIS", "shift_jis"),
        ("windows-1252", "cp1252"),
        ("UTF-8", "utf-8-sig"),
        ("UTF-16", "utf-16"),
    ],
)
def test_declared_encodings_of_xml_are_read(declared, written, write_voc):
    name = "stra\u00dfe" if written == "cp1252" else "\u732b"
    folder = write_voc(IMAGES)
    file = folder / "Annotations" / "im0.xml"
    text = file.read_text().replace("<name>cat<", f"<name>{name}<")
    text = f'<?xml version="1.0" encoding="{declared}"?>\n{text}'
    file.write_bytes(text.encode(written))
    assert name in read_voc(folder, None, None).class_names


@pytest.mark.parametrize("encoding", ["klingon", "EUC-JP", "idna"])
def test_encodings_that_are_wrong_name_the_file(encoding, write_voc):
    folder = write_voc(IMAGES)
    file = folder / "Annotations" / "im0.xml"
    text = f'<?xml version="1.0" encoding="{encoding}"?>{file.read_text()}'
    file.write_bytes(text.replace("cat", "\u732b").encode())
    with pytest.raises(ValueError, match=r"im0\.xml"):
        read_voc(folder, None, None)


# === Names ===


@pytest.mark.parametrize(
    "name", ["\n   cat\n  ", "cat ", "\tcat", f"{MARK}cat", "\u00a0cat\r\n"]
)
def test_blanks_around_names_are_removed(name, write_voc, write_coco, tmp_path):
    folder = write_voc(IMAGES)
    rewrite(folder / "Annotations" / "im0.xml", ">cat<", f">{name}<")
    assert read_voc(folder, None, None).class_names == ("cat", "dog")
    assert read_voc(folder, None, (name, "dog")).class_names == ("cat", "dog")
    file, images = write_coco({1: (9, 9)}, [(1, 1, [0, 0, 3, 3], 0)], {1: name})
    assert read_coco(file, images).class_names == ("cat",)
    assert _check_class_names([name], object()) == ("cat",)


EMPTY = {"categories": [], "annotations": []}
BAD = [
    "a\nb",
    "a\r\nb",
    "a\rb",
    "a\u2028b",
    "a\x85b",
    "a\x0bb",
    "a\0b",
    "",
    "  ",
    None,
    7,
    True,
    float("nan"),
    ["a"],
]


@pytest.mark.parametrize("name", [*BAD, "a\ud800"], ids=ascii)
def test_names_that_are_none_are_refused_on_entry(name, write_coco, tmp_path):
    with pytest.raises(ValueError, match=r"x\.txt: a name must"):
        check_name(name, "x.txt")
    file, images = write_coco({1: (9, 9)}, [(1, 1, [0, 0, 3, 3], 0)], {1: name})
    with pytest.raises(ValueError, match=r"instances\.json.* a name must"):
        read_coco(file, images)
    file.write_text(json.dumps({**json.loads(file.read_text()), **EMPTY}))
    with pytest.raises(ValueError, match="`class_names`: a name must"):
        read_coco(file, images, ("b", name))
    with pytest.raises(ValueError, match="`class_names`: a name must"):
        _check_class_names(["b", name], object())
    serving = tmp_path / "serving.json"
    content = {"task": "detection", "prepare": None, "class_names": [name]}
    serving.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"serving\.json"):
        ServingConfig.load(tmp_path)


@pytest.mark.parametrize(
    "name", ["a\nb", "a&#x2028;b", "a&#x85;b", "", " ", "a&#13;b"]
)
def test_names_in_xml_are_refused_with_their_file(name, write_voc):
    folder = write_voc(IMAGES)
    rewrite(folder / "Annotations" / "im0.xml", ">cat<", f">{name}<")
    with pytest.raises(ValueError, match=r"im0\.xml: object 0, <name>: a name"):
        read_voc(folder, None, None)


def test_class_folders_have_names_of_one_line(tmp_path):
    (tmp_path / "set" / "a\nb").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"set, class folder: a name must be"):
        read_image_folder(tmp_path / "set")


def test_an_empty_line_between_names_is_refused(tmp_path):
    file = tmp_path / "class_names.txt"
    file.write_text("background\n\ncat\n")
    with pytest.raises(ValueError, match=r"class_names\.txt, line 2: .*empty"):
        read_names(file)
    file.write_text("background\r\ncat\r\n\r\n \r\n")
    assert read_names(file) == ("background", "cat")
    file.write_text("")
    assert read_names(file) == ()


@pytest.mark.parametrize("names", [("x", "x"), ("x", " x"), "xy"])
def test_two_classes_of_one_name_are_refused(names, write_voc):
    with pytest.raises(ValueError, match="`class_names`"):
        read_voc(write_voc(IMAGES), None, names)
    with pytest.raises(ValueError, match="here"):
        check_names(names, "here")


# === Lists ===


def test_names_with_blanks_in_lists_are_whole_lines(write_voc):
    names = ["my photo", "my photo 1", "batch (2) 0", "x 5"]
    images = dict.fromkeys(names, IMAGES["im0"])
    lists = {"train": names[:2], "test": names[2:]}
    folder = write_voc(images, lists)
    assert read_voc(folder, "train", None).image_ids == tuple(names[:2])
    test = load_detection(f"voc:{folder}", "test")
    assert [x["image_id"].numpy().decode() for x in test.dataset] == names[2:]


def test_marks_of_the_lists_of_a_class_are_removed(write_voc):
    images = dict.fromkeys(("a", "a b", "a 1"), IMAGES["im0"])
    lists = {"cat_train": ["a  1", "a b -1"], "dog_train": ["a 1"]}
    folder = write_voc(images, lists)
    assert read_voc(folder, "cat_train", None).image_ids == ("a", "a b")
    assert read_voc(folder, "dog_train", None).image_ids == ("a 1",)


def test_lists_may_have_any_line_ends_and_empty_lines(write_voc):
    folder = write_voc(IMAGES, {"train": []})
    listed = folder / "ImageSets" / "Main" / "train.txt"
    for end in ("\n", "\r\n", "\r"):
        listed.write_bytes(f"{end}im0 {end} {end}im1{end}".encode())
        assert read_voc(folder, "train", None).image_ids == ("im0", "im1")


def test_a_name_listed_twice_is_named_with_its_line(write_voc):
    folder = write_voc(IMAGES, {"train": ["im0", "im1", "im0"]})
    with pytest.raises(ValueError, match=r"train\.txt, line 3: 'im0' .*line 1"):
        voc(folder, "train", class_names=None)


def test_lists_of_segmentation_have_whole_lines(tmp_path):
    folder = tmp_path / "voc"
    for name in ("my photo", "b"):
        for kind in ("JPEGImages", "SegmentationClass"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(4, 5)).save(
            folder / "JPEGImages" / f"{name}.jpg"
        )
        Image.fromarray(np.eye(4, 5, dtype=np.uint8)).save(
            folder / "SegmentationClass" / f"{name}.png"
        )
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text(f"{MARK}my photo\n", encoding="utf-8")
    (lists / "val.txt").write_text("b")
    (folder / "class_names.txt").write_text(f"{MARK}none\na\n", "utf-8")
    train = load_segmentation(f"voc:{folder}")
    (example,) = train.dataset
    assert example["image_id"] == b"my photo"
    assert train.class_names == ("none", "a")
    photos = folder / "JPEGImages"
    masks = folder / "SegmentationClass"
    (masks / "class_names.txt").write_text(f"{MARK}none\r\na\r\n", "utf-8")
    assert read_masked_folder(photos, masks).class_names == ("none", "a")
