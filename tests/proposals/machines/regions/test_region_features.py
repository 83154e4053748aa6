"""Features of regions, against NumPy."""

import numpy as np
import pytest
from scipy import ndimage

from kcv.proposals.machines.regions.region_features import color_bins
from kcv.proposals.machines.regions.region_features import describe
from kcv.proposals.machines.regions.region_features import texture_bins


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (12, 16, 3)).astype(np.uint8)


@pytest.fixture
def labels():
    blocks = np.arange(6).reshape(2, 3).astype(np.int32)
    return blocks.repeat(6, 0)[:, np.arange(16) * 3 // 16]


def test_color_histograms(image, labels):
    regions = describe(labels, color_bins(image), texture_bins(image))
    for number in range(6):
        pixels = image[labels == number]
        counts = [
            np.histogram(pixels[:, c], np.arange(26) * 256 / 25)[0]
            for c in range(3)
        ]
        expected = np.concatenate(counts) / (3 * len(pixels))
        np.testing.assert_allclose(regions.color[number], expected, atol=1e-6)


def test_texture_histograms(image, labels):
    regions = describe(labels, color_bins(image), texture_bins(image))
    values = image.astype(float)
    down, across = (
        ndimage.gaussian_filter(values, (1, 1, 0), order, mode="mirror")
        for order in ((1, 0, 0), (0, 1, 0))
    )
    for direction in range(8):
        angle = direction * np.pi / 4
        response = np.cos(angle) * across + np.sin(angle) * down
        steps = response * 10 / (255 / np.sqrt(2 * np.pi))
        steps = np.clip(steps.astype(int), 0, 9)
        for number in range(6):
            own = steps[labels == number]
            for c in range(3):
                start = (8 * c + direction) * 10
                found = regions.texture[number, start : start + 10]
                expected = np.bincount(own[:, c], minlength=10)
                expected = expected / (24 * len(own))
                # A value at the edge of a bin may fall to either side.
                assert np.abs(found - expected).sum() <= 4 / (24 * len(own))


def test_sizes_and_boxes(image, labels):
    regions = describe(labels, color_bins(image), texture_bins(image))
    np.testing.assert_array_equal(regions.sizes, np.bincount(labels.ravel()))
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels + 1)):
        assert regions.boxes[number].tolist() == [
            columns.start,
            rows.start,
            columns.stop,
            rows.stop,
        ]
    np.testing.assert_allclose(regions.color.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(regions.texture.sum(1), 1, rtol=1e-5)
