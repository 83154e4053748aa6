"""Endres and Hoiem: cuts and order of the authors' program."""

import numpy as np
import pytest

from kcv.proposals import propose
from kcv.proposals.methods import endres


@pytest.fixture(scope="module")
def values(golden):
    with np.load(golden / "proposals" / "endres.npz") as file:
        return dict(file)


def test_cuts(values):
    found = endres._cut_figures(
        values["edges"].astype(np.int32),
        values["endres_pb"],
        values["endres_u"],
        values["endres_seed_nodes"],
    )
    assert tuple(values["endres_tradeoffs"]) == endres._SMOOTHNESS
    np.testing.assert_array_equal(endres._BIASES, values["endres_biases"])
    figure = values["endres_labels_1bg_2fg"] == 2  # node, smoothness, bias
    np.testing.assert_array_equal(found.T, figure.reshape(48, 56))


def test_borders_are_normalized_by_neighbors(values):
    """Their program raises probabilities to this power."""
    pairs = values["edges"]
    degrees = np.bincount(pairs.ravel())
    power = (1 / degrees[pairs]).sum(1)
    np.testing.assert_allclose(
        values["endres_pb"] ** power, values["endres_pb_norm"], rtol=1e-12
    )


def test_order(values):
    weights = values["rank_w"][-4:]
    order, scores = endres._rank(
        values["rank_unary"], values["rank_overlap"], weights
    )
    ranks = np.empty(60, int)
    ranks[order] = np.arange(1, 61)
    np.testing.assert_array_equal(ranks, values["rank_of_proposal"])
    np.testing.assert_allclose(scores, values["rank_score"], atol=1e-12)


def test_disks_come_first(image_of, disks):
    image = image_of("toy_disks")
    found = propose(image, "endres", 10, return_proposals=True)
    masks = found.masks.to_dense()
    for disk in disks:
        shared = (masks & disk).sum((1, 2)) / (masks | disk).sum((1, 2))
        assert shared.max() >= 0.9


def test_seeds_are_large_regions_of_the_hierarchy():
    strength = np.zeros((40, 60), np.float32)
    strength[:, 29:31] = 1
    strength[9:11, :29] = 0.5
    graph = endres._build_graph(strength)
    found = [
        np.isin(graph.labels, np.flatnonzero(seed))
        for seed in endres._find_seeds(graph)
    ]
    # The corner has 10 rows of 30 pixels.
    assert sorted(int(mask.sum()) for mask in found) == [900, 1200, 1200]


def test_edges_of_another_size_are_refused():
    def half(image):
        return np.zeros((20, 30)), np.zeros((20, 30))

    with pytest.raises(ValueError, match=r"`edges` must .*\(40, 60\)"):
        propose(np.zeros((40, 60)), "endres", edges=half)
