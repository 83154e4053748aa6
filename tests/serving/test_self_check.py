"""What counts as another answer than the prediction."""

import numpy as np
import pytest

from kcv.serving.errors import ExportError
from kcv.serving.self_check import _compare

REQUEST = ("serving_default", {"images": np.zeros((1, 4, 4, 3))})
TOLERANCE = 1e-3


def compare(value, expected):
    _compare(REQUEST, {"found": value}, {"found": expected}, TOLERANCE)


def test_a_rounded_pixel_in_thousands_may_differ():
    expected = np.zeros((1, 50, 50), np.uint8)
    found = expected.copy()
    found[0, 0, :2] = 1  # 2 of 2500
    compare(found, expected)
    found[0, 0, 2] = 1
    with pytest.raises(ExportError, match=r"0\.0012 of the numbers differ"):
        compare(found, expected)


def test_a_pixel_in_thousands_may_hang_on_a_switch():
    expected = np.zeros((1, 50, 50), np.float32)
    found = expected.copy()
    found[0, 0, :2] = 0.01
    compare(found, expected)
    found[0, 0, 2] = 0.01
    with pytest.raises(ExportError, match=r"0\.0012 .* by more than 0\.001"):
        compare(found, expected)
    for value in (np.nan, np.inf):
        found = expected.copy()
        found[0, 0, 0] = value
        with pytest.raises(ExportError, match=r"0\.0004 of the numbers"):
            compare(found, expected)


def test_no_score_of_thousands_of_classes_may_differ():
    expected = np.zeros((1, 2000), np.float32)
    found = expected.copy()
    found[0, 0] = 0.01
    with pytest.raises(ExportError, match=r"0\.0005 of the numbers"):
        compare(found, expected)


def test_no_label_of_few_may_differ():
    expected = np.arange(100)[None]
    compare(expected, expected)
    found = expected.copy()
    found[0, 7] = 0
    with pytest.raises(ExportError, match=r"0\.01 of the numbers differ"):
        compare(found, expected)


def test_names_are_compared_as_labels_are():
    expected = np.full((1, 2000), b"cat", object)
    found = expected.copy()
    found[0, :2] = b"dog"
    compare(found, expected)
    found[0, 2] = b""
    with pytest.raises(ExportError, match=r"0\.0015 of the names differ"):
        compare(found, expected)


def test_floats_differ_by_the_largest_value():
    expected = np.array([[1000.0, 2.0]])
    compare(expected + [[0.0, 0.9]], expected)
    with pytest.raises(ExportError, match=r"largest difference 1\.1"):
        compare(expected + [[0.0, 1.1]], expected)
    with pytest.raises(ExportError, match="largest difference nan"):
        compare(expected * np.nan, expected)
