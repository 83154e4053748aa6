"""What every method owes its callers."""

import importlib
import inspect
import sys

import numpy as np
import pytest

from kcv.proposals import METHODS
from kcv.proposals import DenseMasks
from kcv.proposals import Proposals
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
    "method", [x for x in METHODS if not METHODS[x].reruns]
)
def test_fewer_are_a_prefix_of_more(method):
    few, many = (propose(scene(), method, count) for count in (20, 150))
    np.testing.assert_array_equal(few, many[: len(few)])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(1, 1), (3, 40), (15, 15)])
def test_small_and_plain_images_have_a_proposal(method, size):
    assert len(propose(np.full((*size, 3), 128, np.uint8), method)) >= 1


@pytest.mark.parametrize("method", METHODS)
def test_tiny_images_have_a_proposal(method):
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    for height, width in [(1, 1), (1, 16), (2, 2), (9, 4), (16, 3), (16, 16)]:
        boxes = propose(noise[:height, :width], method)
        assert len(boxes) >= 1
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= [width, height]).all()


@pytest.mark.parametrize("method", METHODS)
def test_gray_images_are_images_of_equal_channels(method):
    gray = scene(40, 50)[..., 0]
    expected = propose(np.repeat(gray[..., np.newaxis], 3, 2), method, 100)
    alpha = np.full((40, 50), 7, np.uint8)
    rgba = np.stack([gray, gray, gray, alpha], -1)
    for image in (gray, gray[..., np.newaxis], rgba, gray.astype(float)):
        np.testing.assert_array_equal(propose(image, method, 100), expected)


@pytest.mark.parametrize("method", METHODS)
def test_there_may_be_fewer_proposals_than_asked_for(method):
    boxes = propose(scene(32, 40), method, 20_000)
    assert 1 <= len(boxes) < 20_000
    assert len(np.unique(boxes, axis=0)) == len(boxes)


# Options with which a method needs the edges that it may be given.
NEEDS_EDGES = {"objectness": {"cues": ["edges"]}}


def takes_edges(method):
    module = importlib.import_module(f"kcv.proposals.methods.{method}")
    return "edges" in inspect.signature(getattr(module, method)).parameters


@pytest.mark.parametrize("method", [*filter(takes_edges, METHODS)])
def test_edge_maps_have_the_size_of_the_image_and_no_nan(method):
    def large(image):
        return np.zeros((2, 41, 50), np.float32)

    def undefined(image):
        return np.full((2, 40, 50), np.nan, np.float32)

    options = NEEDS_EDGES.get(method, {})
    for edges in (large, undefined):
        with pytest.raises(ValueError, match="`edges`"):
            propose(scene(40, 50), method, edges=edges, **options)


@pytest.mark.parametrize("method", METHODS)
def test_a_missing_extra_is_named(monkeypatch, method):
    monkeypatch.setitem(sys.modules, f"kcv.proposals.methods.{method}", None)
    with pytest.raises(ImportError, match=r"pip install .*\[proposals\]"):
        propose(scene(), method)


@pytest.mark.parametrize("method", METHODS)
def test_scores_fall(method):
    found = propose(scene(), method, 50, return_proposals=True)
    np.testing.assert_array_equal(found.boxes, propose(scene(), method, 50))
    if not METHODS[method].scores:
        assert found.scores is None
    else:
        assert found.scores.shape == (len(found),)
        assert found.scores.dtype == np.float32
        assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_masks_fill_their_boxes(method):
    found = propose(scene(), method, 50, return_proposals=True)
    if not METHODS[method].segments:
        assert found.masks is None
        return
    dense = found.masks.to_dense()
    assert dense.shape == (len(found), 90, 120)
    assert boxes_of(dense).tolist() == found.boxes.tolist()
    np.testing.assert_array_equal(dense[-1], found.masks[-1])


def boxes_of(masks):
    """Bounding boxes of dense masks, xyxy, half-open."""
    return np.array(
        [
            [x.min(), y.min(), x.max() + 1, y.max() + 1]
            for y, x in map(np.nonzero, masks)
        ]
    )


def test_grey_and_transparent_images():
    image = scene()
    expected = propose(image)
    alpha = np.full((90, 120, 1), 255, np.uint8)
    rgba = np.concatenate([image, alpha], -1)
    np.testing.assert_array_equal(propose(rgba), expected)
    np.testing.assert_array_equal(propose(image.astype("float32")), expected)
    gray = image[..., 0]
    np.testing.assert_array_equal(propose(gray), propose(gray[..., None]))


def test_no_images():
    with pytest.raises(ValueError, match=r"`image` must be .*\(4, 4, 2\)"):
        propose(np.zeros((4, 4, 2)))


def test_unknown_methods_are_told_the_known():
    with pytest.raises(ValueError, match="selective_search.*method='bingo'"):
        propose(scene(), "bingo")


@pytest.mark.parametrize("count", [0, -3, 2.5])
def test_no_numbers_of_proposals(count):
    with pytest.raises(ValueError, match=f"positive integer.*={count}"):
        propose(scene(), "uniform", count)


def test_a_function_may_be_a_method():
    def corner(image, side):
        assert image.dtype == np.uint8
        assert image.shape == (30, 40, 3)  # whatever came in
        return [[0, 0, side, side], [20, 10, 60, 20], [0, 0, side, side]]

    boxes = propose(np.zeros((30, 40)), corner, side=12)
    # Clipped, and without the repetition.
    assert boxes.tolist() == [[0, 0, 12, 12], [20, 10, 40, 20]]
    assert boxes.dtype == np.float32
    assert len(propose(np.zeros((30, 40)), corner, 1, side=12)) == 1


@pytest.mark.parametrize("boxes", [[1, 2, 3, 4], [[0, 0, np.nan, 1]], [[1, 2]]])
def test_a_function_must_give_boxes(boxes):
    with pytest.raises(ValueError, match="`boxes` must be finite numbers"):
        propose(np.zeros((8, 8)), lambda image: boxes)


def test_a_function_may_give_scores_and_masks():
    boxes = [[3, 3, 3, 9], [0, 0, 4, 4], [0, 0, 4, 4], [2, 2, 60, 60]]
    masks = np.arange(4)[:, None, None] == np.arange(64).reshape(8, 8) % 4
    scores = [4.0, 3.0, 2.0, 1.0]

    def scored(image):
        return boxes, scores

    def shaped(image):
        return Proposals(np.array(boxes), np.array(scores), DenseMasks(masks))

    image = np.zeros((8, 8))
    found = propose(image, scored, return_proposals=True)
    assert found.boxes.tolist() == [[0, 0, 4, 4], [2, 2, 8, 8]]
    assert found.scores.tolist() == [3, 1]
    assert found.masks is None
    # Masks are dropped and truncated with their boxes.
    found = propose(image, shaped, return_proposals=True)
    np.testing.assert_array_equal(found.masks.to_dense(), masks[[1, 3]])
    found = propose(image, shaped, 1, return_proposals=True)
    np.testing.assert_array_equal(found.masks.to_dense(), masks[[1]])
    np.testing.assert_array_equal(
        propose(image, shaped), propose(image, scored)
    )


def test_without_a_region_the_whole_image_is_proposed():
    def nothing(image):
        return Proposals(
            np.empty((0, 4)), np.empty(0), DenseMasks(np.empty((0, 8, 6)))
        )

    found = propose(np.zeros((8, 6)), nothing, return_proposals=True)
    assert found.boxes.tolist() == [[0, 0, 6, 8]]
    assert found.scores.tolist() == [0]
    assert found.masks[0].shape == (8, 6)
    assert found.masks[0].all()
    assert propose(np.zeros((8, 6)), lambda image: []).tolist() == [
        [0, 0, 6, 8]
    ]
