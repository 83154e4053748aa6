import itertools

import numpy as np
import pytest

from kcv.proposals.machines.contours.contour_hierarchy import Hierarchy
from kcv.proposals.machines.contours.node_tuples import top_tuples
from kcv.proposals.machines.regions.region_graph import find_borders
from tests.proposals.hierarchies import stored_hierarchy


def random_tree(seed, count, most=2):
    """A hierarchy of a row of leaves, whose neighbors are merged at random."""
    random = np.random.default_rng(seed)
    row = list(range(count))
    parents = {}
    union = count
    while len(row) > 1:
        size = min(len(row), random.integers(2, most + 1))
        first = random.integers(0, len(row) - size + 1)
        parents |= dict.fromkeys(row[first : first + size], union)
        row[first : first + size] = [union]
        union += 1
    return Hierarchy(
        np.arange(count, dtype=np.int32)[np.newaxis],
        np.array([*(parents[i] for i in range(union - 1)), -1], np.int32),
        np.arange(union) * 0.01,
    )


def every_tuple(hierarchy, pairs, size):
    """All connected sets of nodes apart, without both children of a node."""
    parents = hierarchy.parents
    leaves = [set() for _ in parents]
    for node, parent in enumerate(parents):
        if node < hierarchy.num_leaves:
            leaves[node].add(node)
        if parent >= 0:
            leaves[parent] |= leaves[node]
    touching = {frozenset(pair) for pair in pairs.tolist()}
    found = set()
    for nodes in itertools.combinations(range(len(parents)), size):
        own = [leaves[node] for node in nodes]
        if len(set().union(*own)) < sum(map(len, own)):
            continue
        twins = any(
            parents[a] == parents[b] and list(parents).count(parents[a]) == 2
            for a, b in itertools.combinations(nodes, 2)
        )
        reached, grown = own[0], True
        while grown:
            grown = False
            for part in own:
                beside = any(
                    frozenset((i, j)) in touching for i in reached for j in part
                )
                if not part <= reached and beside:
                    reached, grown = reached | part, True
        if not twins and reached == set().union(*own):
            found.add(nodes)
    return found


@pytest.mark.parametrize("most", [2, 4])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_tuples_are_all_that_exist(seed, most):
    hierarchy = random_tree(seed, 9, most)
    # A row of leaves with some more borders.
    pairs = np.array([*zip(range(8), range(1, 9), strict=True), [0, 5], [2, 7]])
    found = top_tuples(hierarchy, pairs, (100, 10**4, 10**4, 10**4))
    assert found[0].ravel().tolist() == [*range(len(hierarchy.parents))]
    for size in (2, 3, 4):
        tuples = list(map(tuple, found[size - 1].tolist()))
        assert len(set(tuples)) == len(tuples)
        assert set(tuples) == every_tuple(hierarchy, pairs, size)


def test_fewer_tuples_are_the_first_ones():
    hierarchy = random_tree(3, 400)
    pairs = find_borders(hierarchy.labels).pairs
    many = top_tuples(hierarchy, pairs, (700, 700, 700, 700))
    few = top_tuples(hierarchy, pairs, (5, 40, 30, 20))
    assert list(map(len, few)) == [5, 40, 30, 20]
    for short, long in zip(few[1:], many[1:], strict=True):
        np.testing.assert_array_equal(short, long[: len(short)])
    np.testing.assert_array_equal(few[0], many[0][-5:])


def test_tuples_are_those_of_the_authors(golden):
    values = np.load(golden / "proposals" / "mcg.npz")
    hierarchy = stored_hierarchy(values, 0)
    pairs = find_borders(hierarchy.labels).pairs
    found = top_tuples(hierarchy, pairs, (90, 300, 300, 300))
    assert found[0].ravel().tolist() == [*range(949 - 90, 949)]
    for tuples, key in zip(
        found[1:], ("pairs300", "trip300", "quad300"), strict=True
    ):
        expected = values[f"mcg_{key}"].astype(int) - 1
        np.testing.assert_array_equal(tuples, expected)


def test_one_superpixel_has_no_pairs():
    hierarchy = Hierarchy(
        np.zeros((3, 4), np.int32), np.array([-1], np.int32), np.zeros(1)
    )
    found = top_tuples(hierarchy, np.zeros((0, 2)), (10, 10, 10, 10))
    assert list(map(len, found)) == [1, 0, 0, 0]


def test_more_than_four_nodes_are_refused():
    hierarchy = random_tree(0, 4)
    with pytest.raises(ValueError, match="`counts` must have at most 4"):
        top_tuples(hierarchy, np.zeros((0, 2)), (1, 1, 1, 1, 1))
