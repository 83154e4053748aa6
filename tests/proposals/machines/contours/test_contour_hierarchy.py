import numpy as np
import pytest

from kcv.proposals.machines.contours.contour_grid import border_values
from kcv.proposals.machines.contours.contour_hierarchy import border_heights
from kcv.proposals.machines.contours.contour_hierarchy import group_contours
from kcv.proposals.machines.contours.contour_hierarchy import group_regions
from kcv.proposals.machines.contours.contour_hierarchy import leaf_ranges
from kcv.proposals.machines.contours.contour_hierarchy import ultrametric_map
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.region_graph import reduce_borders
from tests.proposals.hierarchies import random_contours


@pytest.fixture(scope="module")
def values(golden):
    with np.load(golden / "proposals" / "mcg.npz") as stored:
        return dict(stored)


def group_labels(labels, contours):
    labels = labels.astype(np.int32)
    borders = find_borders(labels)
    strengths = reduce_borders(borders, border_values(borders, contours))
    return group_regions(
        labels, borders.pairs, strengths, np.diff(borders.starts)
    )


def between_pixels(contours):
    return np.concatenate(
        [contours[1::2, 2:-1:2].ravel(), contours[2:-1:2, 1::2].ravel()]
    )


def stored_parents(merges):
    parents = np.full(merges[-1, -1], -1)
    for *children, parent in merges.astype(int):
        parents[np.array(children)[np.array(children) > 0] - 1] = parent - 1
    return parents


@pytest.mark.parametrize(
    ("spectral", "expected"), [(False, "ucm2_nospec"), (True, "ucm2_raw")]
)
def test_ultrametric_map_is_that_of_the_authors(values, spectral, expected):
    contours = values["scg_owt2"].astype(np.float64)
    if spectral:
        contours = contours + values["scg_sPb"]
    hierarchy = group_labels(values["scg_superpixels"], contours)
    found = between_pixels(ultrametric_map(hierarchy))
    # The stored values have half precision.
    np.testing.assert_allclose(
        found, between_pixels(values[f"scg_{expected}"]), atol=3e-4
    )


def test_merges_are_those_of_the_authors(values):
    hierarchy = group_labels(values["scg_leaves"] - 1, values["scg_ucm2"])
    parents = stored_parents(values["scg_ms_0"])
    np.testing.assert_array_equal(hierarchy.parents, parents)
    np.testing.assert_array_equal(hierarchy.heights, values["scg_start_ths_0"])
    ends = np.append(hierarchy.heights[hierarchy.parents[:-1]], 1)
    np.testing.assert_array_equal(
        ends.astype(np.float32), values["scg_end_ths_0"]
    )


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_merges_at_one_height_are_one_node(values, number):
    if number:
        contours = values["mcg_all_ucms_multi_h_1_2"][..., number]
    else:
        contours = values["mcg_ucm2"]
    hierarchy = group_labels(
        values["mcg_leaves"][..., number] - 1, contours.astype(np.float64)
    )
    parents = stored_parents(values[f"mcg_ms_{number}"])
    heights = values[f"mcg_start_ths_{number}"]
    # Nodes of one height have no order, so they are compared by leaves.
    lowest, highest = leaf_ranges(hierarchy.parents, hierarchy.num_leaves)
    assert len(hierarchy.parents) == len(parents)

    def nodes(parents, heights):
        leaves = [set() for _ in parents]
        for node, parent in enumerate(parents):
            if node < hierarchy.num_leaves:
                leaves[node].add(node)
            if parent >= 0:
                leaves[parent] |= leaves[node]
        return {
            frozenset(own): round(float(height), 2)
            for own, height in zip(leaves, heights, strict=True)
        }

    found = nodes(hierarchy.parents, hierarchy.heights)
    expected = nodes(parents, heights)
    assert found.keys() == expected.keys()
    for leaves, height in expected.items():
        assert abs(found[leaves] - height) <= 0.011


def test_all_scales_together_are_those_of_the_authors(values):
    # The mean of the aligned maps is grouped, and heights become 0..1.
    aligned = values["mcg_all_ucms_multi_h_1_2"][..., 1:].astype(np.float64)
    labels = values["mcg_leaves"][..., 0] - 1
    hierarchy = group_labels(labels, aligned.mean(-1))
    heights = 1 / (1 + np.exp(-8 * (hierarchy.heights - 0.35)))
    heights = np.where(hierarchy.heights > 0, heights, 0)
    found = ultrametric_map(hierarchy._replace(heights=heights))
    np.testing.assert_allclose(
        between_pixels(found), between_pixels(values["mcg_ucm2"]), atol=5e-4
    )


def test_neighbors_are_those_of_the_authors(values):
    pairs = find_borders(values["scg_leaves"].astype(np.int32) - 1).pairs + 1
    expected = np.sort(values["scg_neigh"].astype(int), 1)
    assert set(map(tuple, pairs.tolist())) == set(map(tuple, expected.tolist()))


def every_border(labels, contours):
    """Merge the pair with the smallest mean, looking at all pairs."""
    values = {}
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            for v, u in ((y, x + 1), (y + 1, x)):
                if v < height and u < width and labels[y, x] != labels[v, u]:
                    pair = frozenset((labels[y, x], labels[v, u]))
                    values.setdefault(pair, []).append(
                        contours[y + v + 1, x + u + 1]
                    )
    heights, union = [], labels.max()
    while values:
        pair = min(values, key=lambda pair: np.mean(values[pair]))
        heights.append(np.mean(values.pop(pair)))
        union += 1
        merged = {}
        for other, own in values.items():
            other = frozenset(union if i in pair else i for i in other)
            merged.setdefault(other, []).extend(own)
        values = merged
    return np.maximum.accumulate(heights)


def test_heap_finds_what_looking_at_every_border_finds():
    contours = random_contours()
    hierarchy = group_contours(contours)
    expected = every_border(hierarchy.labels, contours)
    np.testing.assert_allclose(
        hierarchy.heights[hierarchy.num_leaves :], expected
    )


def test_heights_are_ultrametric():
    hierarchy = group_contours(random_contours(1))
    count = hierarchy.num_leaves
    pairs = np.stack(np.indices((count, count)), -1).reshape(-1, 2)
    height = border_heights(hierarchy, pairs).reshape(count, count)
    through = np.maximum(height[:, :, np.newaxis], height[np.newaxis]).min(1)
    assert (height <= through + 1e-12).all()


def test_thresholds_of_the_map_give_nested_regions():
    hierarchy = group_contours(random_contours(2))
    contours = ultrametric_map(hierarchy)
    before = hierarchy.labels
    for threshold in (0.2, 0.4, 0.6, 0.8):
        labels = group_contours(
            np.where(contours > threshold, contours, 0)
        ).labels
        # Every region of the finer level lies in one of the coarser level.
        pairs = np.unique(np.stack([before.ravel(), labels.ravel()], 1), axis=0)
        assert len(pairs) == before.max() + 1
        before = labels


def test_map_of_a_map_is_the_map():
    contours = ultrametric_map(group_contours(random_contours(3)))
    np.testing.assert_array_equal(
        ultrametric_map(group_contours(contours)), contours
    )
