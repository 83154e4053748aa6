"""R-CNN as a server runs it: in C++, with its proposals sent along."""

import numpy as np
import pytest
import tensorflow as tf

from export import native
from kcv.detection import train_rcnn
from kcv.detection import train_svms
from kcv.detection.rcnn.features import FeatureStore
from kcv.serving import ShortSide
from kcv.serving import publish

CLASSES = ["red", "green", "blue"]


@pytest.fixture(scope="module")
def machines(tuned, dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    train_rcnn(tuned, dataset, folder, CLASSES)
    store = FeatureStore(folder, [f"scene/{i}" for i in range(12)])
    return train_svms(store, CLASSES, store.scale("fc7"))


@pytest.fixture(scope="module")
def version(tuned, machines, tmp_path_factory):
    return publish(
        tuned,
        tmp_path_factory.mktemp("rcnn"),
        prepare=ShortSide(64, 96),
        class_names=CLASSES,
    )


def test_scores_in_cpp_are_scikit_learns(
    tuned, machines, version, program, inputs
):
    """Regions far apart: nothing is suppressed, so every score is seen."""
    x, _ = inputs(slice(2))
    corners = np.stack(np.meshgrid([2, 34, 66], [3, 35]), -1).reshape(-1, 2)
    boxes = np.tile(np.hstack([corners, corners + 20]), (2, 1, 1))
    boxes = boxes.astype("float32")
    fc7, _ = tuned.features({"images": x["images"], "proposals": boxes})
    answer = native.run(
        program,
        version,
        "serving_default",
        {"images": x["images"], "proposals": boxes},
    )
    assert answer["num_detections"].tolist() == [18, 18]
    for i in range(2):
        scores = machines.decision_function(fc7[i].numpy().astype("float64"))
        np.testing.assert_allclose(
            answer["detection_scores"][i, :18],
            np.sort(scores.ravel())[::-1],
            rtol=0,
            atol=1e-5,
        )
        best = np.argmax(scores) % 3
        assert answer["detection_classes"][i, 0] == best + 1


def test_encoded_images_are_scaled_with_their_proposals(
    tuned, version, program, inputs
):
    """An image of twice the size, and boxes of twice the size."""
    x, _ = inputs(slice(1))
    large = np.repeat(np.repeat(x["images"][0], 2, 0), 2, 1).astype(np.uint8)
    seen = ShortSide(64, 96)(large).numpy()[None]
    expected = tuned.predict(
        {"images": seen, "proposals": x["proposals"]}, verbose=0
    )
    answer = native.run(
        program,
        version,
        "serving_bytes",
        {
            "image_bytes": [tf.io.encode_png(large).numpy()],
            "proposals": 2 * x["proposals"],
        },
    )
    assert answer["num_detections"] == expected["num_detections"]
    np.testing.assert_allclose(
        answer["detection_scores"], expected["scores"], atol=1e-5
    )
    boxes = expected["boxes"][..., [1, 0, 3, 2]] / [64, 96, 64, 96]
    np.testing.assert_allclose(answer["detection_boxes"], boxes, atol=1e-5)


def test_no_proposals_are_no_detections(version, program):
    answer = native.run(
        program,
        version,
        "serving_default",
        {
            "images": np.zeros((2, 64, 96, 3), np.float32),
            "proposals": np.zeros((2, 0, 4), np.float32),
        },
    )
    assert answer["num_detections"].tolist() == [0, 0]
