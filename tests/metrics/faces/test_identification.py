"""Closed- and open-set identification by hand and against loops."""

import numpy as np
import pytest

from kcv.metrics import embedding_distances
from kcv.metrics import identify_closed_set
from kcv.metrics import identify_open_set

rng = np.random.default_rng(0)
GALLERY = rng.permutation(np.repeat(["Ann", "Bob", "Cem", "Dan"], [3, 1, 2, 2]))
KNOWN = rng.choice(GALLERY, 30)
PROBES = np.append(KNOWN, np.repeat("Eve", 20))
DISTANCES = rng.random((50, 8)) + 0.3 * (PROBES[:, None] != GALLERY[None])
PEOPLE = np.unique(GALLERY)
# Distance to the nearest image of each person.
NEAREST = np.array(
    [[row[person == GALLERY].min() for person in PEOPLE] for row in DISTANCES]
)


def test_ranks_count_the_people_who_are_nearer():
    result = identify_closed_set(DISTANCES[:30], KNOWN, GALLERY)
    for rank, row, person in zip(result.ranks, NEAREST, KNOWN, strict=False):
        ordered = PEOPLE[row.argsort()].tolist()
        assert rank == 1 + ordered.index(person)
    for k in range(1, 5):
        assert result.rates[k - 1] == (result.ranks <= k).mean()
    assert result.rank_1 == result.rates[0] < 1
    assert result.rates[-1] == 1


def test_equal_distances_count_against_the_right_person():
    result = identify_closed_set(np.zeros((1, 3)), [7], [5, 6, 7])
    assert result.ranks.tolist() == [3]
    assert result.rank_1 == 0


@pytest.mark.parametrize("far", [0.0, 0.05, 0.3, 1.0])
def test_open_set_is_that_of_a_loop(far):
    result = identify_open_set(DISTANCES, PROBES, GALLERY, far)
    smallest = NEAREST.min(1)
    unknown = smallest[30:]
    assert result.far == (unknown < result.threshold).mean() <= far
    # The next larger threshold would accept too many.
    assert far == 1 or (unknown <= result.threshold).mean() > far
    hits = [
        row.min() < result.threshold and PEOPLE[row.argmin()] == person
        for row, person in zip(NEAREST, KNOWN, strict=False)
    ]
    assert result.rate == np.mean(hits)


def test_distances_are_those_of_differences():
    x, y = rng.standard_normal((3, 5)), rng.standard_normal((4, 5))
    expected = ((x[:, None] - y[None]) ** 2).sum(-1)
    np.testing.assert_allclose(embedding_distances(x, y), expected, rtol=1e-12)
    assert embedding_distances(x, x).min() >= 0


@pytest.mark.parametrize(
    ("function", "changes", "message"),
    [
        (identify_closed_set, {"probe_labels": [0, 5]}, "the first of .*5"),
        (identify_closed_set, {"probe_labels": [0]}, "`probe_labels` must"),
        (identify_closed_set, {"gallery_labels": [0]}, "`gallery_labels` must"),
        (identify_closed_set, {"distances": [[0.0, np.inf]] * 2}, "finite"),
        (identify_closed_set, {"distances": [0.0, 1.0]}, "2 dimensions"),
        (identify_closed_set, {"distances": np.zeros((2, 0))}, "at least one"),
        (identify_open_set, {"probe_labels": [0, 1]}, "and others"),
        (identify_open_set, {"probe_labels": [7, 8]}, "and others"),
    ],
)
def test_wrong_arguments_are_refused(function, changes, message):
    arguments = {
        "distances": [[0.1, 0.9], [0.8, 0.2]],
        "probe_labels": [0, 1],
        "gallery_labels": [0, 1],
        **changes,
    }
    with pytest.raises(ValueError, match=message):
        function(**arguments)


def test_embeddings_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="`gallery` must be finite"):
        embedding_distances([[0.0]], [[np.nan]])
    with pytest.raises(ValueError, match="as many dimensions"):
        embedding_distances([[0.0]], [[0.0, 1.0]])
    with pytest.raises(ValueError, match="`probes` must have the shape"):
        embedding_distances([0.0], [[0.0]])
