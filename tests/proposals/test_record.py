"""Boxes, scores and masks stay together."""

import numpy as np
import pytest

from kcv.proposals import DenseMasks
from kcv.proposals import Proposals
from kcv.proposals.record import to_proposals

BOXES = np.array([[0, 0, 4, 4], [1, 1, 5, 5], [2, 0, 3, 6]])
SCORES = np.array([0.9, 0.5, 0.1])
MASKS = np.eye(3, dtype=bool)[:, None].repeat(2, axis=1)


@pytest.mark.parametrize(
    "index", [slice(2), [2, 0], np.array([False, True, False])], ids=str
)
def test_indexing_selects_of_all(index):
    found = Proposals(BOXES, SCORES, DenseMasks(MASKS))[index]
    np.testing.assert_array_equal(found.boxes, BOXES[index])
    np.testing.assert_array_equal(found.scores, SCORES[index])
    np.testing.assert_array_equal(found.masks.to_dense(), MASKS[index])
    assert len(found) == len(BOXES[index])
    alone = Proposals(BOXES)[index]
    assert alone.scores is alone.masks is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((BOXES[0],), r"`boxes` must be finite .*boxes.shape=\(4,\)"),
        ((np.full((2, 4), np.inf),), "`boxes` must be finite"),
        ((BOXES, SCORES[:2]), r"`scores` .*shape \(3,\).*=\(2,\)"),
        ((BOXES, None, DenseMasks(MASKS[:1])), "`masks` must be 3.*=1"),
    ],
)
def test_what_does_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        Proposals(*arguments)


def test_what_a_method_may_return():
    record = Proposals(BOXES, SCORES)
    assert to_proposals(record) is record
    for found in (BOXES.tolist(), (BOXES, None), BOXES):
        assert to_proposals(found).boxes.tolist() == BOXES.tolist()
        assert to_proposals(found).scores is None
    assert to_proposals((BOXES, SCORES.tolist())).scores.tolist() == [
        *SCORES.tolist()
    ]
    assert to_proposals([]).boxes.shape == (0, 4)
