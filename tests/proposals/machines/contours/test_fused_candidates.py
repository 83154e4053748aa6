import numpy as np
import pytest
from scipy import ndimage

from kcv.proposals.machines.contours.fused_candidates import fuse_candidates
from kcv.proposals.machines.contours.node_tuples import top_tuples
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.segment_overlap import segment_boxes
from kcv.proposals.machines.regions.segment_runs import diversify_runs
from kcv.proposals.machines.regions.segment_runs import select_runs
from kcv.proposals.machines.windows.selection import suppress
from tests.proposals.hierarchies import random_hierarchy


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
