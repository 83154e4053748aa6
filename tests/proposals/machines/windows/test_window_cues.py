"""Cues are those of the authors, and of counting pixels."""

import numpy as np
import pytest
import skimage.data

from kcv.proposals.machines.windows.window_cues import color_contrast
from kcv.proposals.machines.windows.window_cues import cue_superpixels
from kcv.proposals.machines.windows.window_cues import edge_density
from kcv.proposals.machines.windows.window_cues import straddling


@pytest.fixture(params=["toy_rect", "chelsea"])
def authors(request, golden):
    """Windows, maps and values of one image."""
    with (
        np.load(golden / "proposals" / "rahtu.npz") as rahtu,
        np.load(golden / "proposals" / "objectness.npz") as objectness,
    ):
        found = {
            name.removeprefix(f"{request.param}__"): file[name]
            for file in (rahtu, objectness)  # the latter has `canny`, too
            for name in file.files
            if name.startswith(request.param)
        }
    height, width = found["labels"].shape
    bits = np.unpackbits(found["canny"], count=height * width)
    found["edges"] = bits.reshape(height, width) > 0
    found["windows"] = found["windows"].astype(int)
    return found


@pytest.mark.parametrize("name", ["chelsea", "astronaut"])
def test_superpixels_of_the_authors(golden, name):
    with np.load(golden / "proposals" / "rahtu.npz") as file:
        expected = file[f"{name}__labels"].astype(int)
    found = cue_superpixels(getattr(skimage.data, name)())
    # They are numbered in another order.
    count = expected.max() + 1
    pairs = np.unique(count * found + expected)
    assert len(pairs) == found.max() + 1 == count


def test_straddling_of_the_authors(authors):
    found = straddling(authors["labels"], authors["windows"])
    np.testing.assert_array_equal(found, authors["SS_WS_BE_BI"][:, 0])


def test_contrast_of_the_authors(authors):
    found = color_contrast(authors["Q"], authors["windows"])
    np.testing.assert_allclose(found, authors["cc"], rtol=0, atol=1e-12)


def test_edge_density_of_the_authors(authors):
    found = edge_density(authors["edges"], authors["windows"])
    np.testing.assert_allclose(found, authors["ed"], rtol=0, atol=1e-12)


def test_straddling_is_that_of_counting():
    rng = np.random.default_rng(0)
    labels = np.arange(40)[rng.integers(0, 40, (6, 9))]  # more than one pass
    labels = np.kron(labels, np.ones((3, 2), int))
    for y1, x1, y2, x2 in ((0, 0, 18, 18), (4, 3, 11, 16), (7, 0, 8, 1)):
        inside = np.bincount(labels[y1:y2, x1:x2].ravel(), minlength=40)
        outside = np.bincount(labels.ravel(), minlength=40) - inside
        parts = np.minimum(inside, outside).sum() / ((y2 - y1) * (x2 - x1))
        found = straddling(labels, np.array([[x1, y1, x2, y2]]))
        assert found == pytest.approx([1 - parts])


def test_contrast_is_that_of_counting():
    rng = np.random.default_rng(1)
    codes = 7 * rng.integers(0, 36, (20, 30))
    inner, outer = codes[5:11, 20:28], codes[2:14, 16:30]
    inside = np.bincount(inner.ravel(), minlength=256)
    around = np.bincount(outer.ravel(), minlength=256) - inside
    p, q = inside / inside.sum(), around / around.sum()
    either = p + q > 0
    expected = ((p - q)[either] ** 2 / (p + q)[either]).sum()
    found = color_contrast(codes, np.array([[20, 5, 28, 11]]))
    assert found == pytest.approx([expected])


def test_superpixels_are_large_and_follow_contours():
    image = np.full((200, 300, 3), 60, np.uint8)
    image[50:150, 100:250] = 200
    labels = cue_superpixels(image)
    assert (labels[:46] == 0).all()
    assert (labels[54:146, 104:246] == labels.max()).all()
    assert np.bincount(labels.ravel()).min() >= 200
    assert cue_superpixels(image[:1, :1]).tolist() == [[0]]
