"""The patches of the DeepID line, their features and their selection."""

import itertools

import keras
import numpy as np
import pytest

from kcv.faces.verification import FacePatch
from kcv.faces.verification import deepid_patches
from kcv.faces.verification import extract_patches
from kcv.faces.verification import patch_features
from kcv.faces.verification import select_patches

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 16, 12, 3)).astype("uint8")


def test_deepid_has_ten_regions_three_scales_and_two_colors():
    patches = deepid_patches()
    assert len(set(patches)) == 60
    sizes = [patch.size for patch in patches]
    assert sizes.count((39, 31)) == sizes.count((31, 31)) == 30
    assert sum(patch.gray for patch in patches) == 30
    for patch in patches:
        x1, y1, x2, y2 = patch.box
        assert 0 <= x1 < x2 <= 1 + 1e-9
        assert 0 <= y1 < y2 <= 1 + 1e-9


def test_a_patch_of_whole_pixels_is_a_slice():
    patch = FacePatch((0.25, 0.75), (0.5, 0.5), size=(8, 6))
    found = extract_patches(IMAGES, patch).numpy()
    np.testing.assert_allclose(found, IMAGES[:, 8:, :6], rtol=1e-4)
    mirrored = extract_patches(IMAGES, patch, mirror=True).numpy()
    np.testing.assert_allclose(mirrored, IMAGES[:, 8:, 11:5:-1], rtol=1e-4)


def test_halves_are_means_of_four_pixels():
    patch = FacePatch((0.5, 0.5), (1.0, 1.0), size=(8, 6))
    blocks = IMAGES.reshape(3, 8, 2, 6, 2, 3).astype("float32")
    np.testing.assert_allclose(
        extract_patches(IMAGES, patch), blocks.mean((2, 4)), rtol=1e-4
    )
    gray = FacePatch((0.5, 0.5), (1.0, 1.0), size=(8, 6), gray=True)
    expected = blocks.mean((2, 4)) @ np.float32([[0.2989], [0.587], [0.114]])
    np.testing.assert_allclose(
        extract_patches(IMAGES, gray), expected, rtol=1e-3
    )


def test_enlarged_patches_end_with_the_border():
    patch = FacePatch((0.5, 0.5), (1.0, 1.0), size=(64, 48))
    found = extract_patches(np.full((1, 16, 12, 3), 9.0), patch)
    np.testing.assert_allclose(found, 9.0, rtol=1e-6)


def network(patch, units=2):
    return keras.Sequential(
        [
            keras.Input((*patch.size, patch.channels)),
            keras.layers.Flatten(),
            keras.layers.Dense(units),
        ]
    )


def test_features_of_a_patch_precede_those_of_its_mirror():
    patches = deepid_patches(scales=(1.0,))[:3]
    networks = [network(patch) for patch in patches]
    features = patch_features(IMAGES, networks, patches, batch_size=2)
    assert features.shape == (3, 3, 4)
    for i, (model, patch) in enumerate(zip(networks, patches, strict=True)):
        for mirror in (False, True):
            expected = model(extract_patches(IMAGES, patch, mirror))
            part = features[:, i, 2 * mirror : 2 * mirror + 2]
            np.testing.assert_allclose(part, expected, rtol=1e-4, atol=1e-3)
    alone = patch_features(IMAGES, networks, patches, mirror=False)
    np.testing.assert_allclose(alone, features[..., :2], rtol=1e-4, atol=1e-3)


def test_networks_must_fit_the_patches():
    patches = deepid_patches()[:2]
    with pytest.raises(ValueError, match="1 networks and 2 patches"):
        patch_features(IMAGES, [network(patches[0])], patches)
    networks = [network(patches[0]), network(patches[1], 3)]
    with pytest.raises(ValueError, match=r"Received: \[4, 6\]"):
        patch_features(IMAGES, networks, patches)


@pytest.mark.parametrize(
    "changes", [{"center": (0.5, 2)}, {"extent": (0, 1)}, {"size": (8,)}]
)
def test_unfit_patches_are_refused(changes):
    arguments = {"center": (0.5, 0.5), "extent": (0.5, 0.5), **changes}
    with pytest.raises(
        ValueError, match=f"`{next(iter(changes))}` must be two"
    ):
        FacePatch(**arguments)


def test_backward_steps_find_what_forward_steps_miss():
    values = {(): 0, (0,): 5, (1,): 4, (2,): 4, (0, 1): 6, (0, 2): 6, (1, 2): 9}
    values[0, 1, 2] = 8

    def evaluate(own):
        return values[tuple(sorted(own))]

    found = select_patches(evaluate, 3, 3)
    assert found.scores == (5, 9, 8)
    assert sorted(found.patches) == [0, 1, 2]
    forward = select_patches(evaluate, 3, 3, backward=False)
    assert forward.scores == (5, 6, 8)


def test_selection_without_interactions_is_the_best_one():
    weights = RNG.random(9)
    found = select_patches(lambda own: weights[list(own)].sum(), 9, 4)
    best = max(
        itertools.combinations(range(9), 4),
        key=lambda own: weights[list(own)].sum(),
    )
    assert tuple(sorted(found.patches)) == best
    assert found.score == found.scores[-1]


def test_search_ends_with_random_scores():
    table = {}

    def evaluate(own):
        return table.setdefault(tuple(sorted(own)), RNG.random())

    found = select_patches(evaluate, 8, 6)
    assert len(set(found.patches)) == 6
    assert found.score == table[tuple(sorted(found.patches))]


@pytest.mark.parametrize("count", [0, 4])
def test_count_must_be_possible(count):
    with pytest.raises(ValueError, match="`count` must be from 1 to 3"):
        select_patches(len, 3, count)
