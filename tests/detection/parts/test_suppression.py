import keras
import numpy as np
import pytest

from kcv.detection import DetectionSelection
from kcv.detection.parts.suppression import ClassWiseSuppression


def by_loops(boxes, scores, iou, most, threshold):
    """Greedy suppression of one image (C, N, 4), as its definition reads."""

    def overlap(a, b):
        sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
        common = np.prod(np.maximum(sides, 0))
        areas = [np.prod(x[2:] - x[:2]) for x in (a, b)]
        return common / (sum(areas) - common)

    found = []
    for label, (own, score) in enumerate(zip(boxes, scores, strict=True)):
        kept = []
        for i in np.argsort(-score, kind="stable"):
            if score[i] <= threshold or len(kept) == most:
                break
            if all(overlap(own[i], own[j]) <= iou for j in kept):
                kept.append(i)
        found += [(score[i], label, own[i]) for i in kept]
    found.sort(key=lambda x: -x[0])
    return found[:most]


@pytest.mark.parametrize("threshold", [float("-inf"), -0.5, 0.3])
def test_equals_loops_on_scores_of_either_sign(threshold):
    random = np.random.default_rng(0)
    corner = random.uniform(0, 60, (2, 3, 30, 2))
    sides = random.uniform(8, 30, (2, 3, 30, 2))
    boxes = np.concatenate([corner, corner + sides], -1).astype("float32")
    scores = random.normal(size=(2, 3, 30)).astype("float32")
    scores[1, :, 20:] = -np.inf  # padding
    found = ClassWiseSuppression(DetectionSelection(threshold, 0.3, 25))(
        [boxes, scores]
    )
    found = {key: np.asarray(value) for key, value in found.items()}
    for i in range(2):
        expected = by_loops(boxes[i], scores[i], 0.3, 25, threshold)
        count = len(expected)
        assert found["num_detections"][i] == count > 5
        for row, (score, label, box) in enumerate(expected):
            assert found["scores"][i, row] == score
            assert found["labels"][i, row] == label
            np.testing.assert_array_equal(found["boxes"][i, row], box)
        assert (found["scores"][i, count:] == 0).all()
        assert (found["labels"][i, count:] == -1).all()
        assert (found["boxes"][i, count:] == 0).all()


@pytest.mark.parametrize("entering", [10, 100])
def test_only_the_best_of_each_class_enter(entering):
    random = np.random.default_rng(1)
    corner = random.uniform(0, 60, (1, 3, 30, 2))
    boxes = np.concatenate([corner, corner + 20], -1).astype("float32")
    scores = random.normal(size=(1, 3, 30)).astype("float32")
    everything = float("-inf")
    found = ClassWiseSuppression(
        DetectionSelection(everything, 0.3, 90, pre_nms=entering)
    )([boxes, scores])
    order = np.argsort(-scores[0], axis=1)[:, :entering]
    expected = by_loops(
        np.take_along_axis(boxes[0], order[..., None], 1),
        np.take_along_axis(scores[0], order, 1),
        0.3,
        90,
        everything,
    )
    count = int(found["num_detections"][0])
    assert count == len(expected) > 10
    np.testing.assert_array_equal(
        found["scores"][0, :count], [score for score, _, _ in expected]
    )


def test_no_candidates_are_no_detections():
    found = ClassWiseSuppression(DetectionSelection(max_detections=4))(
        [np.zeros((2, 3, 0, 4), "float32"), np.zeros((2, 3, 0), "float32")]
    )
    assert found["boxes"].shape == (2, 4, 4)
    assert found["num_detections"].numpy().tolist() == [0, 0]
    assert (found["labels"].numpy() == -1).all()


def test_in_a_functional_model_that_is_saved(tmp_path):
    boxes, scores = keras.Input((3, None, 4)), keras.Input((3, None))
    model = keras.Model(
        [boxes, scores],
        ClassWiseSuppression(DetectionSelection(float("-inf"), 0.4, 7))(
            [boxes, scores]
        ),
    )
    assert model.output["boxes"].shape == (None, 7, 4)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    layer = again.layers[-1]
    assert layer.selection == DetectionSelection(float("-inf"), 0.4, 7)
