import numpy as np
import pytest

from kcv.masks.pyramid_level import PyramidLevel


def test_the_corners_of_both_images_coincide():
    ramp = np.arange(4.0, dtype="float32").reshape(1, 1, 4, 1)
    images = np.repeat(np.repeat(ramp, 4, 1), 3, 3)
    scaled = PyramidLevel(1.5, 0)(images)
    np.testing.assert_allclose(scaled[0, 0, :, 0], np.linspace(0, 3, 6), 1e-6)
    scaled = PyramidLevel(0.5, 0, align_corners=False)(images)
    np.testing.assert_allclose(scaled[0, 0, :, 0], [0.5, 2.5])


def test_halves_are_rounded_up_and_nothing_vanishes():
    assert PyramidLevel(0.5, 2)(np.zeros((1, 5, 1, 3))).shape == (1, 7, 5, 3)
    assert PyramidLevel(0.1, 2)(np.zeros((1, 5, 1, 3))).shape == (1, 5, 5, 3)


def test_the_border_is_gray():
    padded = PyramidLevel(1.0, 3)(np.zeros((1, 2, 2, 3), "float32")).numpy()
    assert (padded[:, :3] == 127.5).all()
    assert not padded[:, 3:-3, 3:-3].any()


@pytest.mark.parametrize("align_corners", [True, False])
def test_contract(check_layer, align_corners):
    images = np.random.default_rng(0).uniform(0, 255, (2, 6, 7, 3))
    check_layer(
        PyramidLevel(0.7, 2, align_corners),
        images.astype("float32"),
        free=(None, None, None, 3),
        gradient_dtype="float32",
        keeps_float32=True,
    )
