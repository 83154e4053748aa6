import numpy as np
import pytest

from kcv.proposals.machines.contours.contour_hierarchy import align
from kcv.proposals.machines.contours.contour_hierarchy import border_heights
from kcv.proposals.machines.contours.contour_hierarchy import border_values
from kcv.proposals.machines.contours.contour_hierarchy import group_contours
from kcv.proposals.machines.contours.contour_hierarchy import group_regions
from kcv.proposals.machines.contours.contour_hierarchy import leaf_ranges
from kcv.proposals.machines.contours.contour_hierarchy import oriented_watershed
from kcv.proposals.machines.contours.contour_hierarchy import resize_labels
from kcv.proposals.machines.contours.contour_hierarchy import ultrametric_map
from kcv.proposals.machines.contours.contour_hierarchy import weigh_lines
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.region_graph import reduce_borders
from kcv.proposals.machines.superpixels.watershed import watershed


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


def test_contours_are_those_of_the_authors(values):
    found = weigh_lines(
        values["watershed"] == 0,
        values["E_u8"] / 255,
        values["O_u8"] * np.pi / 256,
    )
    # The stored values have half precision.
    np.testing.assert_allclose(found, values["scg_owt2"], atol=3e-4)
    # Octave numbers regions column by column.
    labels = group_contours(found.T.copy()).labels.T
    np.testing.assert_array_equal(labels, values["scg_superpixels"])


def test_oriented_watershed_weighs_the_lines_of_the_watershed(values):
    strength = values["E_u8"] / 255
    orientation = values["O_u8"] * np.pi / 256
    lines = watershed(strength, lines=True, connectivity=8) < 0
    np.testing.assert_array_equal(
        oriented_watershed(strength, orientation),
        weigh_lines(lines, strength, orientation),
    )


def test_closed_contours_have_strength():
    lines = np.zeros((12, 14), bool)
    lines[2:9, 3:11] = True
    lines[3:8, 4:10] = False
    contours = weigh_lines(lines, np.ones((12, 14)), np.zeros((12, 14)))
    labels = group_contours(contours).labels
    assert labels.max() == 1
    assert (labels == 1).sum() == 6 * 7


def test_squares_of_lines_enclose_no_region():
    lines = np.zeros((10, 12), bool)
    lines[4, :6] = lines[5, 5:] = lines[:6, 6] = lines[4:, 5] = True
    strength = np.full((10, 12), 0.5)
    strength[:4, 6] = 0.1
    contours = weigh_lines(lines, strength, np.full((10, 12), np.pi / 4))
    sizes = np.bincount(group_contours(contours).labels.ravel())
    assert len(sizes) == 4
    assert sizes.min() > 10


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


def random_contours(seed=0, height=12, width=15):
    """Contours around all pixels of some, with random strengths."""
    random = np.random.default_rng(seed)
    contours = random.uniform(0.1, 1, (2 * height + 1, 2 * width + 1))
    contours[random.uniform(size=contours.shape) < 0.3] = 0
    return contours


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


def test_hierarchy_of_its_own_superpixels_stays_as_it_is():
    hierarchy = group_contours(random_contours(4))
    found, leaves = align(hierarchy, hierarchy.labels)
    np.testing.assert_array_equal(leaves, np.arange(hierarchy.num_leaves))
    np.testing.assert_array_equal(found.parents, hierarchy.parents)
    np.testing.assert_array_equal(found.heights, hierarchy.heights)


def test_segments_follow_the_node_that_covers_most_of_them():
    # The root has the children {0, 1} and 2.
    labels = np.array([[2, 2, 2, 0, 0, 1, 1, 2, 2]], np.int32)
    hierarchy = group_regions(
        labels,
        np.array([[0, 1], [1, 2]]),
        np.array([0.2, 0.5]),
        np.ones(2),
    )
    # Leaves 1 and 2 cover as much of segment 1, but {0, 1} covers more of it.
    segments = np.array([[0, 0, 0, 0, 1, 1, 1, 1, 1]], np.int32)
    found, leaves = align(hierarchy, segments)
    assert leaves.tolist() == [1, 0]
    assert found.labels[0].tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert found.heights.tolist() == [0, 0, 0.5]


def test_resized_labels_are_connected():
    labels = np.zeros((8, 8), np.int32)
    labels[:, 3] = 1
    small = resize_labels(labels, (4, 4))
    assert small.tolist() == [[0, 1, 2, 2]] * 4
    assert resize_labels(labels, (8, 8)).tolist()[0] == [0, 0, 0, 1, 2, 2, 2, 2]


def test_straight_edge_keeps_its_strength():
    x = np.arange(20.0)
    strength = np.tile(np.exp(-((x - 9) ** 2) / 8), (15, 1))
    along = oriented_watershed(strength, np.zeros((15, 20)))
    across = oriented_watershed(strength, np.full((15, 20), np.pi / 2))
    assert along[11, 18] == pytest.approx(1)
    assert 0 < across[11, 18] < 1e-3
    assert group_contours(along).labels[7, [8, 9]].tolist() == [0, 1]


def test_plain_strength_has_no_contours():
    contours = oriented_watershed(np.zeros((4, 6)), np.zeros((4, 6)))
    assert contours.shape == (9, 13)
    assert not contours.any()
    hierarchy = group_contours(contours)
    assert hierarchy.parents.tolist() == [-1]
