"""Capacities and lambdas of the authors, and figures of a chain."""

import numpy as np

from kcv.proposals.machines.regions.figure_ground import Graph
from kcv.proposals.machines.regions.figure_ground import border_capacities
from kcv.proposals.machines.regions.figure_ground import cut_family
from kcv.proposals.machines.regions.figure_ground import external_terminals
from kcv.proposals.machines.regions.figure_ground import internal_terminals
from kcv.proposals.machines.regions.figure_ground import lambda_values
from kcv.proposals.machines.regions.figure_seeds import frame_costs


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
