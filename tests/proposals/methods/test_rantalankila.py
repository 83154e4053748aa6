"""Global and local search against what the authors' program computes."""

import numpy as np
import pytest
import skimage.data

from kcv.metrics.box_iou import box_iou
from kcv.proposals import propose
from kcv.proposals.machines.images.word_histograms import color_words
from kcv.proposals.machines.images.word_histograms import texture_words
from kcv.proposals.machines.regions.merge_tree import RegionMasks
from kcv.proposals.machines.regions.merge_tree import agglomerate
from kcv.proposals.machines.regions.merge_tree import merged_labels
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.superpixels.graph_segmentation import segment
from kcv.proposals.machines.superpixels.graph_segmentation import sorted_edges
from kcv.proposals.machines.superpixels.slic import slic
from kcv.proposals.methods import rantalankila

IMAGES = ("toy_rect", "toy_disks", "chelsea")
KINDS = ("felz", "slic")


@pytest.fixture(scope="module")
def values(golden):
    with np.load(golden / "proposals" / "rantalankila.npz") as file:
        return dict(file)


@pytest.fixture(
    params=[f"{image}__{kind}__" for image in IMAGES for kind in KINDS]
)
def own(request, values):
    """The values of one image and one kind of superpixels, by name."""
    prefix = request.param
    return {
        key.removeprefix(prefix): value
        for key, value in values.items()
        if key.startswith(prefix)
    }


def sets(own, name):
    """The sets of superpixels of a list, in its order."""
    ends = np.cumsum(own[f"{name}_len"])[:-1]
    parts = np.split(own[f"{name}_flat"], ends)
    return [frozenset(part.tolist()) for part in parts]


def regions(own):
    sizes, pairs = own["size2"], np.sort(own["edges2"].astype(np.int32))
    left_right_top_bottom = own["on_edge_LRTB"].astype(bool)
    return rantalankila.Regions(
        sizes,
        own["hist_sift2"].astype(float),
        own["hist_colour2"].astype(float),
        pairs,
        left_right_top_bottom[:, [2, 3, 0, 1]],
    )


def members(membership):
    return [frozenset(np.flatnonzero(row).tolist()) for row in membership]


def test_neighbors(own):
    for end in ("", "2"):
        expected = np.sort(own[f"edges{end}"])
        found = find_borders(own[f"labels{end}"]).pairs
        assert found.tolist() == sorted(expected.tolist())


def test_similarities(own):
    features = regions(own)[:3]
    first, second = own["edges2"].T.astype(int)
    found = rantalankila._similarity(
        features, first, second, rantalankila._MERGE
    )
    np.testing.assert_allclose(found, own["scores2"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", IMAGES)
def test_segments_are_those_of_the_authors(values, image_of, name):
    found = segment(sorted_edges(image_of(name), 0.8), 50, 150)
    expected = values[f"{name}__felz__labels"]
    pairs = np.unique(np.stack([found.ravel(), expected.ravel()]), axis=1)
    assert pairs.shape[1] == found.max() + 1 == expected.max() + 1


def test_the_first_phase_leaves_nothing_small_or_alike(image_of):
    image = image_of("toy_disks")
    labels = slic(image, 20, 800.0, 11)
    words = texture_words(image), color_words(image)
    merged, found = rantalankila._merge_alike(labels, *words)
    assert 4 <= merged.max() < labels.max()
    assert_merged(found)


def test_the_authors_first_phase_leaves_nothing_small_or_alike(own):
    assert_merged(regions(own))


def assert_merged(regions):
    first, second = regions.pairs.T.astype(int)
    scores = rantalankila._similarity(
        regions[:3], first, second, rantalankila._MERGE
    )
    assert regions.sizes.min() >= 0.002
    assert scores.max() <= 0.8


def test_superpixels_after_the_first_phase(own):
    count = int(own["labels"].max()) + 1
    parts = sets(own, "parts1")
    assert parts[:count] == [frozenset([i]) for i in range(count)]
    numbers = {part: i for i, part in enumerate(parts)}
    alive, children = set(parts[:count]), []
    for union in parts[count:]:
        pair = [part for part in alive if part < union]
        assert len(pair) == 2
        children.append([numbers[part] for part in pair])
        alive = alive - set(pair) | {union}
    labels = merged_labels(own["labels"], np.array(children, np.int32))
    np.testing.assert_array_equal(labels, own["labels2"])


def test_the_first_merge(own):
    first, second = np.sort(own["edges"]).T
    scores = dict(
        zip(
            zip(first.tolist(), second.tolist(), strict=True),
            own["scores"],
            strict=True,
        )
    )

    def similarity(first, second, borders):
        pairs = zip(first.tolist(), second.tolist(), strict=True)
        return np.array([scores.get(pair, 0) for pair in pairs])

    count = int(own["labels"].max()) + 1
    children, _ = agglomerate([*scores], count, similarity, stop=1e9)
    assert frozenset(children[0].tolist()) == sets(own, "parts1")[count]


def test_local_search(own):
    children, _ = rantalankila._merge(regions(own))
    found = RegionMasks(own["labels2"], children).membership
    assert members(found) == sets(own, "local")


def test_global_search(own, values):
    branches = rantalankila._all_branches()[:15]
    found = rantalankila._search_globally(regions(own), branches)
    cuts = [cut for branch in found for cut in members(branch)]
    assert cuts == [cut for cut in sets(own, "graphcut") if cut]
    # All regions together are the result.
    assert {*cuts, *sets(own, "local")} == set(sets(own, "final"))


def test_branches(values):
    branches = rantalankila._all_branches()
    assert len(set(branches)) == len(branches) == 1080
    found = [(len(x.ground), x.figure, x.smoothness) for x in branches[:15]]
    expected = values["branches"]
    np.testing.assert_allclose(np.array(found)[:, 1:], expected[:, 1:])
    # Sides of the types of the authors.
    sides = {11: 0, 1: 2, 2: 2, 3: 4, 6: 2, 9: 3, 10: 3}
    assert [x[0] for x in found] == [sides[int(t)] for t in expected[:, 0]]


def test_covers_the_boxes_of_the_authors(values):
    """Which have other words, and therefore other superpixels."""
    boxes = propose(skimage.data.chelsea(), "rantalankila", 1000)
    for kind in KINDS:
        theirs = values[f"chelsea__{kind}__boxes"][:200].astype(float)
        best = box_iou(theirs, boxes.astype(float)).max(1)
        assert best.mean() >= 0.75, kind


@pytest.mark.parametrize(
    ("proposals", "branches"),
    [
        (1, 0),
        (441, 0),
        (602, 1),
        (922, 5),
        (1000, 6),
        (12_176, 600),
        (10**6, 600),
    ],
)
def test_branches_for_a_number_of_proposals(proposals, branches):
    assert rantalankila._num_branches(proposals) == branches


def test_disks_and_their_masks(image_of, disks):
    image = image_of("toy_disks")
    found = propose(image, "rantalankila", 300, return_proposals=True)
    masks = found.masks.to_dense()
    for disk in disks:
        shared = (masks & disk).sum((1, 2)) / (masks | disk).sum((1, 2))
        assert shared.max() >= 0.95


def test_branches_must_not_be_negative():
    with pytest.raises(ValueError, match="`branches` must be .*branches=-1"):
        propose(np.zeros((30, 40)), "rantalankila", branches=-1)
