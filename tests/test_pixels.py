"""Images of any form become RGB, and what is not an image is refused."""

import subprocess
import sys

import numpy as np
import pytest

from kcv.pixels import to_rgb

IMAGE = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)


def test_rgb_stays_as_it_is():
    np.testing.assert_array_equal(to_rgb(IMAGE), IMAGE)
    strided = to_rgb(IMAGE[:, ::2])
    assert strided.flags.c_contiguous
    np.testing.assert_array_equal(strided, IMAGE[:, ::2])


def test_grey_has_three_equal_channels():
    for gray in (IMAGE[..., 0], IMAGE[..., :1]):
        np.testing.assert_array_equal(
            to_rgb(gray), np.repeat(IMAGE[..., :1], 3, axis=-1)
        )


def test_alpha_is_dropped():
    transparent = np.concatenate([IMAGE, IMAGE[..., :1]], -1)
    np.testing.assert_array_equal(to_rgb(transparent), IMAGE)
    # Even where it is not a value that a color may have.
    transparent = transparent.astype(float)
    transparent[..., 3] = np.nan
    np.testing.assert_array_equal(to_rgb(transparent), IMAGE)


def test_floats_are_rounded_for_uint8_alone():
    image = np.full((1, 1, 3), [0.5, 1.5, 254.6])
    assert to_rgb(image).tolist() == [[[0, 2, 255]]]
    kept = to_rgb(image, dtype="float32")
    assert kept.dtype == np.float32
    np.testing.assert_allclose(kept, image, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.float64])
def test_other_types_are_converted(dtype):
    found = to_rgb(IMAGE.astype(dtype))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, IMAGE)


def test_clipping():
    image = np.full((1, 1, 3), [-3.0, 300.0, 7.2])
    assert to_rgb(image, clip=True).tolist() == [[[0, 255, 7]]]


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 2)), r"`photo` must be .*photo.shape=\(4, 4, 2\)"),
        (np.zeros((0, 4, 3)), r"`photo` must be .*photo.shape=\(0, 4, 3\)"),
        (None, r"`photo` must be .*photo.shape=\(\)"),
        (np.full((4, 4, 3), np.nan), "0..255. Received: values from nan"),
        (np.full((4, 4, 3), np.inf), "0..255. Received: values from inf"),
        (np.full((4, 4, 3), "a"), "`photo` must hold numbers"),
    ],
)
def test_what_is_not_an_image(image, message, clip):
    with pytest.raises(ValueError, match=message):
        to_rgb(image, "photo", clip=clip)


def test_values_out_of_range():
    with pytest.raises(ValueError, match="values from 300.0 to 300.0"):
        to_rgb(np.full((4, 4, 3), 300.0))


def test_neither_this_nor_proposals_load_tensorflow():
    code = (
        "import sys, kcv.pixels, kcv.proposals; "
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
