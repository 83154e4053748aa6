"""Exports of the detectors of faces, in the native loader of the servers."""

import numpy as np
import tensorflow as tf

import kcv
from export import native
from kcv.faces import cascade
from kcv.serving.outputs import detection_outputs

SIZES = ((48, 64), (30, 25), (7, 9))


def test_an_export_of_the_cascade_answers_as_predict_does(program, tmp_path):
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
    model = cascade.FaceCascade(
        stages, scan=cascade.WindowScan(20, step=1.5), max_detections=8
    )
    serving = kcv.serving.ServingConfig("detection", class_names=("face",))
    version = kcv.serving.publish(model, tmp_path, **serving.publish_options())
    counts = []
    for size in SIZES:
        images = draw(size)
        answer = native.run(
            program, version, "serving_default", {"images": images}
        )
        found = model.predict(images, verbose=0)
        expected = detection_outputs(found, tf.constant([size]))
        assert_close(answer, expected)
        counts.append(int(found["num_detections"][0]))
    assert counts[0] > 0
    assert counts[2] == 0


def test_an_export_of_mtcnn_answers_as_predict_does(program, tmp_path):
    model = cascade.MTCNN(thresholds=(0.4, 0.4, 0.4), max_detections=8)
    model.export(tmp_path / "saved", verbose=False)
    for size in SIZES:
        images = draw(size)
        inputs = {"images": images, "image_sizes": np.array([size], "int32")}
        answer = native.run(program, tmp_path / "saved", "serve", inputs)
        assert_close(answer, model.predict(images, verbose=0))


def draw(size):
    rng = np.random.default_rng(0)
    return rng.uniform(0, 255, (1, *size, 3)).astype("float32")


def assert_close(found, expected):
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-5)
