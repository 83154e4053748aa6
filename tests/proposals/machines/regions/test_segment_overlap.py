"""Overlaps of segments, against masks of pixels and plain loops."""

import numpy as np
import pytest

from kcv.proposals.machines.regions.segment_overlap import distinct_segments
from kcv.proposals.machines.regions.segment_overlap import segment_boxes
from kcv.proposals.machines.regions.segment_overlap import segment_iou


@pytest.fixture
def labels():
    rng = np.random.default_rng(0)
    return np.append(np.arange(8), rng.integers(0, 8, 112)).reshape(10, 12)


@pytest.fixture
def membership():
    return np.random.default_rng(1).random((40, 8)) < 0.5


def iou(a, b):
    return (a & b).sum() / max((a | b).sum(), 1)


def test_areas_give_the_iou_of_pixels(labels, membership):
    masks = membership[:, labels].reshape(40, -1)
    areas = np.bincount(labels.ravel())
    expected = [[iou(a, b) for b in masks[:9]] for a in masks]
    np.testing.assert_allclose(
        segment_iou(membership, membership[:9], areas), expected, rtol=1e-6
    )


def test_without_areas_superpixels_are_counted(membership):
    expected = [[iou(a, b) for b in membership] for a in membership]
    found = segment_iou(membership, membership)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert segment_iou([[False] * 3], [[False] * 3]).tolist() == [[0]]


@pytest.mark.parametrize("max_iou", [0, 0.35, 0.61, 1])
@pytest.mark.parametrize("areas", [None, np.arange(1, 9) ** 2])
def test_segments_are_selected_as_by_plain_loops(membership, max_iou, areas):
    overlaps = segment_iou(membership, membership, areas)
    expected = []
    for row in np.flatnonzero(membership.any(1)):
        if all(overlaps[row, kept] <= max_iou for kept in expected):
            expected.append(row)
    found = distinct_segments(membership, max_iou, areas)
    assert found.tolist() == expected
    assert max_iou == 1 or len(found) < 40


def test_accepted_segments_stay():
    table = np.array([[1, 1, 0], [1, 1, 0], [1, 1, 1], [0, 0, 1]], bool)
    assert distinct_segments(table, 0.5, num_accepted=2).tolist() == [0, 1, 3]


def test_empty_segments_are_not_selected():
    table = np.array([[0, 0], [1, 0], [0, 0]], bool)
    assert distinct_segments(table, 1.0).tolist() == [1]
    assert distinct_segments(table[:0], 0.5).tolist() == []


def test_boxes_are_those_of_the_masks(labels, membership):
    membership = membership[membership.any(1)]
    for box, row in zip(
        segment_boxes(membership, labels), membership, strict=True
    ):
        y, x = np.nonzero(row[labels])
        assert box.tolist() == [x.min(), y.min(), x.max() + 1, y.max() + 1]
    assert segment_boxes(membership[:0], labels).shape == (0, 4)
