"""Settings check their numbers, compare by value and are saved."""

import json

import keras
import numpy as np
import pytest

from kcv.detection import Anchors
from kcv.detection import AnchorSampling
from kcv.detection import BoxNormalization
from kcv.detection import DetectionSelection
from kcv.detection import FastRCNN
from kcv.detection import ProposalSelection
from kcv.detection import RoISampling
from kcv.detection.settings import check_classes


@pytest.mark.parametrize(
    "settings",
    [
        Anchors([0.5, 2], scales=[4.5]),
        AnchorSampling(64, 1.0, 0.6, 0.4),
        ProposalSelection(None, 7, 1.0, 0),
        RoISampling(np.int64(8), bg_iou=[0.1, 0.5]),
        BoxNormalization(std=np.full((3, 4), 0.1, "float32")),
        DetectionSelection(float("-inf"), 0.5, 7),
    ],
)
def test_they_are_saved_and_compare_by_value(settings):
    stored = json.dumps(keras.saving.serialize_keras_object(settings))
    again = keras.saving.deserialize_keras_object(json.loads(stored))
    assert again == settings
    assert hash(again) == hash(settings)
    assert again != type(settings)()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Anchors(ratios=()), r"`ratios` must be .*ratios=\(\)"),
        (lambda: Anchors(scales=(8, 0)), r"`scales` must be .*\(8, 0\)"),
        (lambda: AnchorSampling(0), "`size` must be .* size=0"),
        (lambda: AnchorSampling(fg_iou=1.2), "`fg_iou` must be .*1.2"),
        (lambda: ProposalSelection(0), "`pre_nms` must be .* pre_nms=0"),
        (lambda: ProposalSelection(9, 1.5), "`post_nms` must be .*=1.5"),
        (lambda: ProposalSelection(min_side=-1), "`min_side` must be .*=-1"),
        (lambda: RoISampling(fg_fraction=-0.1), "`fg_fraction` must .*=-0.1"),
        (lambda: RoISampling(bg_iou=(0.5, 0.1)), "`bg_iou` must be two"),
        (lambda: RoISampling(crowd_share=7), "`crowd_share` must be .*=7"),
        (lambda: BoxNormalization(std=(0, 1, 1, 1)), "`std` must be positive"),
        (lambda: BoxNormalization((1, 2)), "`mean` must be finite numbers of"),
        (lambda: BoxNormalization(1.0), "`mean` must be finite numbers of"),
        (
            lambda: BoxNormalization(mean=(np.nan, 0, 0, 0)),
            "`mean` must be finite numbers of",
        ),
        (
            lambda: BoxNormalization(std=np.ones((2, 4))).for_classes(3),
            r"std` must have .*\(3, 4\).*shape \(2, 4\)",
        ),
        (lambda: DetectionSelection(np.nan), "`score_threshold` must be"),
        (lambda: DetectionSelection(iou=3), "`iou` must be .*iou=3"),
        (
            lambda: DetectionSelection(max_detections=0),
            "`max_detections` must be .*=0",
        ),
        (lambda: DetectionSelection(pre_nms=0), "`pre_nms` must be .*=0"),
        (lambda: check_classes(1.5), "`classes` must be .*classes=1.5"),
        (lambda: check_classes("20"), "`classes` must be .*classes='20'"),
    ],
)
def test_numbers_out_of_range_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_one_mean_is_that_of_each_class():
    mean, std = BoxNormalization((1, 2, 3, 4)).for_classes(2)
    assert mean.tolist() == [[1, 2, 3, 4]] * 2
    assert std.tolist() == [[0.1, 0.1, 0.2, 0.2]] * 2


def test_what_is_no_settings_object_is_named():
    message = r"`detections` must be .*DetectionSelection`.*detections=0.05"
    with pytest.raises(TypeError, match=message):
        FastRCNN(3, detections=0.05)
