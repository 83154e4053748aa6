"""Capacities and cuts of the authors' program, and toys."""

import cv2
import numpy as np
import pytest

from kcv.metrics.box_iou import box_iou
from kcv.proposals import propose
from kcv.proposals.machines.regions.figure_ground import cut_family
from kcv.proposals.machines.regions.figure_ground import lambda_values
from kcv.proposals.machines.windows.selection import diversify
from kcv.proposals.methods.cpmc import FRAMES
from kcv.proposals.methods.cpmc import LONG_RANGE
from kcv.proposals.methods.cpmc import UNIFORM
from kcv.proposals.methods.cpmc import half_size
from kcv.proposals.methods.cpmc import pixel_graph
from kcv.proposals.methods.cpmc import uniform_terminals
from kcv.proposals.methods.cpmc import window_terminals


@pytest.fixture(scope="module")
def given(golden):
    return np.load(golden / "proposals" / "cpmc.npz")


@pytest.fixture(scope="module")
def strength(golden):
    maps = np.load(golden / "proposals" / "edges_E.npz")
    return half_size(maps["toy_disks__E_u8"].astype(float))


def test_the_authors_capacities(given, strength):
    height, width = given["toy_disks__uniform__half_size_hw"]
    assert strength.shape == (height, width)
    pixels = given["toy_disks__pair_ids_colmajor_1based"].astype(int) - 1
    pairs = np.sort(pixels % height * width + pixels // height, 1)
    order = np.lexsort(pairs.T[::-1])
    for name, segmenter in (
        ("uniform", UNIFORM),
        ("longrange", LONG_RANGE),
        ("frames", FRAMES),
    ):
        graph = pixel_graph(strength, segmenter.sigma, segmenter.potts)
        own = np.lexsort(graph.pairs.T[::-1])
        np.testing.assert_array_equal(graph.pairs[own], pairs[order])
        expected = given[f"toy_disks__{name}__pair_cap"][order]
        np.testing.assert_array_equal(graph.capacities[own], expected)


def test_the_authors_cuts(given, strength):
    count = strength.size
    graph = pixel_graph(strength, UNIFORM.sigma, UNIFORM.potts)
    lambdas = lambda_values(UNIFORM.max_lambda)
    found = set()
    for terminals in uniform_terminals(strength.shape):
        first = cut_family(graph, terminals, lambdas)
        for cut in np.unique(first[first < len(lambdas)]):
            found.add((first <= cut).tobytes())
    cuts = np.unpackbits(given["toy_disks__uniform__raw_half_packed"], axis=1)
    cuts = [cut.astype(bool).tobytes() for cut in cuts[:, :count]]
    # All of the seeds without a ground, then of those whose ground is the
    # frame. The rest are the families without a seed, whose costs differ.
    assert all(cut in found for cut in cuts[:517])
    assert len({*cuts} & found) >= 0.96 * len({*cuts})


def test_the_authors_selection(given):
    overlaps = given["cpmc_mmr_overlap"]
    order, values = diversify(given["cpmc_mmr_scores"], overlaps.__getitem__)
    np.testing.assert_array_equal(order, given["cpmc_mmr_order"])
    np.testing.assert_allclose(values, given["cpmc_mmr_new_scores"][order])


def test_half_of_a_plane_is_that_plane():
    rows, columns = np.indices((31, 40))
    half = half_size(2.0 * rows + 3.0 * columns)
    assert half.shape == (16, 20)
    y, x = np.indices(half.shape)
    expected = 2 * (2 * y + 0.5) + 3 * (2 * x + 0.5)
    inner = np.s_[2:-2, 2:-2]  # the borders are mirrored
    np.testing.assert_allclose(half[inner], expected[inner])


def test_the_authors_largest_figure_in_a_window(strength):
    # The first window of the authors' program is 40 x 42 pixels here. Its
    # smallest and its largest figure are theirs.
    graph = pixel_graph(strength, FRAMES.sigma, FRAMES.potts)
    window = next(window_terminals(strength.shape, 6, 66.0))
    inside = np.zeros(strength.shape, bool)
    inside[:40, :42] = True
    np.testing.assert_array_equal(window.sink == 0, inside.ravel())
    first = cut_family(graph, window, lambda_values(FRAMES.max_lambda))
    sizes = [int((first <= cut).sum()) for cut in range(20)]
    assert next(size for size in sizes if size) == 204
    assert sizes[-1] == 1667


def test_windows_lie_in_the_image():
    for shape in ((60, 80), (2, 3), (1, 1)):
        terminals = [*window_terminals(shape, grid=3, size=30)]
        assert len(terminals) == 9
        for window in terminals:
            assert (window.source_slope > 0).any()
            assert not ((window.source_slope > 0) & (window.sink > 0)).any()


@pytest.fixture(scope="module")
def toy():
    image = np.full((90, 130, 3), 60, np.uint8)
    image[20:70, 16:60] = (200, 60, 40)
    cv2.circle(image, (98, 46), 20, (40, 60, 220), -1)
    return image, np.array([[16, 20, 60, 70], [78, 26, 119, 67]], float)


def test_toys(toy):
    image, boxes = toy
    found = propose(image, "cpmc", 100, return_proposals=True)
    iou = box_iou(boxes, found.boxes.astype(float))
    assert iou.max(1).min() >= 0.9
    # Both objects come early.
    assert iou[:, :6].max(1).min() >= 0.8
    # Masks consist of squares of 2 x 2 pixels.
    mask = found.masks[int(iou[1].argmax())]
    disk = image[..., 2] == 220
    assert (mask & disk).sum() >= 0.8 * (mask | disk).sum()


def test_small_figures_are_left_out(toy):
    image, _ = toy
    found = propose(image, "cpmc", min_area=3000, return_proposals=True)
    # Pixels of half the size at the border count fully.
    assert min(mask.sum() for mask in found.masks.to_dense()) >= 2900


def test_wrong_edges(toy):
    with pytest.raises(ValueError, match="`edges` must return"):
        propose(toy[0], "cpmc", edges=lambda _: (np.zeros((3, 4)),) * 2)
