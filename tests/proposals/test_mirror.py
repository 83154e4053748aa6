"""Methods, and parts of methods, of images and of their mirror images.

A method is symmetric by construction if it depends neither on random numbers
nor on the order of pixels, but for equal values. The others have symmetric
parts, which are tested here.
"""

import numpy as np
import pytest
import skimage.data

from kcv.proposals import propose
from kcv.proposals.machines.contours.contour_hierarchy import group_contours
from kcv.proposals.machines.contours.contour_hierarchy import ultrametric_map
from kcv.proposals.machines.images.edge_maps import gradient_edges
from kcv.proposals.machines.images.edge_maps import soft_gradient_edges
from kcv.proposals.machines.regions.figure_ground import cut_family
from kcv.proposals.machines.regions.figure_ground import lambda_values
from kcv.proposals.machines.regions.pixel_terminals import uniform_terminals
from kcv.proposals.machines.superpixels.watershed import watershed
from kcv.proposals.machines.windows.window_cues import color_contrast
from kcv.proposals.machines.windows.window_cues import edge_density
from kcv.proposals.machines.windows.window_cues import straddling
from kcv.proposals.methods.bing import normed_gradients
from kcv.proposals.methods.cpmc import pixel_graph
from kcv.proposals.propose import METHODS
from tests.proposals.hierarchies import random_contours

#: Share of boxes that an image and its mirror image have in common. Endres'
#: regions depend on a few pairs of borders of the same strength.
SYMMETRIC = {
    "endres": 0.9,
    "selective_search": 1.0,
    "superpixels": 1.0,
}
#: Why the other methods are not symmetric.
REASONS = {
    "bing": "windows are whole steps away from the left side",
    "cpmc": "the authors' windows lie a little to the left",
    "edge_boxes": "edges are grouped, and windows placed, from the left",
    "gaussian": "random numbers",
    "geodesic": "superpixels begin in a grid with a first column",
    "mcg": "pixels of lines become the upper left corners of pixels",
    "objectness": "random numbers",
    "rahtu": "random numbers",
    "randomized_prims": "random numbers",
    "rantalankila": "SLIC's clusters and words begin at the left",
    "rigor": "clusters of colors begin with random pixels",
    "sliding_window": "windows are centered in whole pixels",
    "uniform": "random numbers",
}


@pytest.fixture(scope="module")
def image():
    return np.ascontiguousarray(skimage.data.chelsea()[60:124, 100:180])


def mirrored(image):
    return np.ascontiguousarray(image[:, ::-1])


def mirrored_boxes(boxes, width):
    left, top, right, bottom = np.asarray(boxes).T
    return np.stack([width - right, top, width - left, bottom], 1)


def test_the_table_has_all_methods():
    assert sorted([*SYMMETRIC, *REASONS]) == sorted(METHODS)


@pytest.mark.parametrize(("method", "share"), SYMMETRIC.items())
def test_symmetric_methods(image, method, share):
    boxes = propose(image, method, 5000)
    others = propose(mirrored(image), method, 5000)
    found = {*map(tuple, boxes.tolist())}
    expected = {*map(tuple, mirrored_boxes(others, image.shape[1]).tolist())}
    assert len(found & expected) >= share * len(found | expected)


@pytest.mark.parametrize("edges", [gradient_edges, soft_gradient_edges])
def test_edges(image, edges):
    strength, orientation = edges(image)
    other_strength, other_orientation = edges(mirrored(image))
    np.testing.assert_allclose(other_strength[:, ::-1], strength, atol=1e-6)
    # The direction of a normal is known up to its sign.
    across = np.sin(orientation + other_orientation[:, ::-1])
    assert np.abs(across[strength > 0.05]).max() < 1e-4


def test_normed_gradients(image):
    np.testing.assert_array_equal(
        normed_gradients(mirrored(image))[:, ::-1], normed_gradients(image)
    )


def test_basins(image):
    strength = np.random.default_rng(0).random((40, 50))
    labels = watershed(strength)
    others = watershed(mirrored(strength))[:, ::-1]
    pairs = np.unique(np.stack([labels.ravel(), others.ravel()]), axis=1)
    assert pairs.shape[1] == labels.max() + 1 == others.max() + 1


def test_hierarchies():
    contours = random_contours()
    found = ultrametric_map(group_contours(contours))
    others = ultrametric_map(group_contours(mirrored(contours)))
    np.testing.assert_allclose(others[:, ::-1], found, rtol=1e-6)


def test_cuts():
    strength = np.random.default_rng(0).integers(0, 6, (40, 50)) * 1.0
    lambdas = lambda_values(150)

    def figures(strength):
        graph = pixel_graph(strength, 1.0, 0.001)
        families = uniform_terminals(strength.shape, 3)
        for terminals in families:
            first = cut_family(graph, terminals, lambdas)
            yield first.reshape(strength.shape)

    found = {first.tobytes() for first in figures(strength)}
    others = figures(mirrored(strength))
    assert found == {mirrored(first).tobytes() for first in others}


def test_cues_of_windows(image):
    height, width = image.shape[:2]
    random = np.random.default_rng(0)
    # Half of a side, the frame of color contrast, is then a whole number.
    limits = (width // 2 + 1, height // 2 + 1)
    corners = 2 * random.integers(0, limits, (2, 200, 2))
    corners = np.sort(corners, 0)
    windows = np.concatenate(corners, 1)
    windows = windows[(windows[:, 2:] > windows[:, :2]).all(1)]
    others = mirrored_boxes(windows, width)
    labels = random.integers(0, 9, (8, 10)).repeat(8, 0).repeat(8, 1)
    for cue, values in (
        (straddling, labels),
        (color_contrast, labels),
        (edge_density, labels == 3),
    ):
        np.testing.assert_allclose(
            cue(mirrored(values), others), cue(values, windows), rtol=1e-9
        )
