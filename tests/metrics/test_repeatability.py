"""Repeatability against closed forms, and of methods of proposing."""

import cv2
import numpy as np
import pytest

from kcv.metrics import IDENTITY_AMOUNTS
from kcv.metrics import Repeated
from kcv.metrics import perturb
from kcv.metrics import repeatability
from kcv.metrics import repeated_overlaps
from kcv.metrics.repeatability import project_boxes
from kcv.proposals import propose


@pytest.fixture(scope="module")
def image():
    """Some rectangles on noise."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 60, (120, 160, 3), dtype=np.uint8)
    for _ in range(12):
        x, y = rng.integers(0, (120, 80))
        color = rng.integers(60, 256, 3).tolist()
        cv2.rectangle(image, (x, y), (x + 39, y + 29), color, -1)
    return image


def some_boxes(count=50):
    corner = np.random.default_rng(1).uniform(0, 60, (count, 2))
    sides = np.random.default_rng(2).uniform(1, 60, (count, 2))
    return np.concatenate([corner, corner + sides], 1)


def test_a_round_trip_of_pure_scale():
    homography = np.diag([0.37, 0.41, 1.0])
    boxes = some_boxes()
    there = project_boxes(boxes, homography)
    np.testing.assert_allclose(there, boxes * [0.37, 0.41, 0.37, 0.41])
    back = project_boxes(there, np.linalg.inv(homography))
    np.testing.assert_allclose(back, boxes)


def test_a_rotated_box_is_as_wide_as_its_middle():
    cos, sin = np.cos(0.1), np.sin(0.1)
    turn = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    x1, y1, x2, y2 = project_boxes(np.array([[-30.0, -10, 30, 10]]), turn)[0]
    # The two corners of a side lie at 30 cos +- 10 sin: their mean.
    np.testing.assert_allclose([x1, x2], [-30 * cos, 30 * cos])
    np.testing.assert_allclose([y1, y2], [-10 * cos, 10 * cos])


def test_a_perspective_is_divided():
    homography = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 2]])
    boxes = some_boxes()
    np.testing.assert_allclose(project_boxes(boxes, homography), boxes / 2)


def test_the_same_boxes_are_repeated():
    boxes = some_boxes()
    for x, y in ((1, 1), (2, 0.5)):
        found = repeated_overlaps(
            boxes,
            boxes * [x, y, x, y],
            np.diag([x, y, 1]),
            (120, 120),
            (120 * y, 120 * x),
        )
        np.testing.assert_allclose(found.overlaps, 1)
        area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        np.testing.assert_allclose(found.sides, np.sqrt(area) / 120)


def test_boxes_whose_center_is_not_in_both_images_do_not_count():
    # The changed image shows what is 50 pixels farther right.
    shift = np.array([[1.0, 0, -50], [0, 1, 0], [0, 0, 1]])
    boxes = [[0, 0, 20, 20], [60, 0, 90, 20]]
    others = [[10, 0, 40, 20], [60, 0, 80, 20]]  # in the reference 60, 110
    found = repeated_overlaps(boxes, others, shift, (100, 100), (100, 100))
    np.testing.assert_allclose(found.overlaps, [1])
    np.testing.assert_allclose(found.sides, [np.sqrt(30 * 20) / 100])
    # The box at 110 would have covered something.
    far = [[50, 0, 90, 20]]
    found = repeated_overlaps(boxes, far, shift, (100, 100), (100, 100))
    np.testing.assert_allclose(found.overlaps, [0])


def test_every_size_has_the_same_weight():
    """A hundred small boxes that are lost weigh as much as a large one."""
    small = Repeated(np.zeros(100), np.full(100, 0.05))
    large = Repeated(np.ones(1), np.ones(1))
    result = repeatability([small, large])
    assert result["repeatability"] == 0.5
    assert (result["size_00_10"], result["size_90_100"]) == (0, 1)
    assert np.isnan(result["size_10_20"])
    assert len(result) == 11
    assert np.isnan(repeatability([])["repeatability"])


def test_the_score_of_a_size_is_the_area_under_its_recall():
    overlaps = np.random.default_rng(0).uniform(0, 1, 300)
    ious = np.arange(1001) / 1000
    recall = (overlaps[:, None] >= ious).mean(0)
    found = repeatability([Repeated(overlaps, np.full(300, 0.34))])
    area = np.trapezoid(recall, ious)
    assert found["size_30_40"] == pytest.approx(area, abs=1e-3)


@pytest.mark.parametrize("kind", IDENTITY_AMOUNTS)
@pytest.mark.parametrize("method", ["edge_boxes", "superpixels"])
def test_nothing_changed_is_repeated(image, method, kind):
    changed, homography = perturb(image, kind, IDENTITY_AMOUNTS[kind])
    boxes = propose(changed, method, 200)
    size = changed.shape[:2]
    found = repeated_overlaps(boxes, boxes, homography, size, size)
    assert len(found.overlaps) == len(boxes)
    assert repeatability([found])["repeatability"] == 1


def test_a_method_repeats_less_the_more_is_changed(image):
    size = image.shape[:2]
    boxes = propose(image, "superpixels", 200)
    scores = []
    for amount in (0, 100, 3000):
        changed, homography = perturb(image, "salt_and_pepper", amount)
        others = propose(changed, "superpixels", 200)
        found = repeated_overlaps(boxes, others, homography, size, size)
        scores.append(repeatability([found])["repeatability"])
    assert scores[0] == 1
    assert scores[0] > scores[1] > scores[2] > 0


def test_bad_boxes():
    size = (10, 10)
    with pytest.raises(ValueError, match="perturbed_boxes: box 0"):
        repeated_overlaps([], [[3, 0, 2, 1]], np.eye(3), size, size)
    nothing = repeated_overlaps([], [], np.eye(3), size, size)
    assert nothing.overlaps.shape == nothing.sides.shape == (0,)
