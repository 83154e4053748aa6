import numpy as np
import pytest
from scipy import ndimage

from kcv.proposals.machines.contours.contour_hierarchy import group_contours
from kcv.proposals.machines.contours.fused_candidates import FEATURES
from kcv.proposals.machines.contours.fused_candidates import contrast
from kcv.proposals.machines.contours.fused_candidates import describe_candidates
from kcv.proposals.machines.contours.fused_candidates import fuse_candidates
from kcv.proposals.machines.contours.node_tuples import top_tuples
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.segment_overlap import segment_boxes
from kcv.proposals.machines.regions.segment_runs import distinct_runs
from kcv.proposals.machines.regions.segment_runs import diversify_runs
from kcv.proposals.machines.regions.segment_runs import find_runs
from kcv.proposals.machines.regions.segment_runs import select_runs
from kcv.proposals.machines.windows.selection import suppress
from tests.proposals.stored_hierarchy import stored_hierarchy


class Stored:
    """Candidates of the authors, and those of kcv from their hierarchies."""

    def __init__(self, golden):
        with np.load(golden / "proposals" / "mcg.npz") as stored:
            self.values = values = dict(stored)
        self.labels = values["mcg_f_lp"].astype(int) - 1
        leaves = self.labels.max() + 1
        merges = values["mcg_f_ms"].astype(int)
        self.nodes = np.zeros((merges[-1, -1] + 1, leaves), bool)
        self.nodes[1 : leaves + 1] = np.eye(leaves, dtype=bool)
        for *children, parent in merges:
            self.nodes[parent] = self.nodes[children].any(0)
        hierarchies = [stored_hierarchy(values, h) for h in range(4)]
        counts = values["mcg_n_cands_pareto"].astype(int).T
        tuples = [
            top_tuples(own, find_borders(own.labels).pairs, limits)
            for own, limits in zip(hierarchies, counts, strict=True)
        ]
        self.raw = fuse_candidates(hierarchies, tuples, fill=False)
        self.filled = fuse_candidates(hierarchies, tuples)
        areas = np.bincount(self.filled.labels.ravel())
        runs = find_runs(self.filled.membership, areas)
        kept = distinct_runs(runs, 0.95)
        self.reduced = self.filled.select(kept)
        self.runs = select_runs(runs, kept)
        self.contours = np.maximum(
            values["mcg_all_ucms_multi_h_1_2"].astype(np.float32).max(-1),
            values["mcg_ucm2"],
        )

    def expected(self, key, labels):
        """Membership of stored candidates in the superpixels of `labels`."""
        _, first = np.unique(labels, return_index=True)
        table = self.values[key].astype(int)
        members = np.zeros((len(table), self.nodes.shape[1]), bool)
        for column in table.T:
            members |= self.nodes[column]
        return members[:, self.labels.ravel()[first]]


@pytest.fixture(scope="module")
def stored(golden):
    return Stored(golden)


def test_superpixels_are_those_of_the_authors(stored):
    pairs = np.stack([stored.labels.ravel(), stored.filled.labels.ravel()], 1)
    assert len(np.unique(pairs, axis=0)) == stored.labels.max() + 1
    assert stored.filled.labels.max() == stored.labels.max()


@pytest.mark.parametrize(
    ("stage", "key"),
    [
        ("raw", "mcg_cands_first3000"),
        ("filled", "mcg_cands_hf_first3000"),
        ("reduced", "mcg_red"),
    ],
)
def test_candidates_are_those_of_the_authors(stored, stage, key):
    found = getattr(stored, stage)
    np.testing.assert_array_equal(
        found.membership, stored.expected(key, found.labels)
    )


def test_features_are_those_of_the_authors(stored):
    found = describe_candidates(stored.reduced, stored.contours)[::4]
    expected = stored.values["mcg_feats_every_4th"]
    # The authors' code subtracts the border of a filled hole only if the
    # number of its node is larger than that of its neighbor.
    nodes = stored.values["mcg_red"][::4].astype(int)
    rising = ((np.diff(nodes, axis=1) > 0) | (nodes[:, 1:] == 0)).all(1)
    assert rising.mean() > 0.9
    # The stored contours have half precision.
    np.testing.assert_allclose(found[rising], expected[rising], rtol=2e-3)
    others = [*range(4), *range(9, len(FEATURES))]
    np.testing.assert_allclose(
        found[:, others], expected[:, others], rtol=1e-5, atol=1e-6
    )


def test_order_and_boxes_are_those_of_the_authors(stored):
    values = stored.values
    order = values["mcg_mm_order_in"]
    found, ranks = diversify_runs(
        select_runs(stored.runs, order), values["mcg_mm_score_in"], 0.7
    )
    # A few pairs of equal values are swapped, the first at place 768.
    np.testing.assert_array_equal(found[:700], values["mcg_mm_ids"][:700])
    assert (found == values["mcg_mm_ids"]).mean() > 0.99
    boxes = segment_boxes(stored.reduced.membership, stored.reduced.labels)
    boxes = boxes[order[values["mcg_mm_ids"]]]
    # Boxes with an IoU of 0.95 or more count as the same.
    kept = boxes[suppress(boxes, ranks, np.nextafter(0.95, 0))]
    expected = values["mcg_rb"] - np.array([1, 1, 0, 0])
    np.testing.assert_array_equal(kept, expected)


def random_hierarchy(seed=0, height=14, width=17):
    random = np.random.default_rng(seed)
    contours = random.uniform(0.1, 1, (2 * height + 1, 2 * width + 1))
    contours[random.uniform(size=contours.shape) < 0.4] = 0
    return group_contours(contours), contours


def test_holes_are_those_of_scipy():
    hierarchy, _ = random_hierarchy()
    pairs = find_borders(hierarchy.labels).pairs
    tuples = top_tuples(hierarchy, pairs, (60, 60, 60, 60))
    raw = fuse_candidates([hierarchy], [tuples], fill=False)
    filled = fuse_candidates([hierarchy], [tuples])
    np.testing.assert_array_equal(raw.labels, filled.labels)
    changed = 0
    for before, after in zip(raw.membership, filled.membership, strict=True):
        expected = ndimage.binary_fill_holes(before[raw.labels])
        np.testing.assert_array_equal(after[raw.labels], expected)
        changed += (before != after).any()
    assert changed > 3


def test_nodes_cover_what_candidates_cover():
    (first, _), (second, _) = random_hierarchy(0), random_hierarchy(1)
    tuples = [
        top_tuples(own, find_borders(own.labels).pairs, (9, 30, 20, 10))
        for own in (first, second)
    ]
    found = fuse_candidates([first, second], tuples, fill=False)
    row = 0
    for hierarchy, own in zip((first, second), tuples, strict=True):
        leaves = [
            np.flatnonzero([leaf == node for leaf in hierarchy.labels.ravel()])
            for node in range(hierarchy.num_leaves)
        ]
        for node in range(hierarchy.num_leaves, len(hierarchy.parents)):
            below = np.flatnonzero(hierarchy.parents == node)
            leaves.append(np.concatenate([leaves[child] for child in below]))
        for part in own:
            for nodes in part:
                mask = np.zeros(found.labels.size, bool)
                for node in nodes:
                    mask[leaves[node]] = True
                np.testing.assert_array_equal(
                    found.membership[row][found.labels].ravel(), mask
                )
                row += 1
    assert row == len(found.source)


def test_contrast_is_that_of_the_pixels():
    hierarchy, contours = random_hierarchy(2)
    pairs = find_borders(hierarchy.labels).pairs
    tuples = top_tuples(hierarchy, pairs, (40, 20, 10, 0))
    found = fuse_candidates([hierarchy], [tuples])
    outer, inner = contrast(found, contours)
    for row in range(0, len(outer), 7):
        mask = found.membership[row][found.labels]
        around, inside = [], []
        for y, x in np.ndindex(mask.shape):
            for v, u in ((y, x + 1), (y + 1, x)):
                if v == mask.shape[0] or u == mask.shape[1]:
                    continue
                value = contours[y + v + 1, x + u + 1]
                if mask[y, x] != mask[v, u]:
                    around.append(value)
                elif mask[y, x] and found.labels[y, x] != found.labels[v, u]:
                    inside.append(value)
        assert outer[row] == pytest.approx(np.mean(around) if around else 0)
        assert inner[row] == pytest.approx(np.mean(inside) if inside else 0)
