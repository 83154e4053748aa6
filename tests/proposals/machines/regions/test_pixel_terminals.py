"""Cuts of the authors' program for its three kinds of figures."""

import cv2
import numpy as np
import pytest

from kcv.proposals.machines.regions.figure_ground import cut_family
from kcv.proposals.machines.regions.figure_ground import lambda_values
from kcv.proposals.machines.regions.pixel_terminals import color_terminals
from kcv.proposals.machines.regions.pixel_terminals import uniform_terminals
from kcv.proposals.machines.regions.pixel_terminals import window_boxes
from kcv.proposals.machines.regions.pixel_terminals import window_terminals
from kcv.proposals.methods.cpmc import FRAMES
from kcv.proposals.methods.cpmc import LONG_RANGE
from kcv.proposals.methods.cpmc import UNIFORM
from kcv.proposals.methods.cpmc import half_size
from kcv.proposals.methods.cpmc import pixel_graph

WINDOW_CUTS = 222  # of 36 windows without colors, before those with colors


@pytest.fixture(scope="module")
def given(golden):
    return np.load(golden / "proposals" / "cpmc.npz")


@pytest.fixture(scope="module")
def strength(golden):
    maps = np.load(golden / "proposals" / "edges_E.npz")
    return half_size(maps["toy_disks__E_u8"].astype(float))


@pytest.fixture(scope="module")
def colors(image_of):
    image = image_of("toy_disks").astype(np.float32) / 255
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    return half_size(lab * np.array([2.55, 1, 1]) + np.array([0, 128, 128]))


def authors_cuts(given, name, count):
    packed = given[f"toy_disks__{name}__raw_half_packed"]
    return np.unpackbits(packed, axis=1)[:, :count].astype(bool)


def find_cuts(strength, segmenter, families):
    graph = pixel_graph(strength, segmenter.sigma, segmenter.potts)
    lambdas = lambda_values(segmenter.max_lambda)
    cuts = []
    for terminals in families:
        first = cut_family(graph, terminals, lambdas)
        cuts += [first <= cut for cut in np.unique(first[first < len(lambdas)])]
    return np.array(cuts)


def best_ious(expected, found):
    shared = expected.astype(np.float32) @ found.T.astype(np.float32)
    union = expected.sum(1)[:, np.newaxis] + found.sum(1) - shared
    return (shared / union).max(1)


def test_cuts_of_seeds_are_those_of_the_authors(given, strength):
    found = find_cuts(strength, UNIFORM, uniform_terminals(strength.shape))
    found = {cut.tobytes() for cut in found}
    cuts = authors_cuts(given, "uniform", strength.size)
    cuts = [cut.tobytes() for cut in cuts]
    # All of the seeds without a ground, then of those whose ground is the
    # frame. The rest are the families without a seed, whose costs differ.
    assert all(cut in found for cut in cuts[:517])
    assert len({*cuts} & found) >= 0.96 * len({*cuts})


def test_cuts_of_colors_are_near_those_of_the_authors(given, strength, colors):
    # Seeds lie in the five segments of the image: the ground, which is large
    # in one direction, and the disks, one of which consists of two. Clusters
    # of colors depend on random numbers.
    seeds = np.array(
        [[50, 36, 58, 44], [71, 54, 79, 62], [24, 26, 32, 34], [66, 21, 74, 29]]
    )
    rng = np.random.default_rng(0)
    found = find_cuts(strength, LONG_RANGE, color_terminals(colors, seeds, rng))
    ious = best_ious(authors_cuts(given, "longrange", strength.size), found)
    assert ious.mean() > 0.97
    assert np.median(ious) > 0.985


def test_cuts_in_windows_are_those_of_the_authors(given, strength, colors):
    rng = np.random.default_rng(0)
    found = find_cuts(strength, FRAMES, window_terminals(colors, rng))
    expected = authors_cuts(given, "frames", strength.size)
    np.testing.assert_array_equal(found[:WINDOW_CUTS], expected[:WINDOW_CUTS])
    # Clusters of colors depend on random numbers.
    ious = best_ious(expected[WINDOW_CUTS:], found)
    assert ious.mean() > 0.95


def test_windows_lie_in_the_image():
    for shape in ((60, 80), (2, 3), (1, 1), (300, 20)):
        boxes = window_boxes(shape, grid=3)
        assert boxes.shape == (9, 4)
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= (shape[1], shape[0])).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_windows_are_where_the_program_has_them():
    boxes = window_boxes((75, 100)).reshape(6, 6, 4)
    assert boxes[0, :4, [0, 2]].T.tolist() == [
        [0, 39],
        [0, 55],
        [11, 72],
        [27, 88],
    ]
    assert boxes[:5, 0, [1, 3]].tolist() == [
        [0, 36],
        [0, 49],
        [0, 61],
        [12, 73],
        [25, 75],
    ]
