"""Cues from directions of edges are those of the authors."""

import numpy as np
import pytest
import skimage.data

from kcv.proposals.machines.windows.window_edges import border_edges
from kcv.proposals.machines.windows.window_edges import oriented_edges
from kcv.proposals.machines.windows.window_edges import symmetry


@pytest.mark.parametrize("name", ["toy_rect", "chelsea"])
def test_the_authors_cues(golden, name):
    with np.load(golden / "proposals" / "toys.npz") as file:
        image = {**file, "chelsea": skimage.data.chelsea()}[name]
    shape = image.shape[:2]
    with np.load(golden / "proposals" / "rahtu.npz") as file:
        windows = file[f"{name}__windows"].astype(int)
        _, expected_symmetry, expected_border, _ = file[
            f"{name}__SS_WS_BE_BI"
        ].T
        bits = np.unpackbits(file[f"{name}__canny"], count=np.prod(shape))
    oriented = oriented_edges(image, bits.reshape(shape) > 0)
    for cue, expected in (
        (symmetry, expected_symmetry),
        (border_edges, expected_border),
    ):
        found = cue(oriented, windows)
        found /= found.max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_directions_of_a_square():
    image = np.zeros((60, 60, 3), np.uint8)
    image[20:40, 20:40] = 200
    edges = np.zeros((60, 60), bool)
    edges[19:41, [19, 40]] = edges[[19, 40], 19:41] = True
    oriented = oriented_edges(image, edges)
    assert oriented.sum(-1).max() == pytest.approx(1)
    assert oriented[30, 20].argmax() == 0
    assert oriented[20, 30].argmax() == 2
    assert oriented[30, 30].max() == 0
    # The square itself has more of its border's edges than any other window.
    windows = np.array([[18, 18, 42, 42], [10, 18, 34, 42], [0, 0, 60, 60]])
    found = border_edges(oriented, windows)
    assert found.argmax() == 0
    assert symmetry(oriented, windows).argmax() == 0


def test_mirrored_images_have_the_same_cues():
    image = skimage.data.chelsea()[:90, :120]
    edges = np.random.default_rng(0).random((90, 120)) < 0.2
    windows = np.array([[5, 6, 77, 66], [30, 2, 114, 50], [40, 40, 64, 52]])
    mirrored = windows * [-1, 1, -1, 1] + [120, 0, 120, 0]
    mirrored = mirrored[:, [2, 1, 0, 3]]
    there = oriented_edges(image, edges)
    here = oriented_edges(image[:, ::-1], edges[:, ::-1])
    for cue in (symmetry, border_edges):
        np.testing.assert_allclose(
            cue(here, mirrored), cue(there, windows), rtol=1e-9
        )


def test_small_windows_and_images_have_no_edges():
    oriented = np.ones((8, 8, 4))
    windows = np.array([[2, 2, 5, 8], [2, 2, 6, 7], [1, 1, 8, 8]])
    assert (symmetry(oriented, windows) > 0).tolist() == [False, True, True]
    assert (border_edges(oriented, windows) > 0).tolist() == [
        False,
        False,
        True,
    ]
    plain = np.zeros((1, 3, 3), np.uint8)
    assert oriented_edges(plain, np.ones((1, 3), bool)).max() == 0
