"""Kind: sizes of images that are not those of the images."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import RegionWarp
from kcv.layers.region_warp import checked_sizes

_WRONG = {
    "larger": [[40, 64], [48, 65]],
    "much larger": [[2**30, 64], [48, 64]],
    "zero": [[0, 64], [48, 64]],
    "negative": [[40, 64], [-48, 64]],
    "one for two": [[40, 64]],
    "of others": [[40, 64], [48, 64], [48, 64]],
}


@pytest.mark.parametrize("case", _WRONG)
def test_sizes_that_are_not_of_the_images(case, detector):
    images = np.zeros((2, 48, 64, 3), np.float32)
    sizes = np.array(_WRONG[case], np.int32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`image_sizes`"):
        detector({"images": images, "image_sizes": sizes})
    boxes = np.zeros((2, 1, 4), np.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`image_sizes`"):
        RegionWarp(4, 1)([images, boxes, sizes])


def test_sizes_of_the_images():
    images = tf.zeros((2, 48, 64, 3))
    sizes = checked_sizes(images, tf.constant([[1, 1], [48, 64]]))
    assert sizes.numpy().tolist() == [[1, 1], [48, 64]]
    full = checked_sizes(images, None)
    assert full.numpy().tolist() == [[48, 64], [48, 64]]
