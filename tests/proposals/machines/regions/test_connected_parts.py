"""Parts are those that scikit-image finds in the pixels."""

import numpy as np
from skimage.measure import label

from kcv.proposals.machines.regions.connected_parts import connected_parts


def test_parts_are_those_of_the_masks():
    rng = np.random.default_rng(0)
    labels = np.arange(48).reshape(6, 8)  # a superpixel is a pixel
    membership = rng.uniform(size=(20, 48)) < 0.6
    pairs = [
        np.stack([here.ravel(), there.ravel()], 1)
        for here, there in (
            (labels[:, :-1], labels[:, 1:]),
            (labels[:-1], labels[1:]),
        )
    ]
    parts, segments = connected_parts(membership, np.concatenate(pairs))
    for number in range(20):
        expected, count = label(
            membership[number][labels], connectivity=1, return_num=True
        )
        own = parts[segments == number]
        assert len(own) == count
        for part in own:
            value = expected[part[labels]][0]
            np.testing.assert_array_equal(part[labels], expected == value)


def test_empty_segments_have_no_part():
    membership = np.array([[False, False], [True, True]])
    parts, segments = connected_parts(membership, np.empty((0, 2), int))
    assert parts.tolist() == [[True, False], [False, True]]
    assert segments.tolist() == [1, 1]
    parts, segments = connected_parts(membership[:0], [[0, 1]])
    assert parts.shape == (0, 2)
    assert segments.shape == (0,)
