"""Distances, seeds and level sets, against the authors' program and loops."""

import numpy as np
import pytest

from kcv.proposals.machines.regions.geodesics import DistanceMaps
from kcv.proposals.machines.regions.geodesics import distances_to_set
from kcv.proposals.machines.regions.geodesics import farthest_seeds
from kcv.proposals.machines.regions.geodesics import geodesic_graph
from kcv.proposals.machines.regions.region_graph import touched_sides
from kcv.proposals.machines.regions.segment_overlap import distinct_segments
from kcv.proposals.machines.regions.segment_overlap import segment_boxes

PHOTOGRAPHS = ("astronaut", "chelsea")


@pytest.fixture(scope="module")
def authors(golden):
    with np.load(golden / "proposals" / "geodesic.npz") as values:
        return dict(values)


def authors_graph(authors, name):
    strength = authors[f"{name}__edge_weight"].astype(float)
    count = len(authors[f"{name}__distances"])
    pairs = authors[f"{name}__edges"]
    return geodesic_graph(pairs, strength**3 + 0.002, count)


@pytest.fixture
def ring():
    """Ten segments in a ring, with two chords and random lengths."""
    pairs = [*((i, (i + 1) % 10) for i in range(10)), (0, 5), (2, 7)]
    lengths = np.random.default_rng(0).random(12) + 0.01
    return geodesic_graph(np.array(pairs), lengths, 10)


def all_distances(graph):
    """Floyd and Warshall's algorithm."""
    lengths = graph.toarray()
    lengths[lengths == 0] = np.inf
    np.fill_diagonal(lengths, 0)
    for middle in range(len(lengths)):
        way = lengths[:, [middle]] + lengths[[middle]]
        lengths = np.minimum(lengths, way)
    return lengths


def levels_by_loops(distances, max_levels, max_iou, min_size, max_size):
    """Thresholds and gaps of one map."""
    ordered = sorted(distances)
    gaps = [*np.diff(ordered), 0]
    candidates = [
        level
        for level in range(max(int(min_size * len(ordered)), 2), len(gaps) - 1)
        if level < int(max_size * len(ordered))
        and gaps[level] > max(gaps[level - 1], gaps[level + 1], 1e-6)
    ]
    chosen = []
    for level in sorted(candidates, key=lambda level: -gaps[level]):
        ratios = [min(level, x) / max(level, x) for x in chosen]
        if len(chosen) < max_levels and max([0, *ratios]) <= max_iou:
            chosen.append(level)
    return [(ordered[x] + gaps[x] / 2, gaps[x]) for x in chosen]


def test_distances_are_those_of_all_paths(ring):
    expected = all_distances(ring)
    seeds, distances = farthest_seeds(ring, 99)
    assert sorted(seeds) == [*range(10)]
    np.testing.assert_allclose(distances, expected[seeds])
    members = np.isin(np.arange(10), [1, 4])
    np.testing.assert_allclose(
        distances_to_set(ring, members), expected[[1, 4]].min(0)
    )


def test_each_seed_is_farthest_from_those_before_it(ring):
    distances = all_distances(ring)
    seeds, _ = farthest_seeds(ring, 5)
    for number in range(1, 5):
        nearest = distances[seeds[:number]].min(0)
        assert nearest[seeds[number]] == pytest.approx(nearest.max())


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_seeds_and_distances_of_the_authors(authors, name):
    graph = authors_graph(authors, name)
    expected = authors[f"{name}__distances"]
    seeds, distances = farthest_seeds(graph, 300)
    np.testing.assert_array_equal(seeds, authors[f"{name}__seeds"])
    np.testing.assert_allclose(distances[:4].T, expected[:, :4], atol=1e-5)
    if name == "chelsea":
        sides = touched_sides(authors["chelsea__labels"], 4)
        for column, subset in enumerate(([0], [1], [2], [0, 1, 2, 3]), 4):
            from_sides = distances_to_set(graph, sides[:, subset].any(1))
            np.testing.assert_allclose(
                from_sides, expected[:, column], atol=1e-5
            )


def test_level_sets_of_the_authors(authors):
    differ = []
    for name in PHOTOGRAPHS:
        _, seeds = farthest_seeds(authors_graph(authors, name), 4)
        frame = authors[f"{name}__distances"][:, 7]
        maps = DistanceMaps(np.concatenate([seeds, seeds - frame]), 0, 0.75)
        table = authors[f"{name}__levels"]
        # Gaps of the size of rounding errors are no levels here.
        table = table[table[:, 5] > 1e-6]
        for max_levels, max_iou in ((5, 0.8), (20, 0.9)):
            levels = maps.critical_levels(max_levels, max_iou)
            for seed, frame in np.ndindex(4, 2):
                own = levels.maps == 4 * frame + seed
                found = np.stack([levels.thresholds, levels.gaps], 1)[own]
                setting = [seed, frame, max_levels, max_iou]
                rows = np.isclose(table[:, :4], setting).all(1)
                expected = table[rows, 4:]
                if len(found) != len(expected) or not np.allclose(
                    found, expected, rtol=0, atol=1e-5
                ):
                    differ.append((name, *setting))
    # The authors' program does not sort the last segment in.
    assert differ == [("chelsea", 0, 1, 20, 0.9)]


def test_masks_of_the_authors_remain_of_their_candidates(authors):
    graph = authors_graph(authors, "chelsea")
    seeds, distances = farthest_seeds(graph, 130)
    order = np.argsort(seeds)
    labels = authors["chelsea__labels"]
    sides = touched_sides(labels, 4)
    candidates = authors["chelsea__candidates"]
    best = np.argsort(-candidates[:, 1], kind="stable")
    membership = []
    for threshold, _, far, seed, sets, size in candidates[best]:
        subset = sides[:, (int(sets) >> np.arange(4) & 1).astype(bool)].any(1)
        if far:
            if not sets:  # no side at all, which gives an empty level set
                continue
            values = -distances_to_set(graph, subset)
        else:
            row = order[np.searchsorted(seeds[order], seed)]
            values = distances[row]
            if sets:
                values = values - distances_to_set(graph, sides.any(1))
        membership.append(values < threshold)
        assert membership[-1].sum() == size
    membership = np.array(membership)
    membership = membership[distinct_segments(membership, 0.8)]
    packed = np.packbits(membership, axis=1)
    expected = authors["chelsea__masks"]
    assert len(packed) == len(expected) == 984
    assert {*map(bytes, packed)} == {*map(bytes, expected)}
    boxes = segment_boxes(membership, labels).tolist()
    assert sorted(boxes) == sorted(authors["chelsea__boxes"].tolist())


@pytest.mark.parametrize(
    ("max_levels", "max_iou", "min_size", "max_size"),
    [
        (3, 0.5, 0, 1),
        (40, 0.9, 0.1, 0.8),
        (40, 1, 0.7, 0.75),
        (7, 0.8, 0.99, 1),
    ],
)
def test_levels_are_those_of_plain_loops(
    max_levels, max_iou, min_size, max_size
):
    distances = np.random.default_rng(0).random((6, 90))
    distances[2] = np.arange(90) // 30  # gaps after 30 and 60
    distances[3] = 0
    maps = DistanceMaps(distances, min_size, np.full(6, max_size))
    levels = maps.critical_levels(max_levels, max_iou, 5)
    expected = [
        (number, *level)
        for number in range(5)
        for level in levels_by_loops(
            distances[number], max_levels, max_iou, min_size, max_size
        )
    ]
    found = np.stack(levels, 1)
    np.testing.assert_allclose(found, np.reshape(expected, (-1, 3)))
    members = maps.level_sets(levels)
    for row, (number, threshold, _) in zip(members, expected, strict=True):
        assert (row == (distances[number] < threshold)).all()


def test_few_segments_have_no_levels():
    for count in range(1, 4):
        maps = DistanceMaps(np.arange(count)[np.newaxis])
        levels = maps.critical_levels(5, 0.9)
        assert len(levels.maps) == 0
        assert maps.level_sets(levels).shape == (0, count)
