"""Features without a network: values that are known by hand."""

import numpy as np
import pytest

from recipes.common.faces.baselines import describe_components
from recipes.common.faces.baselines import describe_gradients
from recipes.common.faces.baselines import describe_patterns
from recipes.common.faces.baselines import describe_pixels
from recipes.common.faces.photos import Photos

RNG = np.random.default_rng(0)


def photos_of(images):
    images = np.asarray(images, np.uint8)
    return Photos(images, np.arange(len(images)), ("a",) * len(images))


@pytest.fixture
def noise():
    return photos_of(RNG.integers(0, 256, (6, 16, 24, 3)))


@pytest.mark.parametrize(
    ("describe", "size"),
    [
        (describe_pixels, 16 * 24 * 3),
        (describe_gradients, 2 * 4 * 9),  # One row of two blocks.
        (describe_patterns, 6 * 59),
    ],
)
def test_features_are_unit_vectors(describe, size, noise):
    features = describe(noise)
    assert features.shape == (6, size)
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)


def test_a_ramp_has_one_direction():
    """Along x the direction is 0, which is the first bin."""
    ramp = np.tile(np.arange(0, 48, 2)[:, None], (16, 1, 3))
    histograms = describe_gradients(photos_of([ramp])).reshape(-1, 9)
    assert (histograms[:, 0] > 0).all()
    np.testing.assert_allclose(histograms[:, 1:], 0, atol=1e-6)


def test_patterns_do_not_see_brightness(noise):
    darker = noise._replace(images=noise.images // 2 * 2)
    brighter = noise._replace(images=darker.images // 2 + 100)
    np.testing.assert_allclose(
        describe_patterns(darker), describe_patterns(brighter), atol=1e-6
    )


def test_there_are_58_uniform_patterns():
    """A flat image has one: every neighbor is at least as bright."""
    flat = photos_of(np.full((1, 8, 8, 3), 90))
    np.testing.assert_allclose(np.sort(describe_patterns(flat))[0, -2:], [0, 1])
    features = describe_patterns(
        photos_of(RNG.integers(0, 256, (1, 400, 400, 3)))
    )
    assert (features.reshape(-1, 59).sum(axis=0) > 0).all()


def test_components_keep_distances(noise):
    """Five components hold six photos of which they were computed."""
    pixels, components = (
        describe_pixels(noise),
        describe_components(noise, noise),
    )
    assert components.shape == (6, 5)
    centered = pixels - pixels.mean(axis=0)
    centered /= np.linalg.norm(centered, axis=1, keepdims=True)
    np.testing.assert_allclose(
        components @ components.T, centered @ centered.T, atol=1e-4
    )
