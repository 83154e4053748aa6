import numpy as np
import pytest

from kcv.detection.learning.sampling import random_subset
from kcv.detection.learning.sampling import sample_anchors
from kcv.detection.learning.sampling import sample_rois


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def keys(rng, *shape):
    return rng.uniform(size=shape).astype("float32")


def test_random_subset_counts_exactly(rng):
    mask = rng.uniform(size=(4, 50)) < [[0.0], [0.1], [0.5], [1.0]]
    chosen = np.asarray(random_subset(mask, 10, keys(rng, 4, 50)))
    assert (chosen <= mask).all()
    assert chosen.sum(1).tolist() == np.minimum(mask.sum(1), 10).tolist()


def test_random_subset_is_uniform(rng):
    mask = np.ones((4000, 8), bool)
    mask[:, 5] = False
    chosen = np.asarray(random_subset(mask, 2, keys(rng, 4000, 8))).mean(0)
    expected = np.where(mask[0], 2 / 7, 0)
    # Four standard deviations of a share of 4000 draws.
    np.testing.assert_allclose(chosen, expected, atol=4 * 0.0072)


def test_anchors_256_of_which_at_most_half_foreground(rng):
    labels = np.full((3, 1000), -1)
    labels[0, :600], labels[0, 600:] = 1, 0  # plenty of both
    labels[1, :30], labels[1, 100:900] = 1, 0  # little foreground
    labels[2, :300] = 1  # no background
    fg, bg = map(np.asarray, sample_anchors(labels, keys(rng, 3, 1000)))
    assert fg.sum(1).tolist() == [128, 30, 128]
    assert bg.sum(1).tolist() == [128, 226, 0]
    assert (labels[fg] == 1).all()
    assert (labels[bg] == 0).all()


def test_rois_128_of_which_at_most_a_quarter_foreground(rng):
    overlap = rng.uniform(size=(1, 2000)).astype("float32")
    valid = rng.uniform(size=(1, 2000)) < 0.9
    chosen, fg, used = map(
        np.asarray, sample_rois(overlap, valid, keys(rng, 1, 2000))
    )
    assert fg.sum() == 32
    assert used.sum() == 128
    assert len(set(chosen[0])) == 128
    assert valid[0, chosen[0]].all()
    assert (overlap[0, chosen[0]] >= 0.5).tolist() == fg[0].tolist()
    assert fg[0, :32].all()


def test_background_of_fast_rcnn_begins_at_one_tenth(rng):
    overlap = rng.uniform(size=(1, 500)).astype("float32")
    chosen, fg, used = map(
        np.asarray,
        sample_rois(
            overlap,
            np.ones((1, 500), bool),
            keys(rng, 1, 500),
            bg_iou=(0.1, 0.5),
        ),
    )
    background = overlap[0, chosen[0, used[0] & ~fg[0]]]
    assert background.min() >= 0.1
    assert background.max() < 0.5


def test_too_few_candidates_leave_unused_places(rng):
    overlap = np.array([[0.9, 0.0, 0.2]], "float32")
    valid = np.array([[True, True, False]])
    chosen, fg, used = map(
        np.asarray, sample_rois(overlap, valid, keys(rng, 1, 3), size=8)
    )
    assert chosen.shape == (1, 8)
    assert used[0].tolist() == [True, True] + [False] * 6
    assert fg[0].tolist() == [True] + [False] * 7
    assert chosen.max() <= 2
