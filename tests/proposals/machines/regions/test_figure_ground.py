"""Parts of figures against SciPy, and the authors' capacities and lambdas."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kcv.proposals.machines.regions.figure_ground import Graph
from kcv.proposals.machines.regions.figure_ground import best_of_clusters
from kcv.proposals.machines.regions.figure_ground import border_capacities
from kcv.proposals.machines.regions.figure_ground import color_affinity
from kcv.proposals.machines.regions.figure_ground import cut_family
from kcv.proposals.machines.regions.figure_ground import dominant_colors
from kcv.proposals.machines.regions.figure_ground import external_terminals
from kcv.proposals.machines.regions.figure_ground import frame_costs
from kcv.proposals.machines.regions.figure_ground import internal_terminals
from kcv.proposals.machines.regions.figure_ground import lambda_values
from kcv.proposals.machines.regions.figure_ground import seed_boxes
from kcv.proposals.machines.regions.figure_ground import split_figures


def random_graph(rng, count=40, pairs=70):
    links = np.sort(rng.integers(0, count, (pairs, 2)), 1)
    links = np.unique(links[links[:, 0] < links[:, 1]], axis=0)
    return Graph(
        links.astype(np.int32),
        rng.integers(1, 20, len(links)),
        rng.integers(1, 9, count),
    )


def parts_of(graph, figure):
    """Connected parts of a figure, as sets of nodes."""
    inside = figure[graph.pairs].all(1)
    count = len(figure)
    links = coo_array(
        (np.ones(inside.sum()), tuple(graph.pairs[inside].T)), (count, count)
    )
    _, part = connected_components(links, directed=False)
    return [figure & (part == p) for p in np.unique(part[figure])]


def test_parts_are_scipys():
    rng = np.random.default_rng(0)
    for _ in range(10):
        graph = random_graph(rng)
        first = rng.integers(0, 6, 40).astype(np.int32)
        expected = set()
        for cut in range(5):
            for part in parts_of(graph, first <= cut):
                crossing = np.logical_xor(*part[graph.pairs].T)
                if graph.areas[part].sum() >= 12 and crossing.any():
                    ratio = graph.capacities[crossing].mean()
                    area = graph.areas[part].sum()
                    expected.add((part.tobytes(), area, round(ratio, 9)))
        found = split_figures(graph, first, 5, min_area=12)
        rows = [
            (row.tobytes(), area, round(ratio, 9))
            for row, area, ratio in zip(*found, strict=True)
        ]
        assert len({*rows}) == len(rows)
        assert {*rows} == expected


def test_the_whole_graph_is_no_figure():
    graph = random_graph(np.random.default_rng(1))
    found = split_figures(graph, np.zeros(40, np.int32), 3, min_area=1)
    assert not found.membership.all(1).any()


def test_chains_of_near_duplicates_are_one_cluster():
    rng = np.random.default_rng(0)
    table = rng.permuted(np.tri(60, 50, -1, bool)[np.r_[2:50]], axis=0)
    table = np.concatenate([table, ~table, table[::2]])
    table = table[table.any(1)]
    energies = rng.permutation(len(table)).astype(float)
    shared = table.astype(int) @ table.T
    sizes = table.sum(1)
    iou = shared / (sizes[:, None] + sizes - shared)
    _, cluster = connected_components(iou >= 0.95, directed=False)
    assert 4 < cluster.max() < len(table) - 10
    expected = [
        min(np.flatnonzero(cluster == c), key=energies.__getitem__)
        for c in range(cluster.max() + 1)
    ]
    found = best_of_clusters(table, energies)
    assert found.tolist() == sorted(expected)


def test_the_authors_capacities_and_lambdas(golden):
    given = np.load(golden / "proposals" / "cuts.npz")
    for key, edges, sigma, offset in (
        ("cap_s1_p001", "edges", 1.0, 0.008),
        ("cap_s35_p004", "edges", 3.5, 0.011),
        ("cap2_s15_p004", "edges2", 1.5, 0.011),
    ):
        found = border_capacities(given[f"rigor_pair_{edges}"], sigma, offset)
        expected = 1000 * given[f"rigor_pair_{key}"]
        np.testing.assert_allclose(found, expected, atol=1e-9)
    for key, highest in (("uniform", 20), ("colour", 300)):
        # The authors' program drops the last one.
        expected = given[f"rigor_lambdas_{key}"][:-1]
        np.testing.assert_allclose(lambda_values(highest), expected, rtol=1e-12)


def test_capacities_fall_faster_if_few_strengths_are_near_zero():
    few, many = np.array([0.0, 1.5, 1.5, 10]), np.array([0.0, 0, 1.5, 10])
    decays = [
        -np.log(border_capacities(strengths, 2.0, 0.0)[-1] / 1000) / 10
        for strengths in (few, many)
    ]
    np.testing.assert_allclose(decays, [0.125 + 0.07, 0.125])


def test_seeds_are_symmetric_and_inside():
    for shape in ((80, 110), (75, 100), (3, 1), (16, 500)):
        boxes = seed_boxes(shape, 5, 20)
        assert boxes.shape == (25, 4)
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= (shape[1], shape[0])).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
    boxes = seed_boxes((80, 110), 5, 20)
    # Where CPMC's program has them.
    assert np.unique(boxes[:, 0]).tolist() == [10, 27, 45, 63, 80]
    assert np.unique(boxes[:, 1]).tolist() == [7, 18, 30, 42, 53]


def test_figures_grow_from_the_seed_to_the_weak_border():
    # A chain of ten nodes with weak pairs between 3 and 4, and 7 and 8.
    pairs = np.stack([np.arange(9), np.arange(1, 10)], 1).astype(np.int32)
    capacities = np.full(9, 10)
    capacities[[3, 7]] = 1
    graph = Graph(pairs, capacities, np.ones(10, int))
    seed = np.arange(10) == 5
    lambdas = lambda_values(40)
    areas = graph.areas
    first = cut_family(graph, internal_terminals(areas, seed), lambdas)
    # Nodes join if they cost less than what the cut gains: node 4 below 9,
    # nodes 6 and 7 below 9 / 2, nodes 8 and 9 below 1 / 2, the other four
    # below 1 / 4.
    limits = 4 * [0.25] + [9, np.inf, 4.5, 4.5, 0.5, 0.5]
    expected = 20 - np.searchsorted(lambdas, limits)
    np.testing.assert_array_equal(first, expected)
    frame = np.isin(np.arange(10), [0, 9])
    costs = frame_costs(
        np.indices((10, 1)).reshape(2, -1).T, frame, (5, 0), 1000
    )
    assert costs.tolist() == [1000] + 8 * [0] + [800]
    first = cut_family(graph, external_terminals(areas, seed, costs), lambdas)
    assert first[5] == 0
    assert (first[[0, 9]] == 20).all()


def test_affinity_is_that_of_the_nearest_color():
    rng = np.random.default_rng(0)
    colors = np.concatenate([np.zeros((30, 3)), np.full((30, 3), 50.0)])
    centers = dominant_colors(colors + rng.normal(0, 1, (60, 3)), 2, rng)
    assert sorted(centers.mean(1).round(-1).tolist()) == [0, 50]
    found = color_affinity(np.array([[0.0, 0, 10], [50, 40, 50]]), centers, 0.1)
    np.testing.assert_allclose(found, np.exp([-1.0, -1.0]), rtol=0.2)
    assert len(dominant_colors(colors[:3], 5, rng)) == 3


@pytest.mark.parametrize("members", [0, 1])
def test_clusters_of_few(members):
    table = np.ones((members, 4), bool)
    kept = best_of_clusters(table, np.zeros(members))
    assert kept.tolist() == list(range(members))
