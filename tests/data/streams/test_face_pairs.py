import numpy as np
import pytest

from kcv.data import lfw_pairs
from kcv.data.streams.face_pairs import count_pairs


@pytest.fixture(scope="module")
def labels():
    # 60 people with 1 to 12 photos, mixed up.
    counts = 1 + np.arange(60) % 12
    ordered = np.repeat(100 + np.arange(60), counts)
    return np.random.default_rng(5).permutation(ordered)


def test_folds_have_as_many_pairs_of_each_kind(labels):
    pairs = lfw_pairs(labels, folds=6, pairs=40)
    assert len(pairs.first) == len(pairs.folds) == 6 * 80
    same = labels[pairs.first] == labels[pairs.second]
    np.testing.assert_array_equal(pairs.same, same)
    for fold in range(6):
        assert pairs.same[pairs.folds == fold].sum() == 40


def test_no_person_is_in_two_folds_and_no_pair_comes_twice(labels):
    pairs = lfw_pairs(labels, folds=6, pairs=40)
    people = [
        {*labels[pairs.first[own]], *labels[pairs.second[own]]}
        for own in (pairs.folds == fold for fold in range(6))
    ]
    assert sum(map(len, people)) == len(set().union(*people))
    drawn = {
        frozenset(pair) for pair in zip(pairs.first, pairs.second, strict=True)
    }
    assert len(drawn) == len(pairs.first)
    assert all(len(pair) == 2 for pair in drawn)


def test_draws_depend_on_the_seed_alone(labels):
    one, again = (lfw_pairs(labels, 3, 20, seed=1) for _ in range(2))
    np.testing.assert_array_equal(one.first, again.first)
    other = lfw_pairs(labels, 3, 20, seed=2)
    assert (one.first != other.first).any()


@pytest.mark.parametrize("folds", [1, 6, 20])
def test_the_number_of_pairs_there_are_can_be_drawn(labels, folds):
    most = count_pairs(labels, folds)
    pairs = lfw_pairs(labels, folds, most)
    assert len(pairs.first) == 2 * folds * most
    with pytest.raises(ValueError, match=f"`pairs` must be at most {most},"):
        lfw_pairs(labels, folds, most + 1)


def test_people_with_many_photos_do_not_prevail():
    labels = np.repeat(np.arange(10), [200] + 9 * [20])
    pairs = lfw_pairs(labels, folds=1, pairs=400)
    share = (labels[pairs.first] == 0)[pairs.same].mean()
    assert 0.04 < share < 0.17


def test_all_pairs_there_are_can_be_drawn():
    labels = np.repeat(np.arange(4), 3)
    pairs = lfw_pairs(labels, folds=1, pairs=12)
    assert len(set(zip(pairs.first, pairs.second, strict=True))) == 24


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (np.arange(50), {}, "at most 0, the number of pairs of one person"),
        (
            np.repeat(np.arange(20), 30),
            {"folds": 20},
            "at most 0, the number of pairs of two people in fold 0",
        ),
        (np.zeros((3, 3)), {}, "`labels` must have the shape .N,"),
        (np.zeros(9), {"folds": 0}, "must be at least 1.*folds=0"),
    ],
)
def test_what_cannot_be_drawn_is_named(labels, options, message):
    with pytest.raises(ValueError, match=message):
        lfw_pairs(labels, **options)
