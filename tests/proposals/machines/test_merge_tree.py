"""The heap finds what looking at every pair in every step finds."""

import numpy as np
import pytest

from kcv.proposals.machines.merge_tree import Similarity
from kcv.proposals.machines.merge_tree import merge
from kcv.proposals.machines.region_features import Regions


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
