"""A trained region proposal network proposes as other methods do."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.data.transforms.resizing import resize_example
from kcv.detection import ImageProposals
from kcv.proposals import ProposalCache


@pytest.fixture(scope="module")
def model(make_proposer):
    return make_proposer()


def test_proposals_of_one_image_are_in_its_pixels(model):
    image = np.random.default_rng(0).integers(0, 256, (90, 60, 3), np.uint8)
    found = ImageProposals(model, 40, 80)(image)
    scaled = resize_example({"images": tf.constant(image)}, 40, 80)["images"]
    assert scaled.shape == (60, 40, 3)
    seen = model.predict(tf.cast(scaled, "float32")[None], verbose=0)
    count = (seen["scores"][0] > 0).sum()
    assert found.shape == (count, 4)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, seen["proposals"][0, :count] * 1.5, rtol=1e-5
    )


def test_it_is_a_method_of_the_cache(model, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (5, 64, 96, 3), np.uint8)
    dataset = tf.data.Dataset.from_tensor_slices(
        {"images": images, "image_id": [str(i) for i in range(5)]}
    )
    method = ImageProposals(model, 64, 96)
    cache = ProposalCache(tmp_path, method, max_proposals=12)
    cache.compute(dataset, verbose=False)
    for number, example in enumerate(cache.attach(dataset)):
        np.testing.assert_array_equal(
            example["proposals"], method(images[number])[:12]
        )
