"""Neighbors touch along an edge or at a corner."""

import numpy as np

from kcv.proposals.machines.region_graph import adjacent_pairs


def test_blocks_and_their_diagonals():
    # 0 1 2 over 3 4 5.
    labels = np.arange(6, dtype=np.int32).reshape(2, 3)
    labels = labels.repeat(6, 0).repeat(5, 1)
    assert adjacent_pairs(labels).tolist() == [
        *([0, 1], [0, 3], [0, 4]),
        *([1, 2], [1, 3], [1, 4], [1, 5]),
        *([2, 4], [2, 5]),
        *([3, 4], [4, 5]),
    ]


def test_one_segment_has_no_neighbor():
    assert adjacent_pairs(np.zeros((3, 4), np.int32)).shape == (0, 2)
