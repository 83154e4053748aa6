import numpy as np
import pytest

from kcv.metrics.box_errors import box_errors

OBJECT = [0, 0, 10, 10]
OTHER = [50, 50, 60, 60]


def entry(boxes, labels, scores=None, **flags):
    found = {"boxes": boxes, "labels": labels, **flags}
    return found if scores is None else {**found, "scores": scores}


def errors(truth, found, **options):
    result = box_errors({"a": truth}, {"a": found}, 2, **options)
    # The table and the list count the same.
    missed, false, other = result.images["a"]
    assert result.confusion[:2, 2].sum() == missed
    assert result.confusion[2, :2].sum() == false
    inside = result.confusion[:2, :2]
    assert inside.sum() - np.trace(inside) == other
    return missed, false, other


def test_right_missed_false_and_of_another_class():
    truth = entry([OBJECT, OTHER], [0, 1])
    assert errors(truth, entry([OBJECT, OTHER], [0, 1], [0.9, 0.8])) == (0,) * 3
    assert errors(truth, entry([OBJECT], [0], [0.9])) == (1, 0, 0)
    found = entry([OBJECT, OTHER, [20, 20, 30, 30]], [0, 1, 1], [0.9] * 3)
    assert errors(truth, found) == (0, 1, 0)
    assert errors(truth, entry([OBJECT, OTHER], [1, 1], [0.9] * 2)) == (0, 0, 1)
    assert errors(truth, entry([], [], [])) == (2, 0, 0)
    assert errors(entry([], []), entry([OBJECT], [0], [0.9])) == (0, 1, 0)


def test_a_second_detection_of_an_object_is_false():
    truth = entry([OBJECT], [0])
    found = entry([OBJECT, [0, 0, 10, 9]], [0, 0], [0.8, 0.9])
    assert errors(truth, found) == (0, 1, 0)


def test_another_class_does_not_take_an_object_from_its_own():
    truth = entry([OBJECT], [0])
    # The wrong class scores higher.
    found = entry([OBJECT, [0, 0, 10, 9]], [1, 0], [0.9, 0.8])
    assert errors(truth, found) == (0, 1, 0)


def test_scores_and_overlaps_below_their_limits_do_not_count():
    truth = entry([OBJECT], [0])
    low = entry([OBJECT], [0], [0.4])
    assert errors(truth, low) == (1, 0, 0)
    assert errors(truth, low, min_score=0.4) == (0, 0, 0)
    half = entry([[0, 0, 10, 5]], [0], [0.9])
    assert errors(truth, half) == (0, 0, 0)
    assert errors(truth, half, iou=0.51) == (1, 1, 0)


@pytest.mark.parametrize("flag", ["difficult", "is_crowd"])
def test_difficult_objects_and_crowds_do_not_count(flag):
    truth = entry([OBJECT, OTHER], [0, 1], **{flag: [True, False]})
    assert errors(truth, entry([OTHER], [1], [0.9])) == (0, 0, 0)
    both = entry([OBJECT, OTHER], [1, 1], [0.9, 0.9])
    assert errors(truth, both) == (0, 0, 0)
