"""Capacities and cuts of the authors' program, and toys."""

import cv2
import numpy as np
import pytest

from kcv.metrics.box_iou import box_iou
from kcv.proposals import propose
from kcv.proposals.machines.windows.selection import diversify
from kcv.proposals.methods.cpmc import FRAMES
from kcv.proposals.methods.cpmc import LONG_RANGE
from kcv.proposals.methods.cpmc import UNIFORM
from kcv.proposals.methods.cpmc import half_size
from kcv.proposals.methods.cpmc import pixel_graph


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
