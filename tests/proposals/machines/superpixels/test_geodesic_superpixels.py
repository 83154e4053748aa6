"""Superpixels are connected, and their borders follow edges."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from kcv.proposals.machines.superpixels.geodesic_superpixels import (
    geodesic_superpixels,
)

VERTICAL, HORIZONTAL = 0.0, np.pi / 2  # edges, by their normals


def path_lengths(strength, orientation, sources, edge_length=60):
    """Lengths of the shortest paths from pixels to all pixels."""
    height, width = strength.shape
    pixels = np.arange(strength.size).reshape(strength.shape)
    parts = (
        strength * abs(np.cos(orientation)),
        strength * abs(np.sin(orientation)),
    )
    ends, lengths = [], []
    for part, here, there in (
        (parts[0], np.s_[:, :-1], np.s_[:, 1:]),
        (parts[1], np.s_[:-1], np.s_[1:]),
    ):
        ends.append([pixels[here].ravel(), pixels[there].ravel()])
        step = 4 + np.rint(4 * edge_length * (part[here] + part[there]) / 2)
        lengths.append(np.minimum(step, 255).ravel())
    graph = csr_array(
        (np.concatenate(lengths), np.concatenate(ends, 1)),
        shape=(strength.size, strength.size),
    )
    return dijkstra(graph, directed=False, indices=sources)


def test_each_pixel_is_assigned_to_the_nearest_center():
    rng = np.random.default_rng(0)
    strength = rng.random((23, 31)) ** 4
    orientation = rng.random((23, 31)) * np.pi
    labels = geodesic_superpixels(strength, orientation, 12)
    # One center for each label, in rows that are shifted by half a step, at
    # the weakest edge among the pixel and its neighbors.
    rows, columns = 3, 4
    centers = []
    for row in range(rows):
        for column in range(columns):
            shift = 0.75 if row % 2 else 0.25
            y = int((row + 0.5) * 23 / rows)
            x = int((column + shift) * 31 / columns)
            near = [(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
            y, x = min(near, key=lambda place: strength[place])
            centers.append(y * 31 + x)
    assert labels.ravel()[centers].tolist() == [*range(12)]
    lengths = path_lengths(strength, orientation, centers)
    own = lengths[labels.ravel(), np.arange(labels.size)]
    np.testing.assert_array_equal(own, lengths.min(0))


@pytest.mark.parametrize("count", [7, 40, 300])
def test_superpixels_are_connected_and_as_many_as_asked_for(count):
    rng = np.random.default_rng(0)
    noise = ndimage.gaussian_filter(rng.random((60, 80)), 1.5)
    strength = (noise / noise.max()) ** 8
    labels = geodesic_superpixels(strength, rng.random((60, 80)) * np.pi, count)
    assert labels.dtype == np.int32
    numbers = np.unique(labels)
    assert numbers.tolist() == [*range(len(numbers))]
    assert abs(len(numbers) - count) <= 0.25 * count
    for number in numbers:
        assert ndimage.label(labels == number)[1] == 1


@pytest.mark.parametrize("axis", [0, 1])
def test_borders_follow_edges(axis):
    strength = np.zeros((40, 40))
    strength[:, 16:18] = 1  # an edge between the pixels 16 and 17
    orientation = np.full((40, 40), HORIZONTAL if axis == 0 else VERTICAL)
    if axis == 0:
        strength = strength.T
    labels = geodesic_superpixels(strength, orientation, 20)
    left, right = np.split(labels, [17], axis=axis)
    assert not {*left.ravel()} & {*right.ravel()}


def test_a_step_along_an_edge_is_short():
    strength = np.zeros((40, 40))
    strength[:, 16:18] = 1
    along = geodesic_superpixels(strength, np.full((40, 40), HORIZONTAL), 20)
    left, right = np.split(along, [17], axis=1)
    assert {*left.ravel()} & {*right.ravel()}


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 3)])
def test_small_images(shape):
    flat = np.zeros(shape, np.float32)
    labels = geodesic_superpixels(flat, flat, 1)
    assert labels.max() < labels.size
    many = geodesic_superpixels(flat, flat, labels.size)
    assert len(np.unique(many)) == many.max() + 1
