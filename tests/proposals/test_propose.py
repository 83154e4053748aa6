"""What every method owes its callers."""

import numpy as np
import pytest

from kcv.proposals import METHODS
from kcv.proposals import propose


def scene(height=90, width=120):
    """A bright rectangle and noise."""
    image = np.random.default_rng(0).integers(0, 40, (height, width, 3))
    image[30:60, 40:90] += 180
    return image.astype(np.uint8)


@pytest.mark.parametrize("method", METHODS)
def test_boxes_are_inside_and_no_two_alike(method):
    boxes = propose(scene(), method, 200)
    assert boxes.dtype == np.float32
    assert 1 <= len(boxes) <= 200
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= [120, 90]).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert len(np.unique(boxes, axis=0)) == len(boxes)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_boxes(method):
    first, again = (propose(scene(), method, 100, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    "method", [x for x in METHODS if x != "sliding_window"]
)
def test_fewer_are_a_prefix_of_more(method):
    few, many = (propose(scene(), method, count) for count in (20, 150))
    np.testing.assert_array_equal(few, many[: len(few)])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(1, 1), (3, 40), (15, 15)])
def test_small_and_plain_images_have_a_proposal(method, size):
    assert len(propose(np.full((*size, 3), 128, np.uint8), method)) >= 1


@pytest.mark.parametrize("method", METHODS)
def test_scores_fall(method):
    boxes, scores = propose(scene(), method, 50, return_scores=True)
    if not METHODS[method].scores:
        assert scores is None
    else:
        assert scores.shape == (len(boxes),)
        assert (np.diff(scores) <= 0).all()


def test_grey_and_transparent_images():
    image = scene()
    expected = propose(image)
    alpha = np.full((90, 120, 1), 255, np.uint8)
    rgba = np.concatenate([image, alpha], -1)
    np.testing.assert_array_equal(propose(rgba), expected)
    np.testing.assert_array_equal(propose(image.astype("float32")), expected)
    grey = image[..., 0]
    np.testing.assert_array_equal(propose(grey), propose(grey[..., None]))


def test_no_images():
    with pytest.raises(ValueError, match=r"`image` must be .*\(4, 4, 2\)"):
        propose(np.zeros((4, 4, 2)))


def test_unknown_methods_are_told_the_known():
    with pytest.raises(ValueError, match="selective_search.*not 'bingo'"):
        propose(scene(), "bingo")


@pytest.mark.parametrize("count", [0, -3, 2.5])
def test_no_numbers_of_proposals(count):
    with pytest.raises(ValueError, match=f"positive integer, not {count}"):
        propose(scene(), "uniform", count)


def test_a_function_may_be_a_method():
    def corner(image, side):
        assert image.dtype == np.uint8
        assert image.shape == (30, 40, 3)  # whatever came in
        return [[0, 0, side, side], [20, 10, 60, 20], [0, 0, side, side]]

    boxes = propose(np.zeros((30, 40)), corner, side=12)
    # Clipped, and each but once.
    assert boxes.tolist() == [[0, 0, 12, 12], [20, 10, 40, 20]]
    assert boxes.dtype == np.float32
    assert len(propose(np.zeros((30, 40)), corner, 1, side=12)) == 1


@pytest.mark.parametrize("boxes", [[1, 2, 3, 4], [[0, 0, np.nan, 1]], [[1, 2]]])
def test_a_function_must_give_boxes(boxes):
    with pytest.raises(ValueError, match="method must give finite boxes"):
        propose(np.zeros((8, 8)), lambda image: boxes)
