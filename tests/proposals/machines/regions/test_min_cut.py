"""SciPy, enumeration, and the cuts of the authors of three methods."""

import itertools

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order
from scipy.sparse.csgraph import maximum_flow

from kcv.proposals.machines.regions.min_cut import min_cut
from kcv.proposals.machines.regions.min_cut import parametric_cuts

INFINITE = 10**12


def random_graph(rng, nodes, count, cuts):
    """Pairs, capacities, and source and sink capacities of a family."""
    pairs = rng.integers(0, nodes, (count, 2))
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    capacities = rng.integers(0, 9, len(pairs))
    source, sink = (
        rng.integers(0, 8, (2, cuts, nodes))
        * rng.integers(0, 2, (2, cuts, nodes))
    ).cumsum(1)
    return pairs, capacities, source, sink[::-1]


def whole(values):
    return np.rint(values).astype(np.int64)


def scipys_cut(pairs, capacities, source, sink):
    """The nodes that the source reaches when the flow is at its maximum."""
    count = len(source)
    nodes = np.arange(count)
    tails = np.r_[pairs[:, 0], pairs[:, 1], np.full(count, count), nodes]
    heads = np.r_[pairs[:, 1], pairs[:, 0], nodes, np.full(count, count + 1)]
    values = np.r_[capacities, capacities, source, sink].astype(np.int32)
    graph = coo_array((values, (tails, heads)), (count + 2, count + 2)).tocsr()
    flow = maximum_flow(graph, count, count + 1)
    residual = (graph - flow.flow).tocsr()
    residual.data = np.maximum(residual.data, 0)
    residual.eliminate_zeros()
    reached = breadth_first_order(residual, count, return_predecessors=False)
    return np.isin(nodes, reached)


def cost(figure, pairs, capacities, source, sink):
    separated = figure[pairs[:, 0]] != figure[pairs[:, 1]]
    return capacities[separated].sum() + np.where(figure, sink, source).sum()


@pytest.mark.parametrize("size", [(4, 5), (12, 25), (60, 200), (300, 1500)])
def test_cuts_are_scipys(size):
    rng = np.random.default_rng(size[0])
    for _ in range(10):
        pairs, capacities, source, sink = random_graph(rng, *size, cuts=6)
        first = parametric_cuts(pairs, capacities, source - sink)
        for cut in range(6):
            graph = pairs, capacities, source[cut], sink[cut]
            expected = scipys_cut(*graph)
            np.testing.assert_array_equal(first <= cut, expected)
            np.testing.assert_array_equal(min_cut(*graph), expected)


def test_no_division_is_cheaper_and_no_cheapest_figure_is_smaller():
    rng = np.random.default_rng(0)
    divisions = np.array([*itertools.product([False, True], repeat=7)])
    for _ in range(20):
        pairs, capacities, source, sink = random_graph(rng, 7, 14, cuts=1)
        graph = pairs, capacities, source[0], sink[0]
        costs = np.array([cost(figure, *graph) for figure in divisions])
        cheapest = divisions[costs == costs.min()]
        np.testing.assert_array_equal(min_cut(*graph), cheapest.all(0))


def test_a_weak_pair_of_a_grid_is_cut():
    nodes = np.arange(40 * 60).reshape(40, 60)
    pairs = np.concatenate(
        [
            np.stack([nodes[:, :-1].ravel(), nodes[:, 1:].ravel()], 1),
            np.stack([nodes[:-1].ravel(), nodes[1:].ravel()], 1),
        ]
    )
    inside = np.zeros((40, 60), bool)
    inside[10:30, 20:50] = True
    crossing = inside.flat[pairs[:, 0]] != inside.flat[pairs[:, 1]]
    source, sink = np.zeros((2, 2400), np.int64)
    source[nodes[20, 30]] = INFINITE
    sink[nodes[0]] = INFINITE
    # One pixel of the source alone would cost four pairs.
    figure = min_cut(pairs, np.where(crossing, 1, 100), source, sink)
    np.testing.assert_array_equal(figure.reshape(40, 60), inside)


def test_the_cuts_of_rigor_and_cpmc(golden):
    given = np.load(golden / "proposals" / "cuts.npz")
    lambdas = given["lambdas"]
    for seed in range(4):
        source, sink = (
            np.minimum(1000 * (fixed + slope * values[:, None]), INFINITE)
            for fixed, slope, values in (
                (
                    np.minimum(given["nonlambda_s"][:, seed], INFINITE),
                    given["lambda_s"][:, seed],
                    lambdas,
                ),
                (
                    given["nonlambda_t"][:, seed],
                    given["lambda_t"][:, seed],
                    lambdas[::-1],
                ),
            )
        )
        first = parametric_cuts(
            given["edges"],
            whole(1000 * given["cap"]),
            whole(source) - whole(sink),
        )
        # RIGOR counts cuts from 1 and has 0 for nodes that are never a figure.
        expected = given["rigor_nodynamic"][:, seed]
        np.testing.assert_array_equal((first + 1) % 22, expected)
        for ground, value in zip(
            given[f"cpmc_cuts_{seed}"][:48].T,
            given[f"cpmc_lambdas_{seed}"],
            strict=True,
        ):
            cut = np.abs(lambdas - value).argmin()
            np.testing.assert_array_equal(first > cut, ground)


def test_the_cuts_of_endres(golden):
    given = np.load(golden / "proposals" / "cuts.npz")
    share = given["endres_u"]
    pairs = -np.log(given["endres_pb_norm"])
    seeds = given["endres_seed_nodes"]
    for i, tradeoff in enumerate(given["endres_tradeoffs"]):
        for j, bias in enumerate(given["endres_biases"]):
            gain = 1e6 * (np.log(share / (1 - share)) + bias)
            gain[seeds] = INFINITE
            figure = min_cut(
                given["edges"],
                whole(1e6 * tradeoff * pairs),
                whole(gain),
                np.zeros(48, int),
            )
            expected = given["endres_labels_1bg_2fg"][:, i, j] == 2
            np.testing.assert_array_equal(figure, expected)


def test_no_pairs_and_no_nodes():
    none = np.empty((0, 2), np.int32), np.empty(0, np.int64)
    figure = min_cut(*none, np.array([1, 0, 2]), np.array([0, 0, 2]))
    assert figure.tolist() == [True, False, False]
    empty = np.empty(0, np.int64)
    assert min_cut(*none, empty, empty).shape == (0,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pairs": [[0, 1, 2]]}, r"`pairs` must be \(m, 2\)"),
        ({"pairs": [[0, 3]]}, r"must be in 0..n - 1.*0..3 for n=3"),
        ({"capacities": [-2]}, "must not be negative.*-2"),
        ({"capacities": [0.5]}, "must be integers.*float64"),
        ({"gains": [0, 0, 0]}, r"must be \(L, n\)"),
        ({"gains": [[0, 1, 0], [0, 0, 0]]}, "must not fall.*-1"),
    ],
)
def test_graphs_that_are_none(change, message):
    graph = {"pairs": [[0, 1]], "capacities": [1], "gains": [[0, 0, 0]]}
    with pytest.raises(ValueError, match=message):
        parametric_cuts(**{k: np.array(v) for k, v in (graph | change).items()})


def test_terminals_of_two_sizes():
    with pytest.raises(ValueError, match=r"same shape \(n,\)"):
        min_cut([[0, 1]], [1], np.zeros(3, int), np.zeros(2, int))
