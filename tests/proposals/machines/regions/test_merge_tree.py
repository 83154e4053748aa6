"""The heap finds what looking at every pair in every step finds."""

import numpy as np
import pytest

from kcv.proposals.machines.regions.merge_tree import Similarity
from kcv.proposals.machines.regions.merge_tree import agglomerate
from kcv.proposals.machines.regions.merge_tree import merge
from kcv.proposals.machines.regions.merge_tree import merged_labels
from kcv.proposals.machines.regions.region_features import Regions


def random_regions(rng, count=25):
    """Regions with a chain of neighbors and some more pairs."""
    corners = rng.integers(0, 50, (count, 2))
    boxes = np.concatenate(
        [corners, corners + rng.integers(5, 50, (count, 2))], 1
    )
    color, texture = (
        rng.dirichlet(np.ones(bins), count).astype(np.float32)
        for bins in (12, 20)
    )
    pairs = {(i, i + 1) for i in range(count - 1)}
    for a, b in rng.integers(0, count, (30, 2)).tolist():
        if a != b:
            pairs.add((min(a, b), max(a, b)))
    return Regions(
        rng.integers(20, 200, count).astype(np.float32),
        boxes.astype(np.int32),
        color,
        texture,
        np.array(sorted(pairs), np.int32),
    )


def every_pair(regions, similarity):
    """Compare all neighbors in every step, in float64."""
    image = float(regions.sizes.sum())
    state = {
        i: tuple(np.asarray(part[i], float) for part in regions[:4])
        for i in range(len(regions.sizes))
    }
    touching = {frozenset(pair) for pair in regions.neighbors.tolist()}
    boxes, children = list(regions.boxes), []

    def alike(pair):
        (s, p, c, t), (r, q, d, u) = (state[i] for i in pair)
        far = np.maximum(p[2:], q[2:]) - np.minimum(p[:2], q[:2])
        parts = (
            np.minimum(c, d).sum(),
            np.minimum(t, u).sum(),
            1 - (s + r) / image,
            1 - (far.prod() - s - r) / image,
        )
        return sum(x for x, used in zip(parts, similarity, strict=True) if used)

    while touching:
        a, b = max(touching, key=alike)
        (s, p, c, t), (r, q, d, u) = state.pop(a), state.pop(b)
        box = np.r_[np.minimum(p[:2], q[:2]), np.maximum(p[2:], q[2:])]
        union = len(boxes)
        share = s / (s + r)
        state[union] = (
            s + r,
            box,
            share * c + (1 - share) * d,
            share * t + (1 - share) * u,
        )
        boxes.append(box)
        children.append({a, b})
        touching = {
            frozenset(union if x in (a, b) else x for x in pair)
            for pair in touching
        }
        touching = {pair for pair in touching if len(pair) == 2}
    return np.array(boxes), children


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "similarity",
    [
        Similarity(True, True, True, True),
        Similarity(texture=True, size=True, fill=True),
        Similarity(fill=True),
        Similarity(color=True),
    ],
)
def test_equals_looking_at_every_pair(seed, similarity):
    regions = random_regions(np.random.default_rng(seed))
    boxes, children = merge(regions, similarity)
    expected_boxes, expected_children = every_pair(regions, similarity)
    assert [set(pair) for pair in children.tolist()] == expected_children
    np.testing.assert_array_equal(boxes, expected_boxes)


def test_one_region_is_a_hierarchy():
    regions = random_regions(np.random.default_rng(0), 1)
    boxes, children = merge(
        regions._replace(neighbors=np.empty((0, 2), np.int32)),
        Similarity(size=True),
    )
    np.testing.assert_array_equal(boxes, regions.boxes)
    assert children.shape == (0, 2)


def boundary_merges(pairs, lengths, sums):
    """Merge by the mean strength of borders, looking at every pair."""
    count = pairs.max() + 1
    borders = {
        frozenset(pair): np.array([length, total])
        for pair, length, total in zip(
            pairs.tolist(), lengths, sums, strict=True
        )
    }
    children, strengths = [], []
    while borders:
        best = min(
            borders, key=lambda pair: borders[pair][1] / borders[pair][0]
        )
        length, total = borders.pop(best)
        union = count + len(children)
        children.append(sorted(best))
        strengths.append(total / length)
        joined = {}
        for pair, border in borders.items():
            new = frozenset(union if x in best else x for x in pair)
            joined[new] = joined.get(new, 0) + border
        borders = joined
    return children, strengths


@pytest.mark.parametrize("seed", range(5))
def test_borders_of_a_union_are_added(seed):
    rng = np.random.default_rng(seed)
    pairs = random_regions(rng).neighbors
    borders = rng.uniform(1, 9, (len(pairs), 2))

    def similarity(first, second, borders):
        assert len(first) == len(second) == len(borders)
        return -borders[:, 1] / borders[:, 0]

    children, found = agglomerate(pairs, 25, similarity, borders=borders)
    expected_children, strengths = boundary_merges(pairs, *borders.T)
    assert children.tolist() == expected_children
    np.testing.assert_allclose(-found, strengths, rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_features_of_a_union_are_those_that_the_caller_computes(seed):
    # Selective Search's color similarity, once more.
    regions = random_regions(np.random.default_rng(seed))
    count = len(regions.sizes)
    sizes, color = np.zeros(2 * count - 1), np.zeros((2 * count - 1, 12))
    sizes[:count], color[:count] = regions.sizes, regions.color

    def similarity(first, second, borders):
        return np.minimum(color[first], color[second]).sum(1)

    def unite(first, second, union):
        sizes[union] = sizes[first] + sizes[second]
        both = sizes[first] * color[first] + sizes[second] * color[second]
        color[union] = both / sizes[union]

    children, _ = agglomerate(regions.neighbors, count, similarity, unite)
    _, expected = merge(regions, Similarity(color=True))
    np.testing.assert_array_equal(np.sort(children), np.sort(expected))


def test_the_last_pair_is_the_first_that_is_not_above_the_limit():
    values = np.array([0.0, 1, 3, 6, 10, 15])
    pairs = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 5]])
    alike = {(i, i + 1): -np.diff(values)[i] for i in range(5)}

    def similarity(first, second, borders):
        # Unions are like nothing.
        ends = zip(first.tolist(), second.tolist(), strict=True)
        return np.array([alike.get(pair, -100.0) for pair in ends])

    children, found = agglomerate(pairs, 6, similarity, stop=-2.5)
    assert children.tolist() == [[0, 1], [2, 3]]
    assert found.tolist() == [-1, -3]
    labels = np.array([[5, 3, 2], [1, 0, 4]])
    assert merged_labels(labels, children).tolist() == [[3, 1, 1], [0, 0, 2]]


def test_what_is_not_connected_is_not_merged():
    def similarity(first, second, borders):
        return np.ones(len(first))

    children, _ = agglomerate([[0, 1], [2, 3]], 5, similarity)
    assert children.tolist() == [[0, 1], [2, 3]]
    children, found = agglomerate(np.empty((0, 2)), 1, similarity)
    assert children.shape == (0, 2)
    assert found.shape == (0,)
