"""A region proposal network against loops over its cells."""

import numpy as np
import pytest

from kcv.detection import Anchors
from kcv.detection.parts.anchors import base_anchors
from kcv.detection.parts.rpn import RegionProposalNetwork
from kcv.detection.parts.rpn import foreground_logit


@pytest.fixture(scope="module")
def layer():
    anchors = Anchors(ratios=(0.5, 1.0), scales=(2, 4, 8))
    layer = RegionProposalNetwork(8, anchors, filters=5)
    layer.build([(None, None, None, 4), (None, 2)])
    return layer


@pytest.fixture(scope="module")
def features():
    random = np.random.default_rng(0)
    return random.normal(size=(2, 3, 4, 4)).astype("float32")


def test_scores_and_deltas_stand_where_the_reference_has_them(layer, features):
    """Of the channels of a cell, k background scores come first."""
    sizes = np.array([[3, 4], [2, 3]], "int32")
    logits, deltas, anchors, exists = layer([features, sizes])
    hidden = layer.conv(features)
    scores = layer.cls_score(hidden).numpy()
    boxes = layer.bbox_pred(hidden).numpy()
    base = base_anchors(8, (0.5, 1.0), (2, 4, 8))
    number = 0
    for row in range(3):
        for column in range(4):
            for k in range(6):
                np.testing.assert_array_equal(
                    logits[:, number], scores[:, row, column, [k, 6 + k]]
                )
                np.testing.assert_array_equal(
                    deltas[:, number],
                    boxes[:, row, column, 4 * k : 4 * k + 4],
                )
                shift = 8 * np.array([column, row, column, row])
                np.testing.assert_array_equal(anchors[number], base[k] + shift)
                inside = [row < h and column < w for h, w in sizes]
                assert exists[:, number].numpy().tolist() == inside
                number += 1
    assert number == anchors.shape[0]


def test_the_initial_weights_are_the_papers(layer):
    assert [w.path.split("/")[-2:] for w in layer.weights[::2]] == [
        ["rpn_conv_3x3", "kernel"],
        ["rpn_cls_score", "kernel"],
        ["rpn_bbox_pred", "kernel"],
    ]
    for kernel, bias in zip(
        layer.weights[::2], layer.weights[1::2], strict=True
    ):
        assert 0.006 < np.std(kernel) < 0.014
        assert not np.any(bias)


def test_what_is_no_settings_object():
    with pytest.raises(TypeError, match="`anchors` must be .*Anchors"):
        RegionProposalNetwork(8, (8, 16))


def test_foreground_logit_ranks_like_the_softmax():
    logits = np.random.default_rng(0).normal(size=(1, 50, 2))
    softmax = np.exp(logits[..., 1]) / np.exp(logits).sum(-1)
    np.testing.assert_array_equal(
        np.argsort(foreground_logit(logits)[0]), np.argsort(softmax[0])
    )
