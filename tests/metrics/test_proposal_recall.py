"""Proposal recall against closed forms, a plain loop and real boxes."""

import numpy as np
import pytest

from kcv.metrics import average_recall
from kcv.metrics import average_recall_over_number
from kcv.metrics import matched_overlaps
from kcv.metrics import object_overlaps
from kcv.metrics import proposal_recall
from kcv.metrics import recall_over_iou
from kcv.metrics.box_iou import box_iou

SQUARE = [0, 0, 10, 10]


def objects(*boxes, difficult=None):
    entry = {"boxes": boxes, "labels": [0] * len(boxes)}
    return entry if difficult is None else entry | {"difficult": difficult}


def test_one_object_of_known_overlap():
    # IoU 3/4. The area under the step function between .5 and .75.
    result = proposal_recall(
        {0: objects(SQUARE)}, {0: {"boxes": [[0, 0, 10, 7.5]]}}
    )
    assert result["average_recall"] == pytest.approx(2 * 0.25)
    assert result["average_best_overlap"] == pytest.approx(0.75)
    # .5, .55, .6, .65, .7, .75 of ten thresholds.
    assert result["mean_recall_50_95"] == pytest.approx(0.6)
    assert result["recall_at_50"] == 1
    assert result["recall_at_70"] == 1
    assert result["proposals_per_image"] == 1


def test_perfect_and_absent_proposals():
    ground_truth = {0: objects(SQUARE), 1: objects(SQUARE)}
    perfect = proposal_recall(ground_truth, {0: objects(SQUARE)})
    assert perfect["average_recall"] == pytest.approx(0.5)
    assert perfect["mean_recall_50_95"] == 0.5
    assert perfect["proposals_per_image"] == 0.5
    assert proposal_recall(ground_truth, {})["average_recall"] == 0


def test_one_proposal_covers_one_object():
    pair = {0: objects(SQUARE, SQUARE)}
    assert proposal_recall(pair, {0: objects(SQUARE)})["recall_at_50"] == 0.5


def test_the_best_pair_of_the_image_comes_first():
    """Greedy by IoU: not by object, and not the best sum."""
    first, second = [0, 0, 10, 10], [0, 0, 10, 7]
    shared_box = [0, 0, 10, 8]  # IoU .8 with the first, .875 with the second
    other = [0, 0, 10, 6]  # .6 with the first, 6/7 with the second
    result = matched_overlaps(
        np.array([first, second], np.float64),
        np.array([shared_box, other], np.float64),
    )
    np.testing.assert_allclose(result, [0.6, 0.875])


def test_difficult_objects_by_choice():
    ground_truth = {0: objects(SQUARE, [50, 50, 60, 60], difficult=[0, 1])}
    found = {0: objects(SQUARE)}
    assert proposal_recall(ground_truth, found)["recall_at_50"] == 1
    both = proposal_recall(ground_truth, found, include_difficult=True)
    assert both["recall_at_50"] == 0.5


def test_the_best_are_taken_first():
    found = {0: {"boxes": [[50, 50, 60, 60], SQUARE], "scores": [0.1, 0.9]}}
    ground_truth = {0: objects(SQUARE)}
    one = proposal_recall(ground_truth, found, max_proposals=1)
    assert one["recall_at_50"] == 1
    del found[0]["scores"]
    one = proposal_recall(ground_truth, found, max_proposals=1)
    assert one["recall_at_50"] == 0
    assert proposal_recall(ground_truth, found)["recall_at_50"] == 1


def some_boxes(count, seed=0):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 50, (count, 2))
    return np.concatenate([corner, corner + rng.uniform(5, 50, (count, 2))], 1)


@pytest.mark.parametrize("count", [12, 60])
def test_matching_equals_a_sorted_loop(count):
    boxes = some_boxes(100)
    left, right = boxes[:count], boxes[count:]
    iou = box_iou(left, right)
    expected = np.zeros(count)
    rows, columns = set(), set()
    for flat in np.argsort(-iou, axis=None):
        row, column = divmod(int(flat), iou.shape[1])
        if row not in rows and column not in columns:
            expected[row] = iou[row, column]
            rows.add(row)
            columns.add(column)
    np.testing.assert_array_equal(matched_overlaps(left, right), expected)


def test_of_equal_overlaps_the_first_pair_is_taken():
    boxes = np.array([SQUARE, SQUARE, [0, 0, 10, 5]], np.float64)
    np.testing.assert_array_equal(matched_overlaps(boxes, boxes[:2]), [1, 1, 0])
    np.testing.assert_array_equal(
        matched_overlaps(boxes, boxes[:2], "max"), [1, 1, 0.5]
    )


def test_one_proposal_may_cover_several_objects_by_choice():
    pair = {0: objects(SQUARE, SQUARE)}
    result = proposal_recall(pair, {0: objects(SQUARE)}, matching="max")
    assert result["average_recall"] == 1
    result = proposal_recall(pair, {0: objects(SQUARE)})
    assert result["average_recall"] == 0.5
    # By definition, the largest IoU with any proposal.
    assert result["average_best_overlap"] == 1


@pytest.fixture
def scenes():
    """Objects and proposals of three images, one without proposals."""
    ground_truth = {k: objects(*some_boxes(9, k)) for k in range(3)}
    proposals = {k: objects(*some_boxes(300, k + 10)) for k in range(2)}
    return ground_truth, proposals


@pytest.mark.parametrize("matching", ["greedy", "max"])
def test_average_recall_is_twice_the_area_under_the_curve(scenes, matching):
    overlaps = object_overlaps(*scenes, matching=matching)
    assert overlaps.shape == (27,)
    ious = np.arange(50_000, 100_001) / 100_000
    area = np.trapezoid(recall_over_iou(overlaps, ious), ious)
    assert average_recall(overlaps) == pytest.approx(2 * area, abs=1e-5)
    result = proposal_recall(*scenes, matching=matching)
    assert result["average_recall"] == average_recall(overlaps)


def test_recall_falls_with_the_threshold_and_grows_with_the_number(scenes):
    thresholds = np.linspace(0, 1, 101)
    earlier = np.zeros(101)
    for count in (1, 10, 100, 300):
        overlaps = object_overlaps(*scenes, max_proposals=count, matching="max")
        recall = recall_over_iou(overlaps, thresholds)
        assert (np.diff(recall) <= 0).all()
        assert (recall >= earlier).all()
        earlier = recall
    assert recall[0] == 1
    numbers, recalls = average_recall_over_number(*scenes, (1, 10, 100, 1000))
    np.testing.assert_allclose(numbers, np.array([1, 10, 100, 300]) * 2 / 3)
    assert (np.diff(recalls) >= 0).all()
    whole = proposal_recall(*scenes)
    assert recalls[-1] == whole["average_recall"]
    assert numbers[-1] == whole["proposals_per_image"]


def test_objects_as_proposals_have_an_average_recall_of_one(golden):
    with np.load(golden / "voc2007_test_boxes.npz") as file:
        boxes = file["boxes_xyxy_1based_inclusive"] - [1.0, 1, 0, 0]
        owners = file["object_image_id"]
    chosen = np.unique(owners)[:200]
    ground_truth = {name: objects(*boxes[owners == name]) for name in chosen}
    numbers, recalls = average_recall_over_number(
        ground_truth, ground_truth, (1, 100)
    )
    assert recalls[1] == 1
    # One proposal covers the first object, and any that equals it.
    objects_per_image = np.mean(
        [len(x["boxes"]) for x in ground_truth.values()]
    )
    assert numbers[1] == pytest.approx(objects_per_image)
    assert 0 < recalls[0] < 1


def test_area_of_real_objects_in_closed_form(golden):
    """Scaled objects of VOC 2007: AR is twice the mean of IoU above .5."""
    data = dict(np.load(golden / "voc2007_test_boxes.npz"))
    boxes = data["boxes_xyxy_1based_inclusive"] - [1.0, 1, 0, 0]
    hard = data["object_difficult"].astype(bool)
    rng = np.random.default_rng(0)
    share = rng.uniform(0.3, 1, len(boxes))  # of its height = its IoU
    ground_truth, proposals = {}, {}
    # Every object in an image of its own: no proposal helps another.
    for k, box in enumerate(boxes):
        ground_truth[k] = objects(box, difficult=[hard[k]])
        x1, y1, x2, y2 = box
        proposals[k] = {"boxes": [[x1, y1, x2, y1 + share[k] * (y2 - y1)]]}
    result = proposal_recall(ground_truth, proposals)
    above = np.clip(share[~hard] - 0.5, 0, None)
    assert result["average_recall"] == pytest.approx(2 * above.mean())
    every = proposal_recall(ground_truth, proposals, include_difficult=True)
    above = np.clip(share - 0.5, 0, None)
    assert every["average_recall"] == pytest.approx(2 * above.mean())
    steps = share[:, None] >= np.linspace(0.5, 0.95, 10)
    assert every["mean_recall_50_95"] == pytest.approx(steps.mean())


def test_nothing_to_cover_is_nan():
    result = proposal_recall({0: objects()}, {0: objects(SQUARE)})
    assert np.isnan(result["average_recall"])
    assert np.isnan(result["mean_recall_50_95"])
    assert np.isnan(result["average_best_overlap"])


def test_bad_input():
    with pytest.raises(ValueError, match="first is 1"):
        proposal_recall({0: objects()}, {1: objects()})
    with pytest.raises(ValueError, match="`max_proposals` must be positive"):
        proposal_recall({}, {}, max_proposals=0)
    with pytest.raises(ValueError, match="matching='best'"):
        proposal_recall({0: objects()}, {0: objects()}, matching="best")
    with pytest.raises(ValueError, match=r"proposals\[0\]: box 0"):
        proposal_recall({0: objects()}, {0: objects([3, 0, 2, 1])})
