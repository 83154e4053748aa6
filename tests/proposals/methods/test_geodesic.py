"""Geodesic proposals find shapes, and the boxes of the authors' program."""

import numpy as np
import pytest
import skimage.data

from kcv.metrics.box_iou import box_iou
from kcv.proposals import propose
from kcv.proposals.machines.images.edge_maps import gradient_edges
from kcv.proposals.methods.geodesic import Budget
from kcv.proposals.methods.geodesic import geodesic


def rectangle(noise=0):
    image = np.full((120, 160, 3), 60.0)
    image[30:90, 40:120] = (200, 60, 40)
    image += np.random.default_rng(0).normal(0, 1, image.shape) * noise
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("noise", [0, 8])
@pytest.mark.parametrize("top", [1, 30])
def test_a_rectangle_is_found_early(noise, top):
    boxes = propose(rectangle(noise), "geodesic", top)
    overlap = box_iou(boxes, np.array([[40.0, 30, 120, 90]])).max()
    assert overlap > 0.95


def test_both_sides_of_an_edge_are_found():
    image = np.zeros((100, 150, 3), np.uint8)
    image[:, 60:] = (40, 160, 90)
    boxes = propose(image, "geodesic", 100)
    sides = np.array([[0.0, 0, 60, 100], [60, 0, 150, 100]])
    assert (box_iou(sides, boxes).max(1) > 0.95).all()


def test_disks_and_their_masks_are_found(disks):
    image = np.full((160, 220, 3), 90, np.uint8)
    for disk, color in zip(disks, (200, 30, 160), strict=True):
        image[disk] = (color, 120, 255 - color)
    found = propose(image, "geodesic", 100, return_proposals=True)
    masks = found.masks.to_dense()
    for disk in disks:
        shared = (masks & disk).sum((1, 2)) / (masks | disk).sum((1, 2))
        assert shared.max() > 0.85


@pytest.mark.parametrize("name", ["chelsea", "astronaut"])
def test_boxes_of_the_authors_are_covered(golden, name):
    with np.load(golden / "proposals" / "geodesic.npz") as authors:
        boxes = authors[f"{name}__boxes_learned"].astype(float)
    image = getattr(skimage.data, name)()
    found = propose(image, "geodesic", 1000).astype(float)
    assert len(found) == 1000
    assert box_iou(boxes, found).max(1).mean() > 0.75


def test_budgets_are_added_until_there_are_enough():
    image = skimage.data.chelsea()[60:220, 100:320]
    small = geodesic(image, 1, budgets=[Budget(3, 2, 0.7)])
    both = [Budget(3, 2, 0.7), Budget(40, 4, 0.8)]
    few = geodesic(image, 1, budgets=both)
    many = geodesic(image, 100, budgets=both)
    np.testing.assert_array_equal(few.boxes, small.boxes)
    assert len(few) < len(many)
    np.testing.assert_array_equal(many.boxes[: len(few)], few.boxes)
    np.testing.assert_array_equal(many.scores[: len(few)], few.scores)
    assert (np.diff(many.scores) <= 0).all()
    assert (few.scores > 0).all()
    assert (many.scores[len(few) :] < 0).all()


def test_edges_are_an_option():
    image = rectangle()
    blank = np.zeros((120, 160), np.float32)
    soft = propose(image, "geodesic", 50)
    thin = propose(image, "geodesic", 50, edges=gradient_edges)
    none = propose(image, "geodesic", 50, edges=lambda image: (blank, blank))
    overlaps = [
        box_iou(boxes, np.array([[40.0, 30, 120, 90]])).max()
        for boxes in (soft, thin, none)
    ]
    assert overlaps[0] > 0.99
    assert overlaps[1] > 0.9
    assert overlaps[2] < 0.7
    with pytest.raises(ValueError, match=r"strength.shape=\(3, 4\)"):
        propose(image, "geodesic", edges=lambda image: (blank[:3, :4], blank))
    with pytest.raises(ValueError, match="strength with 19200 values"):
        propose(image, "geodesic", edges=lambda image: (blank + np.nan, blank))


def test_more_than_there_are():
    boxes = propose(rectangle(), "geodesic", 50_000)
    assert 100 < len(boxes) < 50_000
