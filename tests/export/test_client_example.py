"""Reading an answer, by hand."""

import numpy as np
import pytest

from export.client_example import detections
from export.client_example import top_classes


def test_detections_in_pixels_of_the_image():
    answer = {
        "image_shape": np.array([[10, 10], [50, 200]]),
        "num_detections": np.array([0, 1]),
        "detection_boxes": np.array(
            [np.zeros((2, 4)), [[0.2, 0.1, 1.0, 0.5], [0, 0, 0, 0]]]
        ),
        "detection_scores": np.array([[0, 0], [0.5, 0]]),
        "detection_classes": np.array([[0, 0], [2, 0]]),
    }
    assert detections(answer, 0) == []
    [(name, score, box)] = detections(answer, 1, ["cat", "dog"])
    assert (name, score) == ("dog", 0.5)
    assert box == pytest.approx((20, 10, 100, 50))
    assert detections(answer, 1)[0][0] == "2"


@pytest.mark.parametrize("text", [str, bytes], ids=["REST", "gRPC"])
def test_classes_by_name(text):
    names = np.array([["dog", "cat"], ["cow", "dog"]], text).astype(object)
    answer = {"class_names": names, "scores": np.array([[1, 0], [0.5, 0.25]])}
    assert top_classes(answer, 1) == [("cow", 0.5), ("dog", 0.25)]
