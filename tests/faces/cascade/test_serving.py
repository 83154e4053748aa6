"""Exports of the detectors of faces, in the native loader of the servers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv
from export import native
from kcv.faces import cascade
from kcv.serving.outputs import detection_outputs


def face_cascade():
    stages = [
        cascade.Stage(
            cascade.Net12(13),
            cascade.Calibration12(),
            cascade.WindowSelection(0.0, iou=0.3, max_windows=50),
        ),
        cascade.Stage(
            cascade.Net24(),
            cascade.Calibration24(),
            cascade.WindowSelection(0.0, iou=0.3, smaller=0.6),
        ),
    ]
    scan = cascade.WindowScan(min_face=20, step=1.5)
    return cascade.FaceCascade(stages, scan=scan, max_detections=8)


def mtcnn():
    return cascade.MTCNN(thresholds=(0.4, 0.4, 0.4), max_detections=8)


@pytest.mark.parametrize("build", [face_cascade, mtcnn])
def test_the_native_loader_answers_as_predict_does(build, program, tmp_path):
    keras.utils.set_random_seed(0)
    model = build()
    options = kcv.serving.ServingConfig(
        "detection", class_names=("face",)
    ).publish_options()
    version = kcv.serving.publish(model, tmp_path, **options)
    rng = np.random.default_rng(0)
    counts = []
    for size in ((48, 64), (30, 25), (7, 9)):
        images = rng.uniform(0, 255, (1, *size, 3)).astype("float32")
        answer = native.run(
            program, version, "serving_default", {"images": images}
        )
        found = model.predict(images, verbose=0)
        expected = detection_outputs(found, tf.constant([size]))
        for name, values in expected.items():
            np.testing.assert_allclose(
                answer[name], values, rtol=1e-5, atol=1e-5
            )
        counts.append(int(found["num_detections"][0]))
    assert counts[0] > 0
    assert counts[2] == 0
