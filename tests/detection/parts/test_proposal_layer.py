import numpy as np
import pytest

from kcv.detection.parts.proposal_layer import ProposalLayer
from kcv.detection.settings import ProposalSelection


def propose(layer, logits, anchors, deltas=None, exists=None, size=(100, 100)):
    logits = np.asarray(logits, "float32")[None]
    anchors = np.asarray(anchors, "float32")
    if deltas is None:
        deltas = np.zeros((1, len(anchors), 4), "float32")
    if exists is None:
        exists = np.ones(logits.shape, bool)
    regions, scores, valid = layer(
        [logits, deltas, anchors, exists, np.array([size])]
    )
    return [np.asarray(output)[0] for output in (regions, scores, valid)]


def test_clipped_filtered_ordered_suppressed():
    anchors = [
        [-20, -20, 30, 30],  # clipped to 30 x 30
        [0, 0, 30, 30],  # the same after clipping, scores less: suppressed
        [50, 50, 65, 90],  # 15 pixels wide: dropped
        [50, 50, 66, 90],
        [90, 90, 140, 140],  # 10 pixels are left: dropped
    ]
    regions, scores, valid = propose(
        ProposalLayer(ProposalSelection(100, 4)),
        [0.5, 0.1, 9.0, 0.9, 8.0],
        anchors,
    )
    assert valid.tolist() == [True, True, False, False]
    np.testing.assert_allclose(scores, [0.9, 0.5, -np.inf, -np.inf])
    assert regions.tolist() == [
        [50, 50, 66, 90],
        [0, 0, 30, 30],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]


def test_only_the_best_enter_the_suppression():
    anchors = [[0, 0, 40, 40], [0, 0, 40, 39], [50, 50, 90, 90]]
    logits = [3.0, 2.0, 1.0]
    _, _, valid = propose(
        ProposalLayer(ProposalSelection(2, 3)), logits, anchors
    )
    assert valid.sum() == 1
    _, _, valid = propose(
        ProposalLayer(ProposalSelection(3, 3)), logits, anchors
    )
    assert valid.sum() == 2


def test_without_a_limit_all_enter_the_suppression():
    anchors = [[50 * i, 0, 50 * i + 40, 40] for i in range(30)]
    _, _, valid = propose(
        ProposalLayer(ProposalSelection(None, 40)),
        np.zeros(30),
        anchors,
        size=(100, 1500),
    )
    assert valid.sum() == 30


def test_deltas_move_the_anchors():
    deltas = np.array([[[0.5, 0, 0, np.log(2)]]], "float32")
    regions, *_ = propose(
        ProposalLayer(ProposalSelection(10, 1)),
        [0.0],
        [[20, 20, 40, 40]],
        deltas,
    )
    np.testing.assert_allclose(regions, [[30, 10, 50, 50]], rtol=1e-6)


def test_anchors_beyond_the_image_do_not_exist():
    _, _, valid = propose(
        ProposalLayer(ProposalSelection(10, 2)),
        [1.0, 0.0],
        [[0, 0, 40, 40], [50, 50, 90, 90]],
        exists=np.array([[False, True]]),
    )
    assert valid.sum() == 1


def test_errors():
    with pytest.raises(ValueError, match="pre_nms=0"):
        ProposalLayer(ProposalSelection(0, 5))
