import numpy as np
import pytest
from PIL import Image

from kcv.data.formats.fddb import ellipse_boxes
from kcv.data.formats.fddb import read_fddb

LISTS = {
    1: "2002/08/11/big/img_591\n1\n20.5 15.0 1.265839 30.25 28.0  1\n",
    2: "a/img_1\n2\n9 5 0 12 14 1\n6 6 -1.5 60 40 1\na/img_2\n0\n",
}


@pytest.fixture
def folder(tmp_path):
    for fold, text in LISTS.items():
        path = tmp_path / "FDDB-folds"
        path.mkdir(exist_ok=True)
        (path / f"FDDB-fold-{fold:02d}-ellipseList.txt").write_text(text)
        for line in text.splitlines():
            if "img_" in line:
                file = tmp_path / "originalPics" / f"{line}.jpg"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (64, 48), "gray").save(file)
    return tmp_path


def test_folds_are_read(folder):
    records = read_fddb(folder, folds=[1, 2])
    assert records.image_ids == ("2002/08/11/big/img_591", "a/img_1", "a/img_2")
    assert records.folds == (1, 2, 2)
    truth = records.ground_truth()
    np.testing.assert_allclose(
        truth["2002/08/11/big/img_591"]["ellipses"],
        [[20.5, 15, 1.265839, 30.25, 28]],
    )
    assert truth["a/img_2"]["ellipses"].shape == (0, 5)
    one = records.only(lambda name: name == "a/img_1")
    assert len(one) == 1
    assert one.folds == (2,)


def test_examples_have_boxes_around_the_ellipses(folder):
    examples = list(read_fddb(folder, folds=[2]).dataset())
    boxes = examples[0]["bounding_boxes"]
    assert examples[0]["images"].shape == (48, 64, 3)
    np.testing.assert_allclose(boxes["boxes"][0], [3, 9, 21, 19], atol=1e-5)
    assert float(boxes["boxes"][1, 2]) == 64  # 66 before it is clipped
    np.testing.assert_array_equal(boxes["labels"], [0, 0])
    assert examples[1]["bounding_boxes"]["boxes"].shape == (0, 4)


def test_box_of_a_turned_ellipse_touches_it():
    angle = np.linspace(0, 2 * np.pi, 20001)
    long, short, turn = 9.0, 4.0, 0.7
    x = (
        30
        + long * np.cos(angle) * np.cos(turn)
        - short * np.sin(angle) * np.sin(turn)
    )
    y = (
        20
        + long * np.cos(angle) * np.sin(turn)
        + short * np.sin(angle) * np.cos(turn)
    )
    box = ellipse_boxes(np.float32([[long, short, turn, 30, 20]]))[0]
    np.testing.assert_allclose(
        box, [x.min(), y.min(), x.max(), y.max()], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a/img_1\nx\n", r"ellipseList.txt:2: the number of faces"),
        ("a/img_1\n99999999\n", r":2: the number of faces"),
        ("a/img_1\n1\n9 5 0 12\n", r":3: an ellipse"),
        ("a/img_1\n1\n9 -5 0 12 3 1\n", r":3: an ellipse"),
        ("a/img_1\n1\n9 nan 0 12 3 1\n", r":3: an ellipse"),
        ("a/img_1\n2\n9 5 0 12 3 1\n", r":2: the number|:4: an ellipse"),
        ("../img_1\n0\n", r":1: a name of an image"),
    ],
)
def test_mistakes_are_named(folder, text, match):
    file = folder / "FDDB-folds" / "FDDB-fold-01-ellipseList.txt"
    file.write_text(text)
    with pytest.raises(ValueError, match=match):
        read_fddb(folder, folds=[1])


def test_missing_files_are_named(folder):
    with pytest.raises(FileNotFoundError, match="fold-03"):
        read_fddb(folder)
    with pytest.raises(ValueError, match="`folds` must be numbers"):
        read_fddb(folder, folds=[11])
    (folder / "originalPics" / "a" / "img_2.jpg").unlink()
    with pytest.raises(FileNotFoundError, match="1 of 2 image files"):
        read_fddb(folder, folds=[2])
