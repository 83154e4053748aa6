"""Changed images, and how well methods repeat themselves on them."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.proposals import ProposalCache
from recipes.common.proposals.published import CHANGES
from recipes.common.proposals.repeating import AGAIN
from recipes.common.proposals.repeating import all_changes
from recipes.common.proposals.repeating import change_images
from recipes.common.proposals.repeating import measure_repeatability
from recipes.common.proposals.repeating import name_change

FEW = (("scale", 2.0), ("rotation", 5.0), ("jpeg", None))


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 80, (2, 50, 60, 3))
    pixels[:, 15:35, 20:45] += 150
    return tf.data.Dataset.from_tensor_slices(
        {"images": pixels.astype(np.uint8), "image_id": ["a", "b"]}
    )


def test_all_changes_have_those_of_the_figures():
    assert len(all_changes()) == 56
    assert {*CHANGES} <= {*all_changes()}


def test_names():
    assert name_change("salt_and_pepper", 10) == "salt and pepper 10"
    assert name_change("scale", 0.5) == "scale 0.5"
    assert name_change("jpeg", None) == "jpeg lossless"


def test_every_image_is_there_once(images):
    changed = {
        example["image_id"].decode(): example["images"].shape[:2]
        for example in change_images(images, FEW).as_numpy_iterator()
    }
    assert len(changed) == 2 * 6
    assert changed["a"] == changed["a/again"] == changed["a/jpeg lossless"]
    assert changed["a/scale 2"] == (100, 120)
    assert changed["a/cropped"] == changed["a/rotation 5"]
    assert changed["a/cropped"] < (50, 60)


@pytest.mark.parametrize("method", ["superpixels", "gaussian"])
def test_repeatability_of_a_method(images, tmp_path, method):
    cache = ProposalCache(tmp_path, method, 40)
    cache.compute(change_images(images, FEW), verbose=False)
    found = measure_repeatability(images, FEW, cache)
    assert [*found] == [AGAIN, "scale 2", "rotation 5", "jpeg lossless"]
    if method == "superpixels":
        assert found[AGAIN] == found["jpeg lossless"] == 1
        assert 0.3 < found["rotation 5"] < 1
    else:  # Every image has random numbers of its own.
        assert 0.2 < found[AGAIN] < 0.9
