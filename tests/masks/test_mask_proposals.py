import keras
import numpy as np
import pytest

from kcv.masks import DeepMask
from kcv.masks import MaskProposals
from kcv.masks import RunLengthMasks
from kcv.masks import SceneSearch
from kcv.masks import decode_runs
from kcv.proposals import propose


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return DeepMask("small", search=SceneSearch((0.5, 1), 12, 0.5))


@pytest.fixture(scope="module")
def image():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (52, 83, 3)).astype("uint8")


def test_proposals_are_what_the_model_finds(model, image):
    found = propose(image, MaskProposals(model), return_proposals=True)
    expected = model.predict(image[None].astype("float32"), verbose=0)
    boxes, first = np.unique(expected["boxes"][0], axis=0, return_index=True)
    order = np.sort(first[(boxes[:, 2:] > boxes[:, :2]).all(1)])
    np.testing.assert_array_equal(found.boxes, expected["boxes"][0, order])
    np.testing.assert_allclose(found.scores, expected["scores"][0, order])
    np.testing.assert_array_equal(
        found.masks.to_dense(), expected["masks"][0, order] > 0
    )


def test_run_lengths_and_pixels_are_the_same_proposals(model, image):
    search = SceneSearch((0.5, 1), 12, 0.5, run_length=True)
    other = DeepMask(model.parts, search=search, target_size=64)
    one, two = MaskProposals(model)(image), MaskProposals(other)(image)
    np.testing.assert_array_equal(one.boxes, two.boxes)
    np.testing.assert_array_equal(one.masks.to_dense(), two.masks.to_dense())


def test_masks_are_selected_like_arrays():
    masks = RunLengthMasks([[1, 3, 0], [0, 2, 2], [4, 0, 0]], (2, 2))
    dense = decode_runs(masks.runs, 2, 2)
    assert len(masks) == 3
    for index in ([2, 0], slice(1, 3), np.array([True, False, True])):
        chosen = masks[index]
        assert chosen.shape == (2, 2)
        np.testing.assert_array_equal(chosen.to_dense(), dense[index] > 0)


def test_runs_of_another_size_are_refused():
    with pytest.raises(ValueError, match="add up to the pixels of the image"):
        RunLengthMasks([[1, 3]], (2, 3))
    with pytest.raises(ValueError, match="a row of 9 pixels"):
        decode_runs([[4, 5]], 2, 2)


def test_another_model_is_refused():
    with pytest.raises(ValueError, match="must be a DeepMask or a SharpMask"):
        MaskProposals(keras.Sequential())
