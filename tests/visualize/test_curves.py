"""Lines of the curves, read back from the figures."""

import numpy as np
import pytest

from kcv.metrics import FalsePositiveCurve
from kcv.metrics import precision_recall
from kcv.visualize import encode_figure
from kcv.visualize import false_positives_figure
from kcv.visualize import precision_recall_figure
from kcv.visualize import training_figure

SQUARE = [0, 0, 10, 10]


def lines(axes):
    return {
        line.get_label(): np.transpose(line.get_data()).tolist()
        for line in axes.get_lines()
    }


def test_precision_over_recall():
    ground_truth = {
        0: {
            "boxes": [SQUARE, [20, 0, 30, 10], SQUARE, SQUARE],
            "labels": [0, 0, 1, 2],
            "difficult": [False, False, False, True],
        }
    }
    detections = {
        0: {
            "boxes": [SQUARE, [20, 20, 30, 30], [20, 0, 30, 10]],
            "scores": [0.9, 0.8, 0.7],
            "labels": [0, 0, 0],
        }
    }
    curves = precision_recall(ground_truth, detections)
    figure = precision_recall_figure(
        curves, ["cat", "do$g", "cow"], {0: 0.5, 1: 0.0, 2: float("nan")}
    )
    shown = lines(figure.axes[0])
    assert list(shown) == ["cat  0.500", r"do\$g  0.000"]  # no cow to find
    np.testing.assert_allclose(
        shown["cat  0.500"], [[0, 1], [0.5, 1], [0.5, 0.5], [1, 2 / 3]]
    )
    assert encode_figure(figure)[8:12] == b"WEBP"


def test_curves_of_nothing():
    assert not lines(precision_recall_figure({}).axes[0])


def test_training_groups_and_gaps():
    history = {
        "epoch": [3, 4, 5],
        "loss": [3.0, 2.0, 1.0],
        "rpn_cls_loss": [2.0, 1.0, 0.5],
        "val_voc07_map": [0.1, float("nan"), 0.4],
        "learning_rate": [0.1, 0.1, 0.01],
        "seconds": [30.0, 20.0, 20.0],
    }
    figure = training_figure(history)
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "loss",
        "metric",
        "learning rate",
    ]
    assert lines(figure.axes[0]) == {
        "loss": [[4, 3], [5, 2], [6, 1]],
        "rpn_cls_loss": [[4, 2], [5, 1], [6, 0.5]],
    }
    assert lines(figure.axes[1]) == {"val_voc07_map": [[4, 0.1], [6, 0.4]]}
    assert encode_figure(figure)[8:12] == b"WEBP"
    with pytest.raises(ValueError, match="must have a curve"):
        training_figure({"epoch": [0]})


def test_recall_over_false_positives():
    curve = FalsePositiveCurve(
        np.array([0.0, 0.5, 0.5]), np.array([0.25, 0.25, 0.5]), np.ones(3)
    )
    figure = false_positives_figure({"one stage": curve, "two": curve})
    shown = lines(figure.axes[0])
    assert list(shown) == ["one stage", "two"]
    np.testing.assert_allclose(
        shown["two"], [[0.01, 0.25], [0.5, 0.25], [0.5, 0.5], [1e3, 0.5]]
    )
