"""The baselines have the recall that Hosang et al. published for them."""

import numpy as np
import pytest

from kcv.metrics import proposal_recall
from kcv.proposals import propose
from kcv.proposals.methods.gaussian import gaussian
from kcv.proposals.methods.sliding_window import SIZES
from kcv.proposals.methods.sliding_window import sliding_window
from kcv.proposals.methods.uniform import uniform

IOUS = (0.5, 0.7, 0.8)


@pytest.fixture(scope="module")
def voc2007_test(golden):
    """Sizes (height, width) and ground truth by image."""
    with np.load(golden / "voc2007_test_boxes.npz") as file:
        sizes = dict(
            zip(
                file["image_id"].tolist(),
                file["image_size_wh"][:, ::-1].tolist(),
                strict=True,
            )
        )
        # Inclusive from 1 to half-open from 0.
        boxes = file["boxes_xyxy_1based_inclusive"] - [1, 1, 0, 0]
        owners = file["object_image_id"]
        difficult = file["object_difficult"].astype(bool)
    order = np.argsort(owners, kind="stable")
    names, starts = np.unique(owners[order], return_index=True)
    truth = {
        name: {
            "boxes": boxes[own],
            "labels": np.zeros(len(own), int),
            "difficult": difficult[own],
        }
        for name, own in zip(
            names.tolist(), np.split(order, starts[1:]), strict=True
        )
    }
    assert len(truth) == 4_952
    assert sum(len(own["boxes"]) for own in truth.values()) == 14_976
    return sizes, truth


def recall(voc2007_test, method):
    sizes, truth = voc2007_test
    rng = np.random.default_rng(0)
    found = {
        name: {"boxes": method(np.empty((*size, 3)), 1000, rng).boxes}
        for name, size in sizes.items()
    }
    return proposal_recall(truth, found, ious=IOUS, include_difficult=True)


def test_sliding_window_as_published(voc2007_test):
    measured = recall(voc2007_test, sliding_window)
    published = {
        "recall_at_50": 0.687,
        "recall_at_70": 0.229,
        "recall_at_80": 0.071,
        "average_recall": 0.229,
    }
    for name, value in published.items():
        assert measured[name] == pytest.approx(value, abs=0.001), name
    assert measured["proposals_per_image"] == pytest.approx(987.5, abs=0.05)


@pytest.mark.parametrize(
    ("method", "ar"), [(uniform, 0.305), (gaussian, 0.327)]
)
def test_samplers_as_published(voc2007_test, method, ar):
    measured = recall(voc2007_test, method)
    assert measured["average_recall"] == pytest.approx(ar, abs=0.005)


def test_bing_has_28_sizes():
    assert len(set(SIZES)) == 28


def test_windows_of_one_size_are_evenly_spread():
    boxes = sliding_window(np.empty((600, 700, 3)), 1000).boxes
    assert len(boxes) <= 1000
    sides = boxes[:, 2:] - boxes[:, :2]
    for width, height in SIZES:
        own = boxes[np.isclose(sides, [width + 1, height + 1]).all(1)]
        assert len(own) >= 20
        x, y = np.unique(own[:, 0]), np.unique(own[:, 1])
        strides = np.concatenate([np.diff(x), np.diff(y)])
        np.testing.assert_allclose(strides, strides[0])
        # As much is left on the left as on the right.
        left, right = own[:, 0].min(), 700 - own[:, 2].max()
        assert left == pytest.approx(right)


def test_sizes_that_do_not_fit_leave_the_whole_image():
    assert propose(np.zeros((10, 12, 3)), "sliding_window", 100).tolist() == [
        [0, 0, 12, 10]
    ]


@pytest.mark.parametrize("method", ["uniform", "gaussian"])
def test_samples_are_drawn_from_the_seed(method):
    image = np.zeros((375, 500, 3), np.uint8)
    many = propose(image, method, 900, seed=1)
    np.testing.assert_array_equal(propose(image, method, 900, seed=1), many)
    few = propose(image, method, 300, seed=1)
    np.testing.assert_array_equal(few, many[: len(few)])
    assert (propose(image, method, 300, seed=2) != few).any()


def test_the_normal_distribution_is_the_objects():
    boxes = gaussian(
        np.empty((4000, 5000, 3)), 4000, np.random.default_rng(0)
    ).boxes
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2 / [5000, 4000]
    # What was drawn again and moved inside lies at the margins.
    np.testing.assert_allclose(np.median(centers, 0), [0.5, 0.54], atol=0.02)
    assert (boxes[:, 2:] - boxes[:, :2]).min() >= 5
    assert boxes[:, :2].min() >= 0
