import numpy as np

from kcv.proposals.machines.contours.contour_hierarchy import group_contours
from kcv.proposals.machines.contours.contour_hierarchy import group_regions
from kcv.proposals.machines.contours.hierarchy_alignment import align
from kcv.proposals.machines.contours.hierarchy_alignment import resize_labels
from tests.proposals.hierarchies import random_contours


def test_hierarchy_of_its_own_superpixels_stays_as_it_is():
    hierarchy = group_contours(random_contours(4))
    found, leaves = align(hierarchy, hierarchy.labels)
    np.testing.assert_array_equal(leaves, np.arange(hierarchy.num_leaves))
    np.testing.assert_array_equal(found.parents, hierarchy.parents)
    np.testing.assert_array_equal(found.heights, hierarchy.heights)


def test_segments_follow_the_node_that_covers_most_of_them():
    # The root has the children {0, 1} and 2.
    labels = np.array([[2, 2, 2, 0, 0, 1, 1, 2, 2]], np.int32)
    hierarchy = group_regions(
        labels,
        np.array([[0, 1], [1, 2]]),
        np.array([0.2, 0.5]),
        np.ones(2),
    )
    # Leaves 1 and 2 cover as much of segment 1, but {0, 1} covers more of it.
    segments = np.array([[0, 0, 0, 0, 1, 1, 1, 1, 1]], np.int32)
    found, leaves = align(hierarchy, segments)
    assert leaves.tolist() == [1, 0]
    assert found.labels[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert found.heights.tolist() == [0, 0, 0.5]


def test_resized_labels_are_connected():
    labels = np.zeros((8, 8), np.int32)
    labels[:, 3] = 1
    small = resize_labels(labels, (4, 4))
    assert small.tolist() == [[0, 1, 2, 2]] * 4
    assert resize_labels(labels, (8, 8)).tolist()[0] == [0, 0, 0, 1, 2, 2, 2, 2]
