import numpy as np

from kcv.detection.learning.matching import label_anchors
from kcv.detection.learning.matching import match


def label(iou, valid=None, usable=None):
    iou = np.asarray(iou, "float32")[None]
    valid = np.ones(iou.shape[2], bool) if valid is None else valid
    usable = np.ones(iou.shape[1], bool) if usable is None else usable
    return np.asarray(
        label_anchors(iou, np.array([valid]), np.array([usable]))
    )[0].tolist()


def test_thresholds():
    # The first is the object's best; .7 is foreground, .3 is ignored.
    assert label([[0.9], [0.7], [0.69], [0.3], [0.29]]) == [1, 1, -1, -1, 0]


def test_every_anchor_that_ties_the_best_of_an_object_is_foreground():
    assert label([[0.2], [0.2], [0.1]]) == [1, 1, 0]


def test_an_object_that_overlaps_nothing_makes_nothing_foreground():
    assert label([[0.0, 0.8], [0.0, 0.1]]) == [1, 0]


def test_unusable_anchors_are_ignored_and_no_best():
    usable = np.array([False, True, True])
    assert label([[0.9], [0.4], [0.1]], usable=usable) == [-1, 1, 0]


def test_padding_objects_do_not_count():
    assert label([[0.9, 0.2], [0.1, 0.8]], valid=[True, False]) == [1, 0]


def test_without_objects_all_is_background():
    assert label(np.zeros((3, 0))) == [0, 0, 0]
    best, overlap = match(
        np.zeros((1, 3, 0), "float32"), np.zeros((1, 0), bool)
    )
    assert np.asarray(best).tolist() == [[0, 0, 0]]
    assert np.asarray(overlap).tolist() == [[0, 0, 0]]


def test_match_passes_padding_over():
    iou = np.array([[[0.2, 0.9], [0.0, 0.5]]], "float32")
    best, overlap = match(iou, np.array([[True, False]]))
    assert np.asarray(best).tolist() == [[0, 0]]
    np.testing.assert_allclose(overlap, [[0.2, 0.0]])
