"""Words and histograms against plain NumPy."""

import numpy as np
import pytest
import skimage.data
from scipy.spatial.distance import cdist

from kcv.proposals.machines.images import word_histograms as words


def test_histograms_count_words():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, (20, 30))
    values = rng.choice([1, 4, 6, 7], (20, 30))
    found = words.word_histograms(labels, words.Words(values, 9))
    expected = [
        [(values[labels == segment] == word).mean() for word in (1, 4, 6, 7)]
        for segment in range(5)
    ]
    np.testing.assert_allclose(found, expected)


def test_chi_square_distances():
    rng = np.random.default_rng(1)
    histograms = rng.dirichlet(np.ones(8), 6) * (rng.uniform(size=(6, 8)) < 0.7)
    first, second = rng.integers(0, 6, (2, 40))
    found = words.chi_square(histograms, first, second)
    a, b = histograms[first], histograms[second]
    with np.errstate(invalid="ignore"):
        terms = np.nan_to_num(np.square(a - b) / (a + b))
    np.testing.assert_allclose(found, terms.sum(1) / 2)


def test_colors_differ_by_the_bins_of_their_channels():
    image = np.array(
        [[[0, 0, 0], [28, 0, 0], [29, 0, 0], [0, 29, 0]]], np.uint8
    )
    found = words.color_words(image).values[0].tolist()
    assert found == [0, 0, 81, 9]


def test_textures_are_the_nearest_words():
    image = skimage.data.chelsea()[100:161, 150:231]
    found = words.texture_words(image)
    assert found.values.shape == (61, 81)
    descriptors = words._describe(image).reshape(-1, 32)
    places = np.linspace(0, len(descriptors) - 1, found.size).astype(int)
    distances = cdist(descriptors, descriptors[places])
    rows = np.arange(len(descriptors))
    nearest = distances[rows, found.values[::2, ::2].ravel()]
    np.testing.assert_allclose(nearest, distances.min(1), atol=1e-3)


def test_textures_depend_on_directions_and_not_on_contrast():
    ramp = np.arange(40, dtype=np.uint8) * np.ones((40, 1), np.uint8)
    image = np.concatenate([ramp, 3 * ramp, ramp.T, 3 * ramp.T], axis=1)
    values = words.texture_words(np.stack([image] * 3, -1)).values
    # Far from the ends of the ramps.
    weak, strong, other, _ = (values[20, 20 + 40 * i] for i in range(4))
    descriptors = words._describe(np.stack([image] * 3, -1))[10, 10::20]
    np.testing.assert_allclose(descriptors[0], descriptors[1], atol=1e-3)
    np.testing.assert_allclose(descriptors[2], descriptors[3], atol=1e-3)
    assert weak != other
    assert strong != other


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 2), (40, 40)])
def test_plain_images_have_one_word(size):
    image = np.full((*size, 3), 90, np.uint8)
    for compute in (words.color_words, words.texture_words):
        found = compute(image)
        assert found.values.shape == size
        assert len(np.unique(found.values)) == 1
