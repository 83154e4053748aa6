"""Objectness has the authors' colors and boxes, and finds the object."""

import numpy as np
import pytest
import skimage.data

from kcv.metrics.box_iou import box_iou
from kcv.proposals import propose
from kcv.proposals.machines.images.edge_maps import canny_edges
from kcv.proposals.methods.objectness import LOG_ODDS
from kcv.proposals.methods.objectness import PRIOR
from kcv.proposals.methods.objectness import color_codes
from kcv.proposals.methods.objectness import posterior


@pytest.fixture(scope="module")
def authors(golden):
    with np.load(golden / "proposals" / "objectness.npz") as file:
        return {name: file[name] for name in file.files}


def test_the_authors_colors(authors):
    found = color_codes(skimage.data.chelsea())
    assert (found == authors["chelsea__Q"]).mean() > 0.9999


def test_the_authors_boxes_are_found(authors):
    boxes = propose(skimage.data.chelsea(), "objectness", 1000)
    overlaps = box_iou(
        authors["chelsea__boxes"].astype(float), boxes.astype(float)
    )
    assert overlaps.max(1).mean() >= 0.75


def test_bayes():
    values = {"contrast": np.array([0.3]), "straddling": np.array([0.6])}
    odds = PRIOR / (1 - PRIOR)
    for cue, value in values.items():
        odds *= np.exp(np.interp(value, *LOG_ODDS[cue]))
    assert posterior(values) == pytest.approx(odds / (1 + odds))
    # A ratio of 1 leaves the prior.
    assert posterior({"contrast": np.array([0.5])}) == pytest.approx([PRIOR])


def rectangle():
    image = np.random.default_rng(0).integers(50, 70, (120, 160, 3))
    image[30:90, 40:120] += [140, 0, 0]
    return image.astype(np.uint8)


@pytest.mark.parametrize(
    "cues",
    [
        ("saliency", "contrast", "straddling"),
        ("saliency", "contrast", "edges", "straddling"),
    ],
)
def test_a_good_box_holds_the_rectangle(cues):
    found = propose(
        rectangle(), "objectness", 50, cues=cues, return_proposals=True
    )
    overlaps = box_iou(
        np.array([[40.0, 30, 120, 90]]), found.boxes.astype(float)
    )
    assert overlaps.max() >= 0.8
    assert found.scores.max() <= 1
    assert found.scores.min() >= 0


def test_boxes_overlap_by_half_at_most():
    boxes = propose(rectangle(), "objectness", 500, iou=0.5).astype(float)
    overlaps = box_iou(boxes, boxes) - np.eye(len(boxes))
    assert overlaps.max() <= 0.5 + 1e-4


def test_unknown_cues_and_edges():
    image = rectangle()
    with pytest.raises(ValueError, match="`cues` must be.*'texture'"):
        propose(image, "objectness", cues=["texture"])
    with pytest.raises(ValueError, match="`edges` must return"):
        propose(
            image,
            "objectness",
            cues=["edges"],
            edges=lambda image: canny_edges(image[1:]),
        )


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (16, 16), (3, 40)])
def test_small_images(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3))
    assert len(propose(image, "objectness", 30)) >= 1
