"""Proposal recall against closed forms, a plain loop and real boxes."""

import numpy as np
import pytest

from kcv.metrics.box_iou import box_iou
from kcv.metrics.proposal_recall import matched_overlaps
from kcv.metrics.proposal_recall import proposal_recall

SQUARE = [0, 0, 10, 10]


def objects(*boxes, difficult=None):
    entry = {"boxes": boxes, "labels": [0] * len(boxes)}
    return entry if difficult is None else entry | {"difficult": difficult}


def test_one_object_of_known_overlap():
    # IoU 3/4. Area below the step function between .5 and .75, by
    # trapezoids of .001: 250 whole ones and half of the next.
    result = proposal_recall(
        {0: objects(SQUARE)}, {0: {"boxes": [[0, 0, 10, 7.5]]}}
    )
    assert result["average_recall"] == pytest.approx(2 * 0.2505)
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


def test_matching_equals_a_sorted_loop():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 50, (40, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 50, (40, 2))], 1)
    left, right = boxes[:12], boxes[12:]
    iou = box_iou(left, right)
    expected = np.zeros(12)
    rows, columns = set(), set()
    for flat in np.argsort(-iou, axis=None):
        row, column = divmod(int(flat), iou.shape[1])
        if row not in rows and column not in columns:
            expected[row] = iou[row, column]
            rows.add(row)
            columns.add(column)
    np.testing.assert_array_equal(matched_overlaps(left, right), expected)


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
    assert result["average_recall"] == pytest.approx(2 * above.mean(), abs=1e-3)
    every = proposal_recall(ground_truth, proposals, include_difficult=True)
    above = np.clip(share - 0.5, 0, None)
    assert every["average_recall"] == pytest.approx(2 * above.mean(), abs=1e-3)
    steps = share[:, None] >= np.linspace(0.5, 0.95, 10)
    assert every["mean_recall_50_95"] == pytest.approx(steps.mean())


def test_nothing_to_cover_is_nan():
    result = proposal_recall({0: objects()}, {0: objects(SQUARE)})
    assert np.isnan(result["average_recall"])
    assert np.isnan(result["mean_recall_50_95"])


def test_bad_input():
    with pytest.raises(ValueError, match="first is 1"):
        proposal_recall({0: objects()}, {1: objects()})
    with pytest.raises(ValueError, match="max_proposals must be positive"):
        proposal_recall({}, {}, max_proposals=0)
    with pytest.raises(ValueError, match=r"proposals\[0\]: box 0"):
        proposal_recall({0: objects()}, {0: objects([3, 0, 2, 1])})
