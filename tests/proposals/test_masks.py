"""All forms of masks are indexed alike, and hold the same pixels."""

import pickle

import numpy as np
import pytest

from kcv.proposals import ConcatenatedMasks
from kcv.proposals import DenseMasks
from kcv.proposals import SuperpixelMasks
from kcv.proposals.machines.regions.merge_tree import RegionMasks

LABELS = np.array([[0, 0, 1, 3], [2, 2, 1, 3], [2, 2, 2, 3]])
MEMBERSHIP = np.array(
    [[1, 0, 0, 0], [0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1], [1, 1, 1, 1]],
    bool,
)
EXPECTED = MEMBERSHIP[:, LABELS]
# 4 is made of segments 1 and 2, 5 of 0 and 4, 6 of 3 and 5.
CHILDREN = np.array([[1, 2], [0, 4], [3, 5]], np.int32)

dense = DenseMasks(EXPECTED)
superpixels = SuperpixelMasks(LABELS, MEMBERSHIP)
FORMS = {
    "dense": dense,
    "superpixels": superpixels,
    "regions": RegionMasks(LABELS, CHILDREN, np.array([0, 4, 5, 3, 6])),
    "concatenated": ConcatenatedMasks([dense[:2], superpixels[2:]]),
    "in another order": ConcatenatedMasks(
        [superpixels[3:], dense[[2, 0]], dense[:0], superpixels[[1]]]
    )[[3, 4, 2, 0, 1]],
}


@pytest.fixture(params=FORMS)
def masks(request):
    return FORMS[request.param]


def test_pixels(masks):
    assert len(masks) == 5
    assert masks.shape == (3, 4)
    assert masks.to_dense().dtype == bool
    np.testing.assert_array_equal(masks.to_dense(), EXPECTED)
    for number in (0, 2, -1, np.int64(3)):
        np.testing.assert_array_equal(masks[number], EXPECTED[number])
    np.testing.assert_array_equal(list(masks), EXPECTED)
    with pytest.raises(IndexError):
        masks[5]


@pytest.mark.parametrize(
    "index",
    [
        slice(1, 4),
        slice(None, None, -2),
        [4, 4, 0],
        np.array([True, False, False, True, True]),
        np.array([], int),
    ],
    ids=str,
)
def test_selections_have_the_same_form(masks, index):
    some = masks[index]
    assert type(some) is type(masks)
    assert some.shape == masks.shape
    assert len(some) == len(EXPECTED[index])
    np.testing.assert_array_equal(some.to_dense(), EXPECTED[index])
    again = some[::-1]
    np.testing.assert_array_equal(again.to_dense(), EXPECTED[index][::-1])
    # What was selected from is as it was.
    np.testing.assert_array_equal(masks.to_dense(), EXPECTED)


def test_they_go_to_another_process(masks):
    copied = pickle.loads(pickle.dumps(masks))
    np.testing.assert_array_equal(copied.to_dense(), EXPECTED)


def test_all_regions_of_a_tree():
    found = RegionMasks(LABELS, CHILDREN)
    assert len(found) == 7
    np.testing.assert_array_equal(found.membership[:4], np.eye(4, dtype=bool))
    np.testing.assert_array_equal(found[4], np.isin(LABELS, [1, 2]))
    one = RegionMasks(np.zeros((2, 2), int), np.empty((0, 2), np.int32))
    assert one.to_dense().all()


def test_what_does_not_fit():
    with pytest.raises(ValueError, match=r"values.shape=\(3, 4\)"):
        DenseMasks(EXPECTED[0])
    with pytest.raises(ValueError, match="masks of one image"):
        ConcatenatedMasks([dense, DenseMasks(np.ones((1, 3, 3)))])
