"""Small cases whose answers the authors' code printed.

Each is a case where the authors' code and kcv once differed, or still differ by
default. docs/fidelity.md lists them with all others.
"""

import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv
from kcv.detection import box_statistics
from kcv.detection.learning.losses import bbox_loss
from kcv.detection.learning.losses import cls_loss
from kcv.detection.learning.sampling import sample_rois
from kcv.detection.parts.region_head import RegionHead
from kcv.layers import RoIPool
from kcv.metrics import voc_average_precision
from kcv.training import step_decay

TESTS = Path(__file__).parents[1]


def test_an_empty_region_has_finite_targets():
    offsets = kcv.boxes.encode([[10.0, 10, 10, 30]], [[10.0, 10, 10, 30]])
    np.testing.assert_array_equal(offsets, [[0, 0, 0, 0]])


def test_statistics_of_a_difficult_object_and_the_one_it_overlaps():
    """By default it is no region; with it there are two, of mean zero."""
    x = {"proposals": tf.zeros((1, 1, 4))}
    y = {
        "boxes": tf.constant([[[0.0, 0, 100, 100], [0, 0, 100, 70]]]),
        "labels": tf.constant([[0, 0]]),
        "difficult": tf.constant([[False, True]]),
    }
    for keep_difficult in (False, True):
        mean, std = box_statistics([(x, y)], 1, keep_difficult=keep_difficult)
        np.testing.assert_array_equal(mean, [[0, 0, 0, 0]])
        np.testing.assert_array_equal(std, [[1, 1, 1, 1]])


@pytest.mark.parametrize(
    "image",
    [{}, {"images": tf.zeros((1, 100, 100, 3))}, {"image_sizes": [[100, 100]]}],
    ids=["unknown", "images", "sizes"],
)
def test_statistics_of_a_proposal_beyond_the_border(image):
    """It is clipped, as in training."""
    x = {"proposals": tf.constant([[[-60.0, 0, 100, 100]]]), **image}
    y = {
        "boxes": tf.constant([[[0.0, 0, 100, 100]]]),
        "labels": tf.constant([[0]]),
    }
    mean, std = box_statistics([(x, y)], 1)
    np.testing.assert_array_equal(mean, [[0, 0, 0, 0]])
    np.testing.assert_array_equal(std, [[1, 1, 1, 1]])


def test_a_region_of_eight_pixels_is_one_cell_if_its_end_is_the_last_pixel():
    features = tf.reshape(tf.range(16.0), (1, 4, 4, 1))
    sizes, image_sizes = tf.constant([[4, 4]]), tf.constant([[64, 64]])
    inclusive, half_open = tf.constant([[[[0.0, 0, 7, 7]]], [[[0.0, 0, 8, 8]]]])
    pool = RoIPool(1, 1 / 16)
    assert float(pool([features, inclusive])[0, 0, 0, 0, 0]) == 0.0
    assert float(pool([features, half_open])[0, 0, 0, 0, 0]) == 5.0
    for offset, expected in ((None, 5.0), (0, 5.0), (1, 0.0)):
        network = keras.Sequential(
            [keras.Input((1, 1, 1)), keras.layers.Flatten()]
        )
        head = RegionHead(1, network, 16, roi_end_offset=offset)
        head.build(None)
        head.cls_score.set_weights([np.ones((1, 2)), np.zeros(2)])
        logits, _ = head([features, sizes, half_open, image_sizes])
        assert logits.numpy().ravel().tolist() == [expected] * 2


def test_the_rate_falls_at_update_50_000():
    rate = step_decay(1e-3, [50_000])
    found = [float(rate(step)) for step in (49_999, 50_000, 50_001)]
    np.testing.assert_allclose(found, [1e-3, 1e-4, 1e-4], rtol=1e-6)


@pytest.mark.parametrize(
    ("found", "exact", "in_floats"),
    [(3, 4 / 11, 3 / 11), (6, 7 / 11, 6 / 11), (5, 6 / 11, 6 / 11)],
)
def test_some_of_ten_objects_found(found, exact, in_floats):
    truth = {
        f"i{k}": {"boxes": [[0, 0, 10, 10]], "labels": [0]} for k in range(10)
    }
    detections = {
        f"i{k}": {"boxes": [[0, 0, 10, 10]], "scores": [0.9], "labels": [0]}
        for k in range(found)
    }
    for float_recalls, expected in ((False, exact), (True, in_floats)):
        measured = voc_average_precision(
            truth, detections, strict=True, float_recalls=float_recalls
        )
        assert measured["voc07_map"] == pytest.approx(expected)


def test_losses_of_64_and_8_regions():
    used = np.ones((2, 64), bool)
    used[1, 8:] = False
    logits = np.zeros((2, 64, 3), "float32")
    logits[1, :, 1] = 3
    ids = np.zeros((2, 64), "int32")
    assert float(cls_loss(logits, ids, used)) == pytest.approx(2.0968, abs=1e-4)
    pooled = cls_loss(logits, ids, used, average="region")
    assert float(pooled) == pytest.approx(1.3204, abs=1e-4)

    deltas = np.ones((2, 64, 4), "float32")
    foreground = np.zeros((2, 64), bool)
    foreground[1, :4] = True  # smooth L1 of one is 0.5, for four numbers
    arguments = (deltas, np.zeros_like(deltas), foreground, used)
    assert float(bbox_loss(*arguments)) == pytest.approx((4 * 2 / 8) / 2)
    pooled = bbox_loss(*arguments, average="region")
    assert float(pooled) == pytest.approx(4 * 2 / 72)


@pytest.mark.parametrize(
    ("size", "fraction", "expected"), [(54, 0.25, 14), (100, 0.29, 29)]
)
def test_the_number_of_foreground_regions_is_rounded(size, fraction, expected):
    overlap = np.ones((1, 200), "float32")
    keys = np.random.default_rng(0).uniform(size=(1, 200)).astype("float32")
    _, foreground, _ = sample_rois(overlap, overlap > 0, keys, size, fraction)
    assert foreground.numpy().sum() == expected


def test_the_page_has_every_row_and_names_tests_that_exist():
    page = (TESTS.parent / "docs" / "fidelity.md").read_text()
    section = page.split("\n## Detection\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \|", section, re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, 69))
    named = re.findall(r"`([\w/]+\.py)`(?: \(([^)]*)\))?", section)
    assert len(named) > 60
    for file, tests in named:
        paths = [TESTS.parent / file, TESTS / "detection" / file]
        paths.append(TESTS.parent / "kcv" / "detection" / file)
        (path,) = [path for path in paths if path.exists()]
        for test in re.findall(r"`(test_\w+?)(?:_?\.\.\.)?`", tests):
            assert f"def {test}" in path.read_text(), (file, test)
