"""Few people give fewer pairs, and a log line says how many."""

import logging

import numpy as np
import pytest

from recipes.common.faces.verifying import make_pairs


@pytest.mark.parametrize(
    ("counts", "folds", "pairs"),
    [
        # 20 people make the ten folds of LFW, with fewer pairs.
        ([10] * 20, 10, 90),
        ([2] * 4, 2, 2),
        # Not enough people are on two photos for ten folds.
        ([2] * 4 + [1] * 16, None, None),
    ],
)
def test_folds_have_the_pairs_there_are(counts, folds, pairs, caplog):
    caplog.set_level(logging.WARNING)
    labels = np.repeat(np.arange(len(counts)), counts)
    drawn = make_pairs(labels)
    sizes = np.bincount(drawn.folds)
    assert 2 <= len(sizes) < 10 or folds == 10
    assert len({*sizes}) == 1
    if folds is not None:
        assert sizes.tolist() == [2 * pairs] * folds
    (line,) = caplog.messages
    assert line == (
        f"{len(labels)} photos of {len(counts)} people give {len(sizes)} folds "
        f"of {sizes[0] // 2} pairs of each kind, and not 10 of 300"
    )


def test_many_people_have_the_pairs_of_lfw(caplog):
    drawn = make_pairs(np.repeat(np.arange(40), 30))
    assert np.bincount(drawn.folds).tolist() == [600] * 10
    assert not caplog.records


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 2, 2], [*range(50)], []])
def test_too_few_people_are_told_what_to_do(labels):
    with pytest.raises(ValueError, match="four people.*larger --validation"):
        make_pairs(np.array(labels, np.int64))
