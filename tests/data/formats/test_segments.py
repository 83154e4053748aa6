import numpy as np
import pytest

from kcv.data.formats.segments import check_segment
from kcv.data.formats.segments import segment_mask

SIZE = (9, 12)


def test_run_lengths_of_both_forms_are_those_of_coco():
    tool = pytest.importorskip("pycocotools.mask")
    random = np.random.default_rng(0)
    for share in (0, 0.02, 0.5, 1):
        mask = (random.random(SIZE) < share).astype(np.uint8)
        packed = tool.encode(np.asfortranarray(mask))
        packed["counts"] = packed["counts"].decode()
        checked = check_segment(packed, SIZE, "here")
        np.testing.assert_array_equal(segment_mask(checked, SIZE), mask)
        again = check_segment(checked, SIZE, "here")
        np.testing.assert_array_equal(segment_mask(again, SIZE), mask)


def test_long_runs_of_a_string():
    tool = pytest.importorskip("pycocotools.mask")
    mask = np.zeros((700, 900), np.uint8)
    mask[300:650, 200:800] = 1
    packed = tool.encode(np.asfortranarray(mask))
    packed["counts"] = packed["counts"].decode()
    checked = check_segment(packed, mask.shape, "here")
    np.testing.assert_array_equal(segment_mask(checked, mask.shape), mask)


def test_polygons_are_joined():
    pytest.importorskip("pycocotools")
    polygons = [[0, 0, 4, 0, 4, 3, 0, 3], [6, 5, 12, 5, 12, 9, 6, 9]]
    expected = np.zeros(SIZE, np.uint8)
    expected[:3, :4] = expected[5:, 6:] = 1
    checked = check_segment(polygons, SIZE, "here")
    np.testing.assert_array_equal(segment_mask(checked, SIZE), expected)


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        (None, "needs a segmentation"),
        ([], "needs a segmentation"),
        ([[0, 0, 4, 0]], "at least three points"),
        ([[0, 0, 4, 0, 4]], "at least three points"),
        ([["a"] * 6], "at least three points"),
        ([[0, 0, 40, 0, 4, 3]], r"a point \[40.0, 0.0\] outside of its image"),
        ([[0, 0, float("nan"), 0, 4, 3]], "outside of its image"),
        ({"size": [12, 9], "counts": [108]}, r"of the size \[12, 9\]"),
        ({"size": [9, 12], "counts": [100]}, "add up to the 108 pixels"),
        ({"size": [9, 12], "counts": [-8, 116]}, "add up to the 108 pixels"),
        ({"size": [9, 12], "counts": "~"}, "add up to the 108 pixels"),
        ({"size": [9, 12], "counts": "P"}, "add up to the 108 pixels"),
        ({"size": [9, 12]}, "add up to the 108 pixels"),
    ],
)
def test_what_is_wrong_is_named(segment, message):
    with pytest.raises(ValueError, match=f"cats.json: 3.*{message}"):
        check_segment(segment, SIZE, "cats.json: 3")
