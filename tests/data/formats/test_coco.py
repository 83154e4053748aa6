import json

import numpy as np
import pytest
from PIL import Image

from kcv.data.formats.coco import coco
from kcv.data.formats.coco import read_coco

SIZES = {7: (20, 30), 3: (24, 16), 9: (20, 30)}
OBJECTS = [
    (7, 40, [0, 0, 30, 20], 0),
    (7, 2, [4.5, 5, 5, 3.25], 1),
    (9, 40, [1, 0, 6, 20], 0),
]
# In another order than their ids.
CATEGORIES = {40: "kite", 2: "boat", 13: "unused"}


def test_boxes_labels_and_crowd(write_coco):
    file, folder = write_coco(SIZES, OBJECTS, CATEGORIES)
    first, second, third = coco(file, images=folder)
    with Image.open(folder / "7.png") as image:
        np.testing.assert_array_equal(first["images"], np.asarray(image))
    assert first["image_id"] == b"7"
    np.testing.assert_array_equal(
        first["bounding_boxes"]["boxes"], [[0, 0, 30, 20], [4.5, 5, 9.5, 8.25]]
    )
    assert first["bounding_boxes"]["labels"].numpy().tolist() == [2, 0]
    assert first["is_crowd"].numpy().tolist() == [False, True]
    assert first["difficult"].numpy().tolist() == [False, False]
    assert second["image_id"] == b"3"
    assert second["bounding_boxes"]["boxes"].shape == (0, 4)
    assert third["bounding_boxes"]["labels"].numpy().tolist() == [2]


def test_agrees_with_pycocotools(write_coco, capsys):
    tools = pytest.importorskip("pycocotools.coco")
    file, folder = write_coco(SIZES, OBJECTS, CATEGORIES)
    reference = tools.COCO(str(file))
    capsys.readouterr()
    annotations = read_coco(file, folder)
    categories = reference.loadCats(sorted(reference.getCatIds()))
    assert annotations.class_names == tuple(c["name"] for c in categories)
    for image in annotations.images:
        numbers = reference.getAnnIds(imgIds=[int(image.image_id)])
        own = reference.loadAnns(numbers)
        boxes = np.array([x["bbox"] for x in own]).reshape(-1, 4)
        np.testing.assert_allclose(image.boxes[:, :2], boxes[:, :2])
        np.testing.assert_allclose(
            image.boxes[:, 2:] - image.boxes[:, :2], boxes[:, 2:], atol=1e-5
        )
        assert [annotations.class_names[label] for label in image.labels] == [
            CATEGORIES[x["category_id"]] for x in own
        ]


def test_labels_of_a_given_order(write_coco):
    file, folder = write_coco(SIZES, OBJECTS, CATEGORIES)
    classes = ("kite", "unused", "boat", "more")
    annotations = read_coco(file, folder, classes)
    assert annotations.images[0].labels.tolist() == [0, 2]
    with pytest.raises(ValueError, match=r"categories \['boat', 'unused'\]"):
        read_coco(file, folder, ("kite",))


def test_missing_images_are_listed_before_anything_starts(write_coco):
    file, folder = write_coco(SIZES, OBJECTS, CATEGORIES)
    (folder / "3.png").unlink()
    (folder / "9.png").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"2 of 3 image files .*3\.png, .*9\.png"
    ):
        coco(file, images=folder)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ((7, 40, [0, 0, float("nan"), 20], 0), r"7\.png.*box 0 .*finite"),
        ((7, 40, [9, 0, -3, 20], 0), r"7\.png.*box 0 .*inverted"),
        ((7, 40, [20, 0, 20, 20], 0), r"7\.png of 30x20.*box 0 .*outside"),
        ((7, 41, [0, 0, 3, 3], 0), "annotation 1 has category_id 41"),
        ((8, 40, [0, 0, 3, 3], 0), "annotation 1 is of image_id 8"),
        ((7, 40, [0, 0, 3], 0), r"annotation 1 needs a bbox .*\[0, 0, 3\]"),
    ],
)
def test_wrong_annotations_are_named(found, message, write_coco):
    file, folder = write_coco(SIZES, [found], CATEGORIES)
    with pytest.raises(ValueError, match=rf"instances\.json.*{message}"):
        coco(file, images=folder)


def test_no_images(write_coco):
    file, folder = write_coco({}, [], CATEGORIES)
    with pytest.raises(ValueError, match="holds no images"):
        coco(file, images=folder)


def test_files_that_are_no_instances(tmp_path):
    file = tmp_path / "x.json"
    with pytest.raises(FileNotFoundError, match=r"x\.json"):
        coco(file, images=tmp_path)
    file.write_text("{")
    with pytest.raises(ValueError, match=r"x\.json is not JSON"):
        coco(file, images=tmp_path)
    file.write_text(json.dumps({"images": []}))
    with pytest.raises(ValueError, match="annotations, categories"):
        coco(file, images=tmp_path)


def test_arguments_that_do_not_go_together(write_coco, tmp_path):
    file, _ = write_coco(SIZES, OBJECTS, CATEGORIES)
    with pytest.raises(ValueError, match="`images` must be the folder"):
        coco(file)
    with pytest.raises(ValueError, match="for a JSON file"):
        coco("coco/2017", images=tmp_path)
