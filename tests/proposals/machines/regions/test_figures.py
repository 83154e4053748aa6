"""Parts and clusters of figures against SciPy."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kcv.proposals.machines.regions.figure_ground import Graph
from kcv.proposals.machines.regions.figures import best_of_clusters
from kcv.proposals.machines.regions.figures import split_figures


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


@pytest.mark.parametrize("members", [0, 1])
def test_clusters_of_few(members):
    table = np.ones((members, 4), bool)
    kept = best_of_clusters(table, np.zeros(members))
    assert kept.tolist() == list(range(members))
