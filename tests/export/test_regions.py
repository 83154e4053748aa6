"""Regions that are sent along with images."""

import keras
import numpy as np
import pytest

from export.native import __main__ as native
from export.regions import propose_regions
from kcv.data import read_image
from kcv.proposals import propose


@pytest.fixture
def pictures(tmp_path):
    """Files of a picture with a square, and of a plain one."""
    image = np.zeros((60, 80, 3), np.uint8)
    files = [tmp_path / "plain.png", tmp_path / "square.png"]
    keras.utils.save_img(files[0], image[:50, :40], scale=False)
    image[10:50, 20:70] = 255
    keras.utils.save_img(files[1], image, scale=False)
    return files


def test_regions_are_selective_searchs_and_padded(pictures):
    regions = propose_regions(pictures, 20)
    expected = [propose(read_image(p), max_proposals=20) for p in pictures]
    plain, square = map(len, expected)
    assert plain < square
    assert regions.shape == (2, square, 4)
    assert regions.dtype == np.float32
    np.testing.assert_array_equal(regions[0, :plain], expected[0])
    np.testing.assert_array_equal(regions[0, plain:], 0)
    np.testing.assert_array_equal(regions[1], expected[1])


def test_the_native_loader_is_given_them(pictures, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(native, "build", lambda program, compiler: program)
    monkeypatch.setattr(
        native, "run", lambda *arguments: seen.append(arguments[-1]) or {}
    )
    native.check(tmp_path, tuple(pictures))
    native.check(tmp_path, tuple(pictures), proposals=7)
    assert set(seen[0]) == {"image_bytes"}
    np.testing.assert_array_equal(
        seen[1]["proposals"], propose_regions(pictures, 7)
    )
