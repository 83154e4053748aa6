"""The segments are OpenCV's, and those of the definition."""

import cv2
import numpy as np
import pytest
import skimage.data

from kcv.proposals.machines.superpixels.graph_segmentation import segment
from kcv.proposals.machines.superpixels.graph_segmentation import sorted_edges


def definition(edges, k, min_size):
    """Felzenszwalb's predicate over sets of pixels."""
    height, width = edges.shape
    members = {pixel: {pixel} for pixel in range(height * width)}
    inner = dict.fromkeys(members, np.float32(0))
    triples = [*zip(edges.first, edges.second, edges.weight, strict=True)]

    def owner(pixel):
        return next(o for o, own in members.items() if pixel in own)

    def join(a, b):
        members[a] |= members.pop(b)

    for first, second, weight in triples:
        a, b = owner(first), owner(second)
        bound = min(inner[o] + np.float32(k) / len(members[o]) for o in (a, b))
        if a != b and weight <= bound:
            join(a, b)
            inner[a] = weight
    for first, second, _ in triples:
        a, b = owner(first), owner(second)
        if a != b and min(len(members[a]), len(members[b])) < min_size:
            join(a, b)
    labels = np.empty(height * width, int)
    for number, own in enumerate(sorted(members.values(), key=min)):
        labels[[*own]] = number
    return labels.reshape(height, width)


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_definition(connectivity, channels):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (9, 11, channels)).astype(np.uint8)
    edges = sorted_edges(image, 0.5, connectivity)
    for k, min_size in ((10, 1), (100, 4)):
        labels = segment(edges, k, min_size)
        np.testing.assert_array_equal(labels, definition(edges, k, min_size))
        assert labels.max() >= 1


@pytest.mark.parametrize("name", ["chelsea", "coffee"])
@pytest.mark.parametrize("k", [150, 300])
def test_opencvs_segments(name, k):
    image = cv2.cvtColor(getattr(skimage.data, name)(), cv2.COLOR_RGB2LAB)
    peer = cv2.ximgproc.segmentation.createGraphSegmentation(0.8, k, 100)
    expected = peer.processImage(image)
    labels = segment(sorted_edges(image, 0.8, connectivity=4), k, 100)
    # Numbered in another order: as many pairs of numbers as numbers.
    assert labels.max() == expected.max()
    pairs = np.stack([labels.ravel(), expected.ravel()], 1)
    different = len(np.unique(pairs, axis=0)) - (labels.max() + 1)
    assert different == 0


def test_edges_of_the_grid():
    image = np.zeros((5, 7, 3), np.uint8)
    assert len(sorted_edges(image, 0, 4).first) == 5 * 6 + 4 * 7
    eight = sorted_edges(image, 0, 8)
    assert len(eight.first) == 5 * 6 + 4 * 7 + 2 * 4 * 6
    y, x = np.divmod([eight.first, eight.second], 7)
    assert np.abs(np.diff(y, axis=0)).max() == 1
    assert np.abs(np.diff(x, axis=0)).max() == 1


def test_other_grids():
    with pytest.raises(ValueError, match="4 or 8.*=6"):
        sorted_edges(np.zeros((4, 4, 3), np.uint8), connectivity=6)
