"""Edges point across, and closed contours score."""

import numpy as np
import pytest
import skimage.data

from kcv.metrics.box_iou import box_iou
from kcv.proposals import propose
from kcv.proposals.machines.images.edge_maps import gradient_edges
from kcv.proposals.machines.images.edge_maps import structured_edges


def rectangle(noise=0):
    image = np.full((120, 160, 3), 60.0)
    image[30:90, 40:120] = (200, 60, 40)
    image += np.random.default_rng(0).normal(0, 1, image.shape) * noise
    return np.clip(image, 0, 255).astype(np.uint8)


def test_edges_lie_on_the_contour_and_orientation_is_the_normal():
    strength, orientation = gradient_edges(rectangle())
    assert strength.max() == 1
    rows, columns = np.nonzero(strength > 0.5)
    assert {*columns[(rows > 35) & (rows < 85)]} <= {39, 40, 119, 120}
    assert {*rows[(columns > 45) & (columns < 115)]} <= {29, 30, 89, 90}
    # 0 across a vertical edge, pi / 2 across a horizontal one.
    assert np.sin(orientation[60, 39]) == pytest.approx(0, abs=1e-3)
    assert orientation[29, 80] == pytest.approx(np.pi / 2, abs=1e-3)


def test_edges_are_thin():
    strength, _ = gradient_edges(skimage.data.coffee())
    assert 0.02 < (strength > 0.1).mean() < 0.2


@pytest.mark.parametrize("noise", [0, 5])
def test_the_best_box_is_the_rectangle(noise):
    found = propose(rectangle(noise), "edge_boxes", 50, return_proposals=True)
    boxes, scores = found.boxes, found.scores
    objects = np.array([[40.0, 30, 120, 90]])
    iou = box_iou(objects, boxes.astype(float))[0]
    assert iou[0] == iou.max()
    # The tightest box around all of its edge lies some pixels outside.
    assert np.abs(boxes[0] - objects[0]).max() <= 4
    assert (boxes[0, :2] <= objects[0, :2]).all()
    assert (boxes[0, 2:] >= objects[0, 2:]).all()
    assert scores[0] == scores.max()


def test_edges_of_ones_own():
    boxes = propose(
        rectangle(),
        "edge_boxes",
        10,
        edges=lambda image: gradient_edges(image[:, ::-1]),
    )
    mirrored = np.array([[40.0, 30, 120, 90]])  # lies in the middle
    assert box_iou(mirrored, boxes.astype(float)).max() >= 0.8


def test_a_forest_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="forest.yml"):
        structured_edges(tmp_path / "forest.yml")
