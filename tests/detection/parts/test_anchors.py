import numpy as np
import pytest

from kcv.detection.parts.anchors import base_anchors
from kcv.detection.parts.anchors import grid_anchors
from kcv.detection.parts.anchors import inside_image

# What generate_anchors.py of py-faster-rcnn returns, with inclusive corners.
PY_FASTER_RCNN = [
    (-84, -40, 99, 55),
    (-176, -88, 191, 103),
    (-360, -184, 375, 199),
    (-56, -56, 71, 71),
    (-120, -120, 135, 135),
    (-248, -248, 263, 263),
    (-36, -80, 51, 95),
    (-80, -168, 95, 183),
    (-168, -344, 183, 359),
]


def test_base_anchors_are_those_of_py_faster_rcnn():
    inclusive = base_anchors() - [0, 0, 1, 1]
    np.testing.assert_array_equal(inclusive, PY_FASTER_RCNN)


def test_grid_of_a_600_by_1000_image():
    anchors = np.asarray(grid_anchors(38, 63, 16, base_anchors()))
    assert len(anchors) == 21546
    # Rows, then columns, then anchors.
    np.testing.assert_array_equal(anchors[:9], base_anchors())
    np.testing.assert_array_equal(anchors[9:18], base_anchors() + [16, 0] * 2)
    np.testing.assert_array_equal(
        anchors[63 * 9 :][:9], base_anchors() + [0, 16] * 2
    )
    inside = np.asarray(inside_image(anchors, np.array([[600, 1000]])))[0]
    assert inside.sum() == 8151
    per_anchor = inside.reshape(-1, 9).sum(0).tolist()
    assert per_anchor == [1632, 1040, 238, 1650, 1034, 186, 1539, 832, 0]


def test_inside_is_judged_by_each_image():
    anchors = np.array([[0.0, 0, 10, 20], [-1, 0, 10, 10], [0, 0, 21, 5]])
    inside = inside_image(anchors, np.array([[20, 20], [19, 30]]))
    assert np.asarray(inside).tolist() == [
        [True, False, False],
        [False, False, True],
    ]


def test_errors():
    with pytest.raises(ValueError, match=r"ratios=\[0.0\]"):
        base_anchors(ratios=(0,))
