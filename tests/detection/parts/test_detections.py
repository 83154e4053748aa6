import numpy as np

from kcv.detection import BoxNormalization
from kcv.detection import DetectionSelection
from kcv.detection.parts.detections import Detections


def detect(scores, regions, deltas=None, valid=None):
    """Run one image whose softmax gives exactly `scores` (N, C + 1)."""
    scores = np.asarray(scores, "float32")[None]
    regions = np.asarray(regions, "float32")[None]
    count, classes = scores.shape[1], scores.shape[2] - 1
    if deltas is None:
        deltas = np.zeros((1, count, 4 * (classes + 1)), "float32")
    if valid is None:
        valid = np.ones((1, count), bool)
    found = Detections(
        classes,
        BoxNormalization(),
        DetectionSelection(max_detections=4),
    )([np.log(scores), deltas, regions, valid, np.array([[100, 100]])])
    return {key: np.asarray(value)[0] for key, value in found.items()}


def test_each_class_is_suppressed_by_itself():
    # Class 0 and 1 both like the same region; the second region overlaps it.
    found = detect(
        [[0.05, 0.55, 0.4], [0.3, 0.2, 0.5]],
        [[0, 0, 40, 40], [0, 0, 40, 36]],
    )
    assert found["num_detections"] == 2
    assert found["labels"].tolist() == [0, 1, -1, -1]
    np.testing.assert_allclose(found["scores"], [0.55, 0.5, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(found["boxes"][0], [0, 0, 40, 40])
    np.testing.assert_allclose(found["boxes"][1], [0, 0, 40, 36])


def test_deltas_are_of_the_class_and_scaled_by_std():
    deltas = np.zeros((1, 1, 12), "float32")
    deltas[0, 0, 8:] = [1, 0, 0, np.log(2) / 0.2]  # of label 1
    found = detect([[0.01, 0.09, 0.9]], [[20, 20, 40, 40]], deltas)
    assert found["labels"][:2].tolist() == [1, 0]
    np.testing.assert_allclose(found["boxes"][0], [22, 10, 42, 50], rtol=1e-5)
    np.testing.assert_allclose(found["boxes"][1], [20, 20, 40, 40], rtol=1e-5)


def test_background_low_scores_and_padding_are_no_detections():
    found = detect(
        [[0.96, 0.04], [0.1, 0.9]],
        [[0, 0, 9, 9], [20, 20, 30, 30]],
        valid=np.array([[True, False]]),
    )
    assert found["num_detections"] == 0
    assert (found["labels"] == -1).all()
    assert (found["boxes"] == 0).all()


def test_the_best_of_all_classes_are_kept():
    regions = [[i * 15, 0, i * 15 + 10, 10] for i in range(6)]
    scores = [[0.3, 0.1 * i, 0.7 - 0.1 * i] for i in range(1, 7)]
    found = detect(scores, regions)
    assert found["num_detections"] == 4
    expected = np.sort(np.array(scores)[:, 1:].ravel())[::-1][:4]
    np.testing.assert_allclose(found["scores"], expected, rtol=1e-5)
