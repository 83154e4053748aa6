import numpy as np
import pytest

from kcv.proposals.machines.contours.contour_hierarchy import group_contours
from kcv.proposals.machines.contours.oriented_watershed import (
    oriented_watershed,
)
from kcv.proposals.machines.contours.oriented_watershed import weigh_lines
from kcv.proposals.machines.superpixels.watershed import watershed


@pytest.fixture(scope="module")
def values(golden):
    with np.load(golden / "proposals" / "mcg.npz") as stored:
        return dict(stored)


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
