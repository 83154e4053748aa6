"""The authors' responses and boxes, and properties of the scoring."""

import cv2
import numpy as np
import pytest

from kcv.metrics.box_iou import box_iou
from kcv.proposals import propose
from kcv.proposals.methods.bing import BingModel
from kcv.proposals.methods.bing import binarize
from kcv.proposals.methods.bing import bing
from kcv.proposals.methods.bing import load_model
from kcv.proposals.methods.bing import normed_gradients
from kcv.proposals.methods.bing import respond

IMAGES = ("toy_rect", "toy_disks", "chelsea", "astronaut")


@pytest.fixture(scope="module")
def theirs(golden):
    with np.load(golden / "proposals" / "bing.npz") as file:
        return dict(file)


def test_the_template_is_binarized_as_by_the_authors(theirs):
    approximation = sum(
        factor * signs for factor, signs in binarize(load_model().template)
    )
    np.testing.assert_allclose(approximation, theirs["filter_tig"], atol=1e-9)


@pytest.mark.parametrize("name", ["toy_rect", "chelsea"])
def test_gradients_and_responses_are_the_authors(theirs, image_of, name):
    basis = binarize(load_model().template)
    rows = [key for key in theirs if key.startswith(f"{name}__ng_")]
    assert len(rows) >= 13
    for key in rows:
        gradients = theirs[key]
        resized = cv2.resize(image_of(name), gradients.shape[::-1])
        np.testing.assert_array_equal(normed_gradients(resized), gradients)
        np.testing.assert_allclose(
            respond(gradients, basis),
            theirs[key.replace("ng", "resp")],
            atol=1e-7,
        )


@pytest.mark.parametrize("name", IMAGES)
def test_boxes_are_the_authors(theirs, image_of, name):
    found = bing(image_of(name), 1000)
    boxes, scores = theirs[f"{name}__boxes"], theirs[f"{name}__scores"]
    np.testing.assert_allclose(found.scores, scores, rtol=0, atol=1e-6)
    for count in (100, 500, len(boxes)):
        ours = {*map(tuple, found.boxes[:count].tolist())}
        assert ours == {*map(tuple, boxes[:count].tolist())}


def test_gradients_of_a_step():
    image = np.zeros((3, 5, 3), np.uint8)
    image[:, 2:, 1] = 100
    image[:, 3:, 0] = 70
    # The second column has one step beside it, the third has two of two
    # channels, of which the larger counts. The border doubles its difference.
    assert normed_gradients(image).tolist() == [[0, 100, 100, 70, 0]] * 3
    assert normed_gradients(image[:, 1:3]).tolist() == [[200, 200]] * 3
    assert normed_gradients(2 * image[:, 1:3]).max() == 255


def test_a_mirrored_template_finds_mirrored_windows(image_of):
    model = load_model()
    mirrored = model._replace(template=model.template[:, ::-1])
    image = image_of("toy_disks")[:128, :128]
    found = bing(image, 1000, model=model, max_per_size=10_000, radius=0)
    again = bing(
        np.ascontiguousarray(image[:, ::-1]),
        1000,
        model=mirrored,
        max_per_size=10_000,
        radius=0,
    )
    # Sizes that divide the image: resizing cuts it at the same places.
    boxes = again.boxes.copy()
    boxes[:, [0, 2]] = 128 - boxes[:, [2, 0]]
    ours = dict(zip(map(tuple, found.boxes), found.scores, strict=True))
    theirs = dict(zip(map(tuple, boxes), again.scores, strict=True))
    assert ours.keys() == theirs.keys()
    np.testing.assert_allclose(
        [ours[key] for key in theirs], [*theirs.values()], atol=1e-2
    )


def test_maxima_keep_their_distance(image_of):
    size = np.array([[64, 32]])
    model = load_model()._replace(sizes=size, calibration=np.array([[1, 0]]))
    found = bing(image_of("toy_rect"), 1000, model=model, radius=3)
    assert (found.boxes[:, 2:] - found.boxes[:, :2] <= size).all()
    cells = found.boxes[:, :2] // (size // 8)
    apart = np.abs(cells[:, np.newaxis] - cells).max(-1)
    np.fill_diagonal(apart, 99)
    assert apart.min() == 4
    few = bing(image_of("toy_rect"), 1000, model=model, max_per_size=7)
    assert len(few) == 7


def test_a_template_of_a_frame_finds_the_square():
    template = np.pad(np.full((6, 6), -0.1), 1, constant_values=1.0)
    model = BingModel(template, np.array([[64, 64]]), np.array([[1, 0]]))
    image = np.full((200, 240, 3), 40, np.uint8)
    image[48:112, 80:144] = (200, 90, 40)
    best = propose(image, "bing", 1, model=model).astype(float)
    assert box_iou(best, np.array([[80.0, 48, 144, 112]]))[0, 0] >= 0.75


@pytest.mark.parametrize("size", [(7, 7), (7, 300), (1, 1)])
def test_nothing_fits_in_less_than_half_a_window(size):
    image = np.zeros((*size, 3), np.uint8)
    assert len(bing(image, 10)) == 0
    assert propose(image, "bing").tolist() == [[0, 0, size[1], size[0]]]
