"""What detectors of edges return, soft and checked."""

import cv2
import numpy as np
import pytest
import skimage.data

from kcv.proposals.machines.images.edge_maps import canny_edges
from kcv.proposals.machines.images.edge_maps import checked_edges
from kcv.proposals.machines.images.edge_maps import gradient_edges
from kcv.proposals.machines.images.edge_maps import soft_gradient_edges


def test_soft_edges_are_those_that_are_thinned():
    image = skimage.data.coffee()[:100, :150]
    thin, normal = gradient_edges(image)
    soft, same = soft_gradient_edges(image)
    np.testing.assert_array_equal(normal, same)
    np.testing.assert_array_equal(soft[thin > 0], thin[thin > 0])
    assert (soft > 0.1).sum() > 2 * (thin > 0.1).sum()


@pytest.mark.parametrize("angle", [0, 30, 90, 135])
def test_orientation_is_that_of_the_normal(angle):
    y, x = np.indices((60, 60)) - 29.5
    angle = np.deg2rad(angle)
    image = np.zeros((60, 60, 3), np.uint8)
    image[x * np.cos(angle) + y * np.sin(angle) > 0] = (200, 120, 40)
    strength, orientation = soft_gradient_edges(image)
    assert strength.dtype == orientation.dtype == np.float32
    assert strength[30, 30] > 0.8
    assert strength[20:40, 20:40].mean() < 0.7
    turn = abs(orientation[30, 30] - angle)
    assert min(turn, np.pi - turn) < 0.2
    assert 0 <= orientation.min() <= orientation.max() < 3.1416


@pytest.mark.parametrize("detect", [gradient_edges, soft_gradient_edges])
def test_strengths_are_at_most_one(detect):
    plain = np.full((50, 70, 3), 131, np.uint8)
    assert detect(plain)[0].max() < 0.01
    plain[20:22, 30:32] = 255  # less than the percentile that is cut off
    assert detect(plain)[0].max() == 1
    assert detect(plain[:1, :1])[0].shape == (1, 1)


def test_edges_are_returned_as_float32():
    image = np.zeros((6, 8, 3), np.uint8)
    strength, orientation = checked_edges(
        lambda image: [image[..., 0], np.eye(6, 8)[:, ::-1]], image
    )
    assert strength.dtype == orientation.dtype == np.float32
    assert orientation.flags["C_CONTIGUOUS"]
    assert orientation[0, 7] == 1


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (np.zeros((6, 8)), r"a tuple \(strength, orientation\).*ndarray"),
        (
            (np.zeros((6, 8)), np.zeros((8, 6))),
            r"the shape \(6, 8\).*orientation\.shape=\(8, 6\)",
        ),
        ((np.zeros((6, 8, 1)), np.zeros((6, 8))), r"strength\.shape=\(6, 8, 1"),
        ((np.full((6, 8), np.nan), np.zeros((6, 8))), "strength with 48"),
        ((np.zeros((6, 8)), np.diag([np.inf] * 8)[:6]), "orientation with"),
    ],
)
def test_wrong_edges_are_refused(returned, message):
    image = np.zeros((6, 8, 3), np.uint8)
    with pytest.raises(ValueError, match=f"`edges` must return.*{message}"):
        checked_edges(lambda image: returned, image)


@pytest.mark.parametrize(
    ("authors", "factor"), [("rahtu", 0.5), ("objectness", 1)]
)
def test_canny_edges_are_those_of_octave_within_a_pixel(
    golden, authors, factor
):
    with np.load(golden / "proposals" / f"{authors}.npz") as file:
        bits = np.unpackbits(file["chelsea__canny"], count=300 * 451)
    expected = bits.reshape(300, 451)
    strength, _ = canny_edges(skimage.data.chelsea(), factor)
    assert {*np.unique(strength)} == {0, 1}
    found = strength.astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    assert cv2.dilate(found, kernel)[expected > 0].mean() > 0.95
    assert cv2.dilate(expected, kernel)[found > 0].mean() > 0.85


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (20, 20)])
def test_plain_images_have_no_canny_edges(size):
    strength, orientation = canny_edges(np.full((*size, 3), 90, np.uint8))
    assert strength.shape == orientation.shape == size
    assert strength.max() == 0
