"""SLIC superpixels are those of VLFeat."""

import numpy as np
import pytest
import skimage.data
from skimage.measure import label

from kcv.proposals.machines.superpixels.slic import slic


@pytest.fixture(scope="module")
def values(golden):
    with np.load(golden / "proposals" / "rantalankila.npz") as file:
        return dict(file)


def test_superpixels_of_a_toy(values, golden):
    with np.load(golden / "proposals" / "toys.npz") as toys:
        found = slic(toys["toy_disks"], 20, 800.0, 11)
    expected = values["toy_disks__slic__labels"]
    assert found.max() == expected.max()
    # The same partition, whose numbers have another order.
    pairs = np.stack([found.ravel(), expected.ravel()])
    assert len(np.unique(pairs, axis=1).T) == found.max() + 1


def test_most_borders_of_a_photograph(values):
    found = slic(skimage.data.chelsea(), 20, 800.0, 11)
    expected = values["chelsea__slic__labels"]
    ours, theirs = (
        np.diff(labels.astype(int), axis=1) != 0 for labels in (found, expected)
    )
    assert (ours & theirs).sum() >= 0.95 * max(ours.sum(), theirs.sum())


def test_superpixels_are_connected_and_not_small():
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    labels = slic(image, 10, 400.0, 9)
    sizes = np.bincount(labels.ravel())
    assert sizes.min() >= 9
    for number in range(len(sizes)):
        assert label(labels == number, connectivity=2).max() == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (30, 1), (7, 7)])
def test_images_without_a_whole_superpixel(size):
    image = np.zeros((*size, 3), np.uint8)
    labels = slic(image, 20, 800.0, 11)
    assert labels.shape == size
    assert labels.min() == 0
    assert len(np.unique(labels)) == labels.max() + 1 <= 2
