"""Figures of face detection against closed forms and all assignments."""

import itertools

import numpy as np
import pytest

from kcv.metrics import fddb_scores
from kcv.metrics import recall_over_false_positives
from kcv.metrics.face_detection import ellipse_iou
from kcv.metrics.face_detection import stretch_boxes

FACE = [0, 0, 10, 10]
ELSEWHERE = [50, 50, 60, 60]


def found(*boxes_and_scores):
    return {
        "boxes": [box for box, _ in boxes_and_scores],
        "scores": [score for _, score in boxes_and_scores],
        "labels": [0] * len(boxes_and_scores),
    }


def test_recall_over_false_positives():
    truth = {i: {"boxes": [FACE], "labels": [0]} for i in range(4)}
    curve = recall_over_false_positives(
        truth,
        {
            0: found((FACE, 0.9), (FACE, 0.8)),  # the second time is wrong
            1: found((ELSEWHERE, 0.7)),
            2: found((FACE, 0.6)),
        },
    )
    np.testing.assert_allclose(curve.false_positives, [0, 0.25, 0.5, 0.5])
    np.testing.assert_allclose(curve.recall, [0.25, 0.25, 0.25, 0.5])
    np.testing.assert_allclose(curve.scores, [0.9, 0.8, 0.7, 0.6])
    assert curve.recall_at(0.3) == 0.25
    assert curve.recall_at(0.5) == 0.5


def test_nothing_found_is_no_recall():
    truth = {0: {"boxes": [FACE], "labels": [0]}}
    assert recall_over_false_positives(truth, {}).recall_at(10) == 0


def test_overlap_with_an_ellipse_is_that_of_the_areas():
    long, short = 120.0, 80.0
    for angle in (0.0, 0.6, np.pi / 2):
        ellipse = [long, short, angle, 300.3, 280.7]
        around = [100, 100, 500, 500]
        area = np.pi * long * short
        far = [1000, 1000, 1100, 1100]
        values = ellipse_iou([ellipse], [around, far])[0]
        np.testing.assert_allclose(values, [area / 400**2, 0], rtol=2e-3)
    upright = [long, short, np.pi / 2, 300, 300]
    half = [0, 0, 300, 600]  # its left half
    expected = (area / 2) / (300 * 600 + area / 2)
    np.testing.assert_allclose(
        ellipse_iou([upright], [half]), [[expected]], rtol=2e-3
    )


def test_boxes_are_stretched_upwards_and_downwards():
    stretched = stretch_boxes([[0, 10, 10, 20]], 0.2)
    np.testing.assert_allclose(stretched, [[0, 9, 10, 21]])
    faces = {0: {"ellipses": [[16, 10, np.pi / 2, 20, 20]]}}
    seen = {0: {"boxes": [[10, 10, 30, 30]], "scores": [0.5]}}
    plain = fddb_scores(faces, seen).continuous[0]
    assert fddb_scores(faces, seen, stretch=0.2).continuous[0] > plain


def test_faces_and_detections_are_matched_by_the_largest_sum():
    rng = np.random.default_rng(0)
    centers = rng.uniform(20, 60, (4, 2))
    ellipses = [[14, 10, angle, *c] for angle, c in enumerate(centers)]
    corners = centers[:3] + rng.uniform(-12, -4, (3, 2))
    boxes = np.concatenate([corners, corners + 20], axis=1)
    scores = np.array([0.3, 0.9, 0.6])
    curves = fddb_scores(
        {0: {"ellipses": ellipses}, 1: {"ellipses": []}},
        {0: {"boxes": boxes, "scores": scores}},
    )
    overlaps = ellipse_iou(ellipses, boxes)
    np.testing.assert_allclose(curves.scores, [0.9, 0.6, 0.3])
    for point, threshold in enumerate(curves.scores):
        kept = np.flatnonzero(scores >= threshold)
        best = max(
            (
                overlaps[list(faces), kept]
                for faces in itertools.permutations(range(4), len(kept))
            ),
            key=np.sum,
        )
        hits = np.sum(best > 0.5)
        assert curves.continuous[point] == pytest.approx(best.sum() / 4)
        assert curves.discrete[point] == hits / 4
        assert curves.false_positives[point] == len(kept) - hits


def test_a_face_may_be_taken_over_by_a_better_match():
    # The first detection overlaps both faces, the second only the first one.
    faces = {0: {"ellipses": [[10, 10, 0, 10, 10], [10, 10, 0, 22, 10]]}}
    boxes = [[4, 0, 24, 20], [0, 0, 20, 20]]
    curves = fddb_scores(faces, {0: {"boxes": boxes, "scores": [0.9, 0.8]}})
    assert curves.continuous[1] == pytest.approx(
        (
            ellipse_iou([[10, 10, 0, 22, 10]], boxes[:1])[0, 0]
            + ellipse_iou([[10, 10, 0, 10, 10]], boxes[1:])[0, 0]
        )
        / 2
    )


@pytest.mark.parametrize(
    ("faces", "seen", "options", "match"),
    [
        ([], {}, {}, "`ground_truth` must have a face"),
        ([[9, 9, 0, 9, 9]], {1: found()}, {}, "`detections` must be of images"),
        ([[9, 9, 0, 9, 9]], {}, {"stretch": -1}, "`stretch` must not"),
        (
            [[9, 9, 0, 9, 9]],
            {0: {"boxes": [[3, 3, 1, 1]], "scores": [1]}},
            {},
            r"detections\[0\]: box 0",
        ),
    ],
)
def test_mistakes_are_named(faces, seen, options, match):
    with pytest.raises(ValueError, match=match):
        fddb_scores({0: {"ellipses": faces}}, seen, **options)
