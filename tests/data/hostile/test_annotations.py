"""Kind: annotations that are not what they should be, lost or read silently."""

import copy
import json
import logging

import numpy as np
import pytest

from kcv.data import coco
from kcv.data import load_detection
from kcv.data import read_coco
from kcv.data import read_voc
from kcv.data import validate
from kcv.data import voc
from kcv.data.formats.flags import read_flag

OBJECTS = [("cat", (1, 1, 9, 9), 0), ("dog", (2, 3, 8, 7), 0)]


@pytest.fixture
def tree(write_voc):
    return write_voc({"a": ((20, 30), OBJECTS), "b": ((20, 30), OBJECTS[:1])})


def rewrite(tree, *pairs):
    file = tree / "Annotations" / "a.xml"
    text = file.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


# === VOC: elements ===


@pytest.mark.parametrize(
    "pairs",
    [
        [("<annotation>", "<annotation xmlns='http://x.org/v'>")],
        [
            ("<annotation>", "<v:annotation xmlns:v='http://x.org'>"),
            ("</annotation>", "</v:annotation>"),
        ],
        [("annotation>", "Annotation>")],
        [("object>", "OBJECT>"), ("bndbox>", "BndBox>"), ("name>", "Name>")],
        [("<object>", "\n <object>\n")],
    ],
)
def test_other_spellings_of_elements_are_read(pairs, tree):
    rewrite(tree, *pairs)
    found = read_voc(tree, None, None).images[0]
    assert found.boxes.tolist() == [[0, 0, 9, 9], [1, 2, 8, 7]]
    assert found.size == (20, 30)


@pytest.mark.parametrize(
    "pairs",
    [
        [("annotation>", "kml>")],
        [
            ("<annotation>", "<a><annotation>"),
            ("</annotation>", "</annotation></a>"),
        ],
        [
            ("</size><object>", "</size><objects><object>"),
            ("</object></annotation>", "</object></objects></annotation>"),
        ],
        [("object>", "item>")],
        [("object>", "objects>")],
        [("<name>cat</name>", "<name>cat</name><name>dog</name>")],
        [("<name>cat</name>", "")],
        [("<xmin>1</xmin><ymin>1", "<xmin>2</xmin><xmin>1</xmin><ymin>1")],
        [
            (
                "<object><name>cat",
                "<object><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3</xmax>"
                "<ymax>3</ymax></bndbox><name>cat",
            )
        ],
        [("<xmin>1</xmin><ymin>1", "<xmin>a</xmin><ymin>1")],
        [("<width>30<", "<width>30px<")],
        [("<width>30<", "<width>nan<")],
        [("<width>30<", "<width>1e308<")],
        [("<width>30<", "<width>-30<")],
        [("<difficult>0<", "<difficult>maybe<")],
    ],
)
def test_what_could_hide_an_object_is_named(pairs, tree):
    rewrite(tree, *pairs)
    with pytest.raises(ValueError, match=r"a\.xml"):
        read_voc(tree, None, None)


@pytest.mark.parametrize("entities", [3, 40])
def test_entities_do_not_grow(entities, tree):
    text = "".join(
        f'<!ENTITY e{k} "{f"&e{k - 1};" * 10 if k else "x" * 100}">'
        for k in range(entities)
    )
    file = tree / "Annotations" / "a.xml"
    body = file.read_text().replace("cat", f"&e{entities - 1};")
    file.write_text(f"<!DOCTYPE a [{text}]>{body}")
    with pytest.raises(ValueError, match=r"a\.xml|x{100}"):
        read_voc(tree, None, ("cat", "dog"))


SPELLINGS = {
    True: [1, "1", " 1 ", True, "true", "TRUE", "Yes", "1.0", 1.0, "y", "t"],
    False: [0, "0", False, "false", "No", "", " ", None, "0.0", 0.0, "n"],
}


@pytest.mark.parametrize("value", [True, False])
def test_flags_in_any_spelling(value, tree, write_coco):
    for spelled in SPELLINGS[value]:
        assert read_flag(spelled, "x") is value
    for text in ("true", "1.0", "yes") if value else ("false", "no", "0"):
        rewrite(tree, ("<difficult>0<", f"<difficult>{text}<"))
        found = read_voc(tree, None, None).images[0]
        assert found.difficult.tolist() == [value, value]
        rewrite(tree, (f"<difficult>{text}<", "<difficult>0<"))
    for spelled in SPELLINGS[value]:
        file, folder = write_coco(
            {1: (9, 9)}, [(1, 1, [0, 0, 3, 3], spelled)], {1: "a"}
        )
        found = read_coco(file, folder).images[0]
        assert found.is_crowd.tolist() == [value]


@pytest.mark.parametrize("value", ["maybe", 2, -1, float("nan"), [], {}])
def test_flags_that_are_none_are_named(value, write_coco):
    file, folder = write_coco(
        {1: (9, 9)}, [(1, 1, [0, 0, 3, 3], value)], {1: "a"}
    )
    with pytest.raises(
        ValueError, match=r"instances\.json: annotations\[0\].*iscrowd"
    ):
        read_coco(file, folder)


# === COCO: types and ids ===


GOOD = {
    "images": [
        {"id": 1, "file_name": "1.png", "height": 9, "width": 9},
        {"id": 2, "file_name": "2.png", "height": 9, "width": 9},
    ],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 3, 3]}
    ],
    "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
}


@pytest.fixture
def changed(write_coco):
    """Write a JSON with one value changed, None for one left out."""
    file, folder = write_coco({1: (9, 9), 2: (9, 9)}, [], {1: "a"})

    def change(*path, value=...):
        content = copy.deepcopy(GOOD)
        place = content
        for key in path[:-1]:
            place = place[key]
        if value is ...:
            del place[path[-1]]
        else:
            place[path[-1]] = value
        file.write_text(json.dumps(content))
        return file, folder

    return change


WRONG = [
    ("images[1]", "id", ("images", 1, "id")),
    ("images[0]", "file_name", ("images", 0, "file_name")),
    ("categories[1]", "id", ("categories", 1, "id")),
    ("categories[0]", "name", ("categories", 0, "name")),
    ("annotations[0]", "image_id", ("annotations", 0, "image_id")),
    ("annotations[0]", "category_id", ("annotations", 0, "category_id")),
    ("annotations[0]", "bbox", ("annotations", 0, "bbox")),
    ("images", "", ("images",)),
    ("annotations", "", ("annotations",)),
    ("categories", "", ("categories",)),
    ("images[0]", "", ("images", 0)),
    ("annotations[0]", "", ("annotations", 0)),
    ("categories[0]", "", ("categories", 0)),
]
KEYS = [path for _, _, path in WRONG[:7]]


@pytest.mark.parametrize("value", [None, 1.5, True, {}, [[]], float("nan")])
@pytest.mark.parametrize(("entry", "key", "path"), WRONG)
def test_wrong_types_name_file_entry_and_key(entry, key, path, value, changed):
    with pytest.raises(ValueError, match=r"instances\.json") as caught:
        read_coco(*changed(*path, value=value))
    assert entry in str(caught.value)
    assert key in str(caught.value)


@pytest.mark.parametrize("path", KEYS, ids=str)
def test_missing_keys_name_file_and_entry(path, changed):
    with pytest.raises(ValueError, match=rf"instances\.json: {path[0]}\["):
        read_coco(*changed(*path))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("images", 0, "width"), "forty"),
        (("images", 0, "width"), float("nan")),
        (("images", 0, "height"), -3),
        (("images", 0, "height"), 10**400),
        (("images", 0, "height"), [9]),
        (("annotations", 0, "bbox"), ["a", 0, 3, 3]),
        (("annotations", 0, "bbox"), [0, 0, 3, None]),
        (("annotations", 0, "bbox"), {"x": 1}),
        (("annotations", 0, "bbox"), [0, 0, 10**400, 3]),
        (("annotations", 0, "bbox"), [0, 0, 3]),
        (("images", 0, "file_name"), "/etc/passwd"),
        (("images", 0, "file_name"), "../1.png"),
        (("images", 0, "file_name"), "a/../../1.png"),
        (("images", 0, "file_name"), "a\0b"),
    ],
)
def test_wrong_values_name_file_and_entry(path, value, changed):
    with pytest.raises(ValueError, match=r"instances\.json"):
        read_coco(*changed(*path, value=value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("images", 1, "id"), 1),
        (("images", 1, "id"), "1"),
        (("categories", 1, "id"), 1),
        (("categories", 1, "id"), "1"),
        (("categories", 1, "name"), "a"),
        (("categories", 1, "name"), " a "),
    ],
)
def test_ids_and_names_that_collide_are_named(path, value, changed):
    with pytest.raises(ValueError, match=r"instances\.json.*(same id|share)"):
        read_coco(*changed(*path, value=value))


def test_mixed_ids_are_read(changed):
    file, folder = changed("categories", 1, "id", value="x7")
    assert read_coco(file, folder).class_names == ("a", "b")
    file, folder = changed("images", 1, "id", value="x7")
    assert read_coco(file, folder).image_ids == ("1", "x7")


# === COCO: categories without objects ===


@pytest.mark.parametrize(
    "parent",
    [
        {"id": 0, "name": "fish", "supercategory": "none"},
        {"id": 0, "name": "fishes-abcd", "supercategory": "none"},
    ],
)
def test_unused_supercategories_are_left_out(parent, changed, caplog):
    child = {"id": 1, "name": "fish", "supercategory": parent["name"]}
    file, folder = changed("categories", value=[parent, child])
    found = read_coco(file, folder)
    assert found.class_names == ("fish",)
    assert found.images[0].labels.tolist() == [0]
    assert parent["name"] in caplog.text
    assert "are left out" in caplog.text


def test_classes_without_objects_are_said(changed, tree, caplog):
    file, folder = changed("categories", 0, "supercategory", value="a")
    assert read_coco(file, folder).class_names == ("a", "b")
    assert "1 of 2 classes have no object: b" in caplog.text
    read_voc(tree, None, ("cat", "dog", "gnu"))
    assert "1 of 3 classes have no object: gnu" in caplog.text


def test_a_set_without_any_object(write_voc, changed, caplog):
    empty = write_voc({"a": ((9, 9), [])})
    with pytest.raises(ValueError, match="no object is annotated"):
        read_voc(empty, None, None)
    assert read_voc(empty, None, ("cat",)).images[0].boxes.shape == (0, 4)
    assert "all of 1 classes have no object" in caplog.text
    caplog.clear()
    read_coco(*changed("annotations", value=[]))
    assert "all of 2 classes have no object" in caplog.text
    with pytest.raises(ValueError, match="categories"):
        read_coco(*changed("categories", value=[]))


# === A subset of the classes ===


def test_other_classes_are_left_out_on_request(tree, changed, caplog):
    with pytest.raises(ValueError, match=r"a\.xml: object 1 is a 'dog'"):
        voc(tree, None, class_names=("cat",))
    found = read_voc(tree, None, ("cat",), other_classes="drop")
    assert [len(image.boxes) for image in found.images] == [1, 1]
    assert "1 objects of other classes are left out" in caplog.text
    file, folder = changed("categories", 0, "name", value="z")
    with pytest.raises(ValueError, match=r"categories \['z'\]"):
        coco(file, images=folder, class_names=("b",))
    found = read_coco(file, folder, ("b",), other_classes="drop")
    assert len(found.images[0].boxes) == 0
    for read in (
        lambda: read_voc(tree, None, None, other_classes="drop"),
        lambda: read_coco(file, folder, other_classes="drop"),
        lambda: read_coco(file, folder, ("b",), other_classes="leave"),
    ):
        with pytest.raises(ValueError, match="`(class_names|other_classes)`"):
            read()


# === Boxes ===

# xyxy in an image of 30 x 20 pixels: what "clip" leaves of them.
ODD = {
    "beyond": ([20, 5, 35, 10], [20, 5, 30, 10]),
    "before": ([-2, -3, 10, 10], [0, 0, 10, 10]),
    "outside": ([40, 5, 50, 10], None),
    "inverted": ([10, 5, 3, 12], None),
    "upside down": ([3, 12, 10, 5], None),
    "empty": ([4, 4, 4, 9], None),
}
FINE = [1, 2, 8, 7]


def in_voc(write_voc, box, size=(20, 30)):
    corners = [box[0] + 1, box[1] + 1, *box[2:]]
    own = [("cat", corners, 1), ("dog", (2, 3, 8, 7), 0)]
    folder = write_voc({"a": (size, own)})
    return lambda boxes: read_voc(folder, None, None, boxes=boxes)


def in_coco(write_coco, box):
    x1, y1, x2, y2 = box
    file, folder = write_coco(
        {1: (20, 30)},
        [(1, 1, [x1, y1, x2 - x1, y2 - y1], 1), (1, 2, [1, 2, 7, 5], 0)],
        {1: "cat", 2: "dog"},
    )
    return lambda boxes: read_coco(file, folder, boxes=boxes)


@pytest.fixture(params=["voc", "coco"])
def kind(request):
    return request.param


@pytest.fixture
def write_box(kind, write_voc, write_coco):
    write = {"voc": write_voc, "coco": write_coco}[kind]
    return lambda box: {"voc": in_voc, "coco": in_coco}[kind](write, box)


@pytest.mark.parametrize("name", ODD)
def test_wrong_boxes_are_clipped_or_left_out(kind, name, write_box, caplog):
    box, clipped = ODD[name]
    read = write_box(box)
    if kind == "voc" or name != "empty":
        with pytest.raises(ValueError, match="box 0 .*(outside|inverted)"):
            read("raise")
    for boxes, kept in (("clip", clipped), ("drop", None)):
        caplog.clear()
        (image,) = read(boxes).images
        expected = [FINE] if kept is None else [kept, FINE]
        assert image.boxes.tolist() == expected
        assert image.labels.tolist() == [0, 1][-len(expected) :]
        flags = image.difficult if kind == "voc" else image.is_crowd
        assert flags.tolist() == [True, False][-len(expected) :]
        clips, left = (0, 1) if kept is None else (1, 0)
        counts = f"{clips} boxes are clipped to their image, and {left}"
        assert counts in caplog.text
    with pytest.raises(ValueError, match="`boxes` must be 'raise', 'clip'"):
        read("repair")


def test_clipped_boxes_are_streamed(write_box):
    box, clipped = ODD["before"]
    (example,) = write_box(box)("clip").dataset()
    boxes = example["bounding_boxes"]["boxes"].numpy().tolist()
    assert boxes == [clipped, FINE]


@pytest.mark.parametrize("boxes", ["clip", "drop"])
def test_images_without_annotated_size_are_measured(boxes, write_voc, caplog):
    read = in_voc(write_voc, ODD["beyond"][0])
    file = next(iter((read("drop").files,)))[0]
    xml = file.replace("JPEGImages", "Annotations").replace(".png", ".xml")
    with open(xml, encoding="utf-8") as opened:
        text = opened.read()
    with open(xml, "w", encoding="utf-8") as opened:
        opened.write(text.replace("size>", "source>"))
    (image,) = read(boxes).images
    assert image.size == (0, 0)
    assert len(image.boxes) == (2 if boxes == "clip" else 1)
    assert len(list(read(boxes).dataset())) == 1


def test_boxes_that_are_not_finite(write_voc):
    read = in_voc(write_voc, [float("nan"), 1, 5, 5])
    for boxes in ("raise", "clip"):
        with pytest.raises(ValueError, match=r"a\.xml.*box 0 .*not finite"):
            read(boxes)
    assert read("drop").images[0].boxes.tolist() == [FINE]


def test_empty_boxes_of_coco_are_left_out_and_counted(write_coco, caplog):
    read = in_coco(write_coco, [2.5, 8.33, 8.0, 8.33])
    with caplog.at_level(logging.WARNING):
        (image,) = read("raise").images
    assert image.boxes.tolist() == [FINE]
    assert "1 are left out" in caplog.text


def test_boxes_by_the_name_of_a_set(write_coco, caplog):
    file, folder = write_coco(
        dict.fromkeys(range(5), (20, 30)),
        [(k, 1, [20, 5, 15, 5], 0) for k in range(5)],
        {1: "cat"},
    )
    source = f"coco:{file}:{folder}"
    with pytest.raises(ValueError, match="outside"):
        load_detection(source)
    found = load_detection(source, boxes="clip")
    for example in found.dataset:
        boxes = example["bounding_boxes"]["boxes"].numpy()
        assert boxes.tolist() == [[20, 5, 30, 10]]


@pytest.mark.parametrize("boxes", ["clip", "drop"])
def test_boxes_of_a_stream(boxes, make_example, as_dataset, caplog):
    odd = [box for box, _ in ODD.values()]
    example = make_example(20, 30, [*odd, FINE], labels=[0] * 7)
    example["difficult"][0] = True
    (found,) = validate(as_dataset([example]), 1, boxes)
    expected = [left for _, left in ODD.values() if left]
    expected = [*(expected if boxes == "clip" else []), FINE]
    assert found["bounding_boxes"]["boxes"].numpy().tolist() == expected
    assert len(found["bounding_boxes"]["labels"]) == len(expected)
    assert found["difficult"].numpy().tolist()[0] is (boxes == "clip")
    assert "boxes are left out so far" in caplog.text


def test_zero_based_trees_are_read_by_an_option(write_voc, caplog):
    tree = write_voc({"a": ((20, 30), [("cat", (0, 0, 0, 10), 0)])})
    with pytest.raises(ValueError, match="outside"):
        read_voc(tree, None, None)
    found = read_voc(tree, None, None, zero_based=True)
    assert found.images[0].boxes.tolist() == [[0, 0, 1, 11]]
    assert not caplog.records
    tree = write_voc({"a": ((20, 30), [("cat", (0, 3, 9, 10), 0)])})
    found = read_voc(tree, None, None)
    np.testing.assert_array_equal(found.images[0].boxes, [[0, 2, 9, 10]])
    assert "1 boxes begin at pixel 0" in caplog.text
    assert "zero_based=True" in caplog.text
