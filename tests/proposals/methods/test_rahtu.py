"""Rahtu's windows and cues are those of the authors."""

import numpy as np
import pytest
import skimage.data

from kcv.metrics.box_iou import box_iou
from kcv.proposals import propose
from kcv.proposals.machines.images.edge_maps import canny_edges
from kcv.proposals.methods.rahtu import border_integral
from kcv.proposals.methods.rahtu import superpixel_windows


@pytest.fixture(scope="module")
def authors(golden):
    with np.load(golden / "proposals" / "rahtu.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize("image", ["toy_rect", "chelsea", "astronaut"])
def test_the_authors_windows_around_superpixels(authors, image):
    np.testing.assert_array_equal(
        superpixel_windows(authors[f"{image}__labels"]),
        authors[f"{image}__spwin"],
    )


@pytest.mark.parametrize("image", ["toy_rect", "chelsea"])
def test_the_authors_border_integral(authors, image):
    found = border_integral(
        authors[f"{image}__labels"], authors[f"{image}__windows"].astype(int)
    )
    expected = authors[f"{image}__SS_WS_BE_BI"][:, 3]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_borders_of_superpixels_count():
    labels = np.zeros((40, 50), int)
    labels[10:30, 15:40] = 1
    windows = np.array([[15, 10, 40, 30], [19, 14, 44, 34], [22, 16, 32, 24]])
    near, beside, inside = border_integral(labels, windows)
    assert near > beside > inside


def test_the_authors_boxes_are_found(authors):
    boxes = propose(skimage.data.chelsea(), "rahtu", 1000)
    assert len(boxes) == 1000
    overlaps = box_iou(
        authors["chelsea__boxes"].astype(float), boxes.astype(float)
    )
    assert overlaps.max(1).mean() >= 0.75


def rectangle():
    image = np.random.default_rng(0).integers(50, 70, (120, 160, 3))
    image[30:90, 40:120] += [140, 0, 0]
    return image.astype(np.uint8)


@pytest.mark.parametrize("neighbors", ["code", "paper"])
def test_the_best_boxes_hold_the_rectangle(neighbors):
    boxes = propose(rectangle(), "rahtu", 20, neighbors=neighbors)
    overlaps = box_iou(np.array([[40.0, 30, 120, 90]]), boxes.astype(float))
    assert overlaps.max() >= 0.9


def test_overlapping_windows_come_last():
    image = rectangle()
    found = propose(
        image, "rahtu", 1500, num_windows=1500, return_proposals=True
    )
    assert len(found) > 1200
    assert (np.diff(found.scores) <= 0).all()
    overlaps = box_iou(found.boxes.astype(float), found.boxes.astype(float))
    highest = np.triu(overlaps, 1).max(0)
    first = np.flatnonzero(highest > 0.8)[0]
    assert (highest[:first] <= 0.8).all()
    assert (highest[first:] > 0.7).mean() > 0.95
    few = propose(image, "rahtu", first + 9, num_windows=1500)
    np.testing.assert_array_equal(few, found.boxes[: first + 9])


def test_edges_of_ones_own():
    image = rectangle()
    boxes = propose(image, "rahtu", 50, edges=canny_edges)
    assert len(boxes) == 50
    with pytest.raises(ValueError, match="`edges` must return"):
        propose(image, "rahtu", edges=lambda image: canny_edges(image[1:]))
    with pytest.raises(ValueError, match="`edges` must return finite"):
        propose(
            image, "rahtu", edges=lambda x: (np.full(x.shape[:2], np.nan),) * 2
        )


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (16, 16), (3, 40)])
def test_small_images(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3))
    assert len(propose(image, "rahtu", 30)) >= 1
