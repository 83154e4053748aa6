"""Fast R-CNN as a server runs it: in C++, with its proposals sent along."""

import numpy as np
import pytest
import tensorflow as tf

from export import native
from kcv.detection import DetectionSelection
from kcv.serving import ShortSide
from kcv.serving import publish


@pytest.fixture(scope="module")
def model(make_fast):
    return make_fast(detections=DetectionSelection(0.0))


@pytest.fixture(scope="module")
def version(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fast_rcnn")
    return publish(model, folder, prepare=ShortSide(64, 96))


def test_encoded_images_are_scaled_with_their_proposals(
    model, version, program, proposed
):
    """An image of twice the size, and boxes of twice the size."""
    x, _ = proposed
    image = x["images"][0].astype(np.uint8)
    large = np.repeat(np.repeat(image, 2, 0), 2, 1)
    seen = ShortSide(64, 96)(large).numpy()[None]
    proposals = x["proposals"][:1]
    expected = model.predict(
        {"images": seen, "proposals": proposals}, verbose=0
    )
    answer = native.run(
        program,
        version,
        "serving_bytes",
        {
            "image_bytes": [tf.io.encode_png(large).numpy()],
            "proposals": 2 * proposals,
        },
    )
    assert answer["num_detections"] == expected["num_detections"]
    assert answer["num_detections"] > 5
    np.testing.assert_allclose(
        answer["detection_scores"], expected["scores"], atol=1e-5
    )
    boxes = expected["boxes"][..., [1, 0, 3, 2]] / [64, 96, 64, 96]
    np.testing.assert_allclose(answer["detection_boxes"], boxes, atol=1e-4)


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
