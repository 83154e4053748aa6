"""Evaluation of detectors, and what their recipes share."""

import numpy as np
import pytest

import kcv
from kcv.serving import ShortSide
from recipes.common.detection import detectors
from recipes.common.training_images import make_batches


class Oracle:
    """A detector that finds every object, with its true class."""

    def __init__(self, batches):
        self.answers = [batch["bounding_boxes"] for batch in batches]

    def predict_on_batch(self, inputs):
        truth = self.answers.pop(0)
        labels = truth["labels"].numpy()
        return {
            "boxes": truth["boxes"].numpy(),
            "scores": np.linspace(0.9, 0.6, labels.size).reshape(labels.shape),
            "labels": labels,
            "num_detections": (labels >= 0).sum(1),
        }


@pytest.fixture
def test_set():
    scenes = kcv.data.digit_scenes("test").take(6)
    return make_batches(scenes, 2, detectors.scale_to(96))


@pytest.mark.parametrize("source", ["digit_scenes", "coco:own.json:images"])
def test_an_oracle_is_measured(test_set, source):
    names = kcv.data.DIGIT_CLASSES
    evaluation = detectors.evaluate_detector(
        Oracle(test_set), test_set, names, source, proposal_seconds=2.5
    )
    metrics = evaluation.metrics
    assert metrics["voc07_map"] == pytest.approx(1)
    assert set(metrics["average_precision"]) <= set(names)
    assert metrics["proposal_seconds"] == 2.5
    assert metrics["split"] == f"{source}, 6 held-out images"
    assert ("coco_ap" in metrics) == source.startswith("coco")
    assert metrics.get("coco_ap", 1) == pytest.approx(1)
    assert evaluation.headline.startswith("voc07_map 1.000")
    assert len(evaluation.figures) == 2


def test_a_longer_side_is_at_most_five_thirds():
    assert detectors.scale_to(600) == ShortSide(600, 1000)


def test_a_published_figure_names_its_data():
    figure = detectors.published_map(0.5, "ZF", "A paper", "VOC 2012 train")
    assert figure.metric == "voc07_map"
    assert figure.data == "VOC 2012 train, measured on VOC 2007 test; ZF"


def test_images_of_any_size_are_served_as_they_are():
    prepare = detectors.serve_detector(None, ("cat",)).prepare
    image = np.full((5, 7, 3), 9, np.uint8)
    np.testing.assert_array_equal(prepare(image), image)
