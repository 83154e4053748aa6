import numpy as np
import pytest

from kcv.proposals.machines.contours.spectral_contours import spectral_contours
from kcv.proposals.machines.regions.region_graph import find_borders


def between_pixels(contours):
    return np.concatenate(
        [contours[1::2, 2:-1:2].ravel(), contours[2:-1:2, 1::2].ravel()]
    )


def test_contours_are_close_to_those_of_the_authors(golden):
    values = np.load(golden / "proposals" / "mcg.npz")
    found = between_pixels(spectral_contours(values["scg_owt2"]))
    expected = between_pixels(values["scg_sPb"].astype(np.float64))
    assert np.corrcoef(found, expected)[0, 1] > 0.98
    slope = (found @ expected) / (found @ found)
    assert slope == pytest.approx(1, abs=0.1)


def two_halves(height=40, width=60):
    labels = np.zeros((height, width), np.int32)
    labels[:, width // 2 :] = 1
    borders = find_borders(labels)
    contours = np.zeros((2 * height + 1, 2 * width + 1), np.float32)
    contours[:, width] = 0.3
    return contours, borders


def test_a_contour_across_the_image_is_the_strongest():
    contours, _ = two_halves()
    found = spectral_contours(contours)
    along = found[1::2, 60]
    others = found.copy()
    others[:, 60] = 0
    assert along.min() > 2 * others.max()


def test_large_images_are_decimated_further():
    # 140 x 150 nodes after two steps are too many.
    contours, _ = two_halves(560, 600)
    found = spectral_contours(contours)
    assert found[1::2, 600].min() > 2 * np.delete(found, 600, 1).max()


@pytest.mark.parametrize("shape", [(1, 1), (3, 90), (15, 20)])
def test_small_images_have_no_spectral_part(shape):
    contours = np.ones((2 * shape[0] + 1, 2 * shape[1] + 1), np.float32)
    assert not spectral_contours(contours).any()


@pytest.mark.parametrize("shape", [(16, 16), (17, 90), (90, 17)])
def test_plain_images_have_finite_contours(shape):
    contours = np.zeros((2 * shape[0] + 1, 2 * shape[1] + 1), np.float32)
    found = spectral_contours(contours)
    assert found.shape == contours.shape
    assert np.isfinite(found).all()
