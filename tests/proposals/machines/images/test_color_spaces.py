"""The color spaces of RandomizedPrim's authors, and known colors."""

import numpy as np
import pytest
import skimage.data

from kcv.proposals.machines.images.color_spaces import COLOR_SPACES

AUTHORS = {
    "linear_lab": "LAB",
    "opponent": "opponent",
    "rg": "rg",
    "full_hsv": "HSV",
}


@pytest.fixture(scope="module")
def theirs(golden):
    with np.load(golden / "proposals" / "randomized_prims.npz") as file:
        return {key: file[key] for key in file if "colourspace" in key}


@pytest.fixture(scope="module")
def images(golden):
    with np.load(golden / "proposals" / "toys.npz") as file:
        return {"toy_rect": file["toy_rect"], "chelsea": skimage.data.chelsea()}


@pytest.mark.parametrize("name", ["toy_rect", "chelsea"])
@pytest.mark.parametrize("space", AUTHORS)
def test_color_spaces_are_the_authors(theirs, images, name, space):
    channels = COLOR_SPACES[space](images[name])[::4, ::4]
    expected = theirs[f"{name}__{AUTHORS[space]}__colourspace_x4"]
    np.testing.assert_array_equal(channels, expected)


@pytest.mark.parametrize(
    ("space", "color", "expected"),
    [
        ("rgi", (255, 255, 255), (85, 85, 255)),
        ("rgi", (200, 0, 0), (255, 0, 60)),
        ("rg", (255, 255, 255), (85, 85, 255)),
        ("rg", (0, 0, 0), (0, 0, 0)),
        ("full_hsv", (255, 0, 0), (0, 255, 255)),
        ("full_hsv", (0, 255, 0), (85, 255, 255)),
        ("full_hsv", (0, 0, 51), (170, 255, 51)),
        ("full_hsv", (51, 51, 51), (0, 0, 51)),
        ("full_hsv", (0, 0, 0), (0, 0, 0)),
        ("linear_lab", (0, 0, 0), (0, 128, 128)),
        ("linear_lab", (255, 255, 255), (255, 128, 128)),
        ("opponent", (9, 8, 7), (0, 0, 0)),
    ],
)
def test_known_colors(space, color, expected):
    image = np.full((2, 3, 3), color, np.uint8)
    channels = COLOR_SPACES[space](image)
    assert channels.dtype == np.uint8
    assert channels.tolist() == np.full((2, 3, 3), expected).tolist()


@pytest.mark.parametrize("space", COLOR_SPACES)
def test_channels_are_bytes(space):
    colors = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    channels = COLOR_SPACES[space](colors)
    assert channels.dtype == np.uint8
    assert channels.shape[:2] == (20, 30)
