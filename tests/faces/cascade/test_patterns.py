import numpy as np
import pytest
import tensorflow as tf

from kcv.faces.cascade import PATTERNS
from kcv.faces.cascade import calibrate
from kcv.faces.cascade import pattern_windows


@pytest.fixture
def expected(golden):
    with np.load(golden / "networks" / "cascade.npz") as file:
        return dict(file)


def xyxy(boxes):
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], -1)


def test_the_patterns_are_those_of_the_paper(expected):
    np.testing.assert_array_equal(PATTERNS, expected["cal_patterns"])


def test_windows_of_a_face_are_shifted_and_scaled(expected):
    windows = pattern_windows([xyxy(expected["cal_face_xywh"])])[0]
    np.testing.assert_allclose(windows, xyxy(expected["cal_face_crops_xywh"]))


def test_each_pattern_is_undone():
    faces = np.array([[40.0, 30.0, 90.0, 90.0], [-7.0, 2.5, 5.0, 14.5]])
    windows = pattern_windows(faces)
    for face, own in zip(faces, windows, strict=True):
        found = calibrate(tf.constant(own), np.eye(45)).numpy()
        np.testing.assert_allclose(found, np.tile(face, (45, 1)), atol=1e-12)


def test_chosen_patterns_are_averaged(expected):
    found = calibrate(
        tf.constant(xyxy(expected["cal_boxes_xywh"])),
        expected["cal_scores"],
        float(expected["cal_threshold"]),
    )
    assert 0 in expected["cal_n_used"]  # windows that stay
    np.testing.assert_allclose(found, xyxy(expected["cal_out_xywh"]), rtol=1e-9)


def test_no_face_gives_no_window():
    assert pattern_windows(np.zeros((0, 4))).shape == (0, 45, 4)
