"""Toys, and the boxes that OpenCV finds."""

import cv2
import numpy as np
import pytest
import skimage.data

from kcv.metrics.box_iou import box_iou
from kcv.proposals import propose
from kcv.proposals.methods.selective_search import MODES

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
OPENCVS = {"scales": (150, 300, 450), "min_size": 100}


def opencvs_boxes(image):
    peer = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    peer.setBaseImage(np.ascontiguousarray(image[..., ::-1]))
    peer.switchToSelectiveSearchFast()
    boxes = peer.process().astype(float)  # x, y, width, height
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def coverage(boxes, **options):
    """IoU of each of OpenCV's boxes with the best of ours."""
    return {
        name: box_iou(
            theirs,
            propose(
                getattr(skimage.data, name)(),
                max_proposals=100_000,
                min_side=0,  # OpenCV drops none
                **options,
            ).astype(float),
        ).max(1)
        for name, theirs in boxes.items()
    }


@pytest.fixture(scope="module")
def theirs():
    return {n: opencvs_boxes(getattr(skimage.data, n)()) for n in PHOTOGRAPHS}


def test_covers_opencvs_boxes(theirs):
    """At the paper's scales, where OpenCV has others."""
    overlaps = coverage(theirs, mode="fast")
    assert np.concatenate([*overlaps.values()]).mean() >= 0.80
    assert min(x.mean() for x in overlaps.values()) >= 0.78


def test_finds_opencvs_boxes_at_opencvs_scales(theirs):
    for name, overlap in coverage(theirs, mode="fast", **OPENCVS).items():
        assert overlap.mean() >= 0.96, name


@pytest.fixture
def toy():
    """Two rectangles, one inside the other, and a disk."""
    image = np.full((120, 160, 3), 60, np.uint8)
    image[20:100, 20:80] = (200, 40, 40)
    image[40:70, 30:60] = (40, 200, 40)
    cv2.circle(image, (120, 60), 25, (40, 40, 220), -1)
    boxes = [[20, 20, 80, 100], [30, 40, 60, 70], [95, 35, 146, 86]]
    return image, np.array(boxes, float)


@pytest.mark.parametrize(
    ("mode", "noise"), [("single", 0), ("fast", 0), ("fast", 8), ("quality", 8)]
)
def test_toys(toy, mode, noise):
    image, objects = toy
    more = np.random.default_rng(0).normal(0, 1, image.shape) * noise
    image = np.clip(image + more, 0, 255).astype(np.uint8)
    boxes = propose(image, max_proposals=100, mode=mode).astype(float)
    assert box_iou(objects, boxes).max(1).min() >= 0.9


def test_numbers_of_hierarchies():
    counts = {
        mode: np.prod([len(part) for part in strategies])
        for mode, strategies in MODES.items()
    }
    assert counts == {"single": 1, "fast": 8, "quality": 80}


def test_the_whole_image_is_early_and_the_order_falls_with_size():
    image = skimage.data.coffee()
    boxes = propose(image, max_proposals=100_000)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    assert np.median(area[:200]) > 4 * np.median(area)
    interleaved = propose(image, order="interleaved")
    assert interleaved[0].tolist() == [0, 0, 600, 400]


def test_the_seed_changes_the_order_alone():
    image = skimage.data.chelsea()
    one, other = (
        propose(image, "selective_search", 9999, seed=s) for s in (0, 1)
    )
    assert (one != other).any()
    assert {*map(tuple, one)} == {*map(tuple, other)}


def test_least_side_and_width():
    image = skimage.data.chelsea()
    assert min((b[2:] - b[:2]).min() for b in propose(image)) >= 20
    boxes = propose(image, width=200, min_side=0)
    assert boxes[:, 2].max() == pytest.approx(451)
    assert boxes[:, 3].max() == pytest.approx(300, abs=1.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "slow"}, "mode` must be .*'slow'"),
        ({"order": "size"}, "order` must be .*'size'"),
    ],
)
def test_unknown_options(options, message):
    with pytest.raises(ValueError, match=message):
        propose(np.zeros((30, 30, 3), np.uint8), **options)


def test_masks_of_objects(toy):
    image, objects = toy
    shapes = np.zeros((3, *image.shape[:2]), bool)
    shapes[0, 20:100, 20:80] = True
    shapes[1, 40:70, 30:60] = True
    shapes[0] &= ~shapes[1]
    shapes[2] = image[..., 2] == 220
    found = propose(image, mode="single", return_proposals=True)
    masks = found.masks.to_dense()
    for box, shape in zip(objects, shapes, strict=True):
        common = (masks & shape).sum((1, 2)) / (masks | shape).sum((1, 2))
        assert common.max() >= 0.9
        assert box_iou(box[None], found.boxes[[common.argmax()]]) >= 0.9


def test_masks_have_the_size_of_the_image_when_it_is_scaled(toy):
    image, _ = toy
    found = propose(image, width=80, return_proposals=True)
    assert found.masks.shape == image.shape[:2]
    for box, mask in zip(found.boxes[:50], found.masks[:50], strict=True):
        y, x = np.nonzero(mask)
        own = [x.min(), y.min(), x.max() + 1, y.max() + 1]
        np.testing.assert_allclose(own, box, atol=1)
