"""Versions appear whole, checked, described, once, or not at all."""

import json
import os
import resource
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.serving import ExportError
from kcv.serving import ShortSide
from kcv.serving import publish


@pytest.fixture(scope="module")
def classifier():
    """A small model of another kind: fixed size, one tensor out."""
    keras.utils.set_random_seed(0)
    images = keras.Input((16, 24, 3), name="pixels")
    x = keras.layers.Conv2D(4, 3, strides=2)(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(5, activation="softmax", name="scores")(x)
    return keras.Model(images, x, name="classifier")


def _model_of(function, output=(2,), dtype="float32"):
    class Function(keras.layers.Layer):
        def call(self, images):
            return function(images)

        def compute_output_spec(self, images):
            return keras.KerasTensor((None, *output), dtype)

    images = keras.Input((8, 8, 3))
    return keras.Model(images, Function()(images), name="function")


def test_layout_and_description(published):
    assert published.name == "1"
    assert [p.name for p in published.parent.iterdir()] == ["1"]
    extras = published / "assets.extra"
    labels = (extras / "labels.txt").read_text("utf-8").splitlines()
    assert labels == ["one", "two", "dré"]
    description = json.loads((extras / "kcv.json").read_text())
    assert description["prepare"] == "ShortSide(short_side=96, long_side=120)"
    assert description["frozen"] is False
    signatures = description["signatures"]
    assert signatures["serving_default"]["inputs"] == {
        "images": {"dtype": "float32", "shape": [None, None, None, 3]}
    }
    assert signatures["serving_bytes"]["inputs"] == {
        "image_bytes": {"dtype": "string", "shape": [None]}
    }
    outputs = signatures["serving_bytes"]["outputs"]
    assert outputs == {
        "detection_boxes": {"dtype": "float32", "shape": [None, 100, 4]},
        "detection_scores": {"dtype": "float32", "shape": [None, 100]},
        "detection_classes": {"dtype": "int32", "shape": [None, 100]},
        "class_names": {"dtype": "string", "shape": [None, 100]},
        "num_detections": {"dtype": "int32", "shape": [None]},
        "image_shape": {"dtype": "int32", "shape": [None, 2]},
    }


def test_warmup_requests_are_small_and_read_officially(published):
    """Each photo alone, a batch, and one float image."""
    log_pb2 = pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2",
        reason="the official stubs (tensorflow-serving-api) are absent",
    )
    path = published / "assets.extra" / "tf_serving_warmup_requests"
    assert path.stat().st_size < 300_000
    requests = [
        log_pb2.PredictionLog.FromString(raw.numpy()).predict_log.request
        for raw in tf.data.TFRecordDataset(str(path))
    ]
    found = [
        (
            request.model_spec.signature_name,
            [tf.make_ndarray(v).shape for v in request.inputs.values()],
        )
        for request in requests
    ]
    assert found == [
        ("serving_bytes", [(1,)]),
        ("serving_bytes", [(1,)]),
        ("serving_bytes", [(3,)]),
        ("serving_default", [(1, 96, 128, 3)]),
    ]
    assert all(r.model_spec.name == "detector" for r in requests)


def test_freezing_leaves_no_variables(publish_as):
    frozen = tf.saved_model.load(str(publish_as(freeze=True)))
    for signature in frozen.signatures.values():
        assert signature.captured_inputs == []
    # Both signatures share one copy of the constants.
    sizes = [
        sum((publish_as(freeze) / name).stat().st_size for name in names)
        for freeze, names in [
            (True, ["saved_model.pb"]),
            (
                False,
                ["saved_model.pb", "variables/variables.data-00000-of-00001"],
            ),
        ]
    ]
    assert sizes[0] < 1.05 * sizes[1]


def test_a_classifier_of_one_size(classifier, tmp_path):
    """Its outputs get their names from a function that is passed."""

    def outputs(predictions, image_sizes):
        return {
            "probabilities": predictions,
            "best": tf.argmax(predictions, -1),
            "half": tf.cast(predictions, tf.float16),
        }

    folder = publish(
        classifier,
        tmp_path,
        prepare=lambda image: tf.image.resize(image, [16, 24]),
        outputs=outputs,
        class_names=list("abcde"),
    )
    photo = np.arange(16 * 24 * 3, dtype=np.uint8).reshape(16, 24, 3)
    png = tf.io.encode_png(photo)
    loaded = tf.saved_model.load(str(folder)).signatures
    answer = loaded["serving_bytes"](image_bytes=tf.stack([png, png]))
    true = classifier.predict(photo[np.newaxis].astype("float32"), verbose=0)
    np.testing.assert_allclose(answer["probabilities"][1:], true, rtol=1e-5)
    assert answer["best"].numpy().tolist() == [true.argmax()] * 2
    assert answer["best"].dtype == tf.int32
    assert answer["half"].dtype == tf.float32
    assert answer["image_shape"].numpy().tolist() == [[16, 24]] * 2
    with pytest.raises(tf.errors.InvalidArgumentError, match="not compatible"):
        loaded["serving_default"](images=tf.zeros([1, 17, 24, 3]))


def test_different_sizes_need_a_model_that_knows_padding(tmp_path):
    images = keras.Input((None, None, 3))
    mean = keras.layers.GlobalAveragePooling2D()(images)
    small = [np.full((8, 8, 3), 255, np.uint8), np.zeros((8, 8, 3), np.uint8)]
    folder = publish(keras.Model(images, mean), tmp_path, examples=small)
    encoded = [tf.io.encode_png(np.ones((n, 8, 3), np.uint8)) for n in (8, 9)]
    run = tf.saved_model.load(str(folder)).signatures["serving_bytes"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="one size"):
        run(image_bytes=tf.stack(encoded))


def test_versions_count_up_and_are_never_overwritten(classifier, tmp_path):
    (tmp_path / "00000041").mkdir()
    (tmp_path / "notes").mkdir()
    assert publish(classifier, tmp_path).name == "42"
    assert publish(classifier, tmp_path, 7).name == "7"
    before = (tmp_path / "7" / "saved_model.pb").read_bytes()
    for taken in (7, 41):
        with pytest.raises(FileExistsError, match=f"version {taken}; .* 43"):
            publish(classifier, tmp_path, taken)
    assert (tmp_path / "7" / "saved_model.pb").read_bytes() == before


def test_a_version_that_appears_meanwhile_stays(
    classifier, tmp_path, monkeypatch
):
    def other_first(unfinished, version_dir):
        version_dir.mkdir()
        (version_dir / "saved_model.pb").write_text("theirs")
        rename(unfinished, version_dir)

    rename = os.rename
    monkeypatch.setattr(os, "rename", other_first)
    with pytest.raises(FileExistsError, match="published meanwhile"):
        publish(classifier, tmp_path)
    assert (tmp_path / "1" / "saved_model.pb").read_text() == "theirs"
    assert os.listdir(tmp_path) == ["1"]


@pytest.mark.parametrize("version", [0, -3, 1.0, "1", True])
def test_versions_that_are_none(classifier, tmp_path, version):
    with pytest.raises(ValueError, match="version="):
        publish(classifier, tmp_path, version)


def test_a_full_disk_leaves_nothing(classifier, tmp_path):
    """Files end at 4 kB here, as they would where the disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="Version 1 could not be written"):
            publish(classifier, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []
    assert publish(classifier, tmp_path).name == "1"


def test_an_export_that_differs_is_not_published(
    classifier, tmp_path, monkeypatch
):
    predict = classifier.predict
    monkeypatch.setattr(
        classifier, "predict", lambda *a, **k: predict(*a, **k) + 0.01
    )
    with pytest.raises(ExportError, match=r"'outputs' .* difference 0\.01$"):
        publish(classifier, tmp_path)
    assert os.listdir(tmp_path) == []
    assert publish(classifier, tmp_path, tolerance=0.1).name == "1"


def test_python_in_the_graph_is_not_published(tmp_path):
    def through_numpy(images):
        mean = tf.numpy_function(lambda x: x.mean((1, 2)), [images], tf.float32)
        return tf.ensure_shape(mean, [None, 3])

    with pytest.raises(ExportError, match="PyFunc .* Python code"):
        publish(_model_of(through_numpy, (3,)), tmp_path)
    assert os.listdir(tmp_path) == []


def test_compiled_parts_are_not_published(tmp_path):
    compiled = tf.function(lambda x: x[:, 0, 0] * 2, jit_compile=True)
    with pytest.raises(ExportError, match="jit_compile=True"):
        publish(_model_of(compiled, (3,)), tmp_path)
    assert os.listdir(tmp_path) == []


def test_outputs_without_the_batch_are_not_published(classifier, tmp_path):
    def outputs(predictions, image_sizes):
        return {"anchors": tf.zeros([7, 4])}

    with pytest.raises(ExportError, match=r"'anchors' has shape \(7, 4\)"):
        publish(classifier, tmp_path, outputs=outputs)
    assert os.listdir(tmp_path) == []


def test_prepared_images_that_the_model_cannot_take(classifier, tmp_path):
    with pytest.raises(ExportError, match="not compatible with expected"):
        publish(classifier, tmp_path, prepare=ShortSide(32, 99))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("names", [["a"], ["a", "b", "c", "d\ne"], [" "] * 4])
def test_class_names_that_do_not_fit(classifier, tmp_path, names):
    model = keras.Model(classifier.input, classifier.output)
    model.classes = 4
    with pytest.raises(ValueError, match="class_names"):
        publish(model, tmp_path, class_names=names)


def test_too_large_to_freeze(tmp_path):
    """No memory is taken: only the shape of the variables is looked at."""
    model = _model_of(lambda images: images[:, 0, 0, :2])
    near = 1.7 * 2**30 / 4

    class Large:
        dtype = "float32"

        def __init__(self, size):
            self.shape = (int(size),)

    class Model:
        name = "large"
        input = model.input

        def __init__(self, size):
            self.variables = [Large(size)]

    with pytest.raises(ValueError, match=r"3\.40 GiB.*freeze=False"):
        publish(Model(2 * near), tmp_path, freeze=True)
    with (
        pytest.warns(UserWarning, match=r"1\.70 GiB of variables"),
        pytest.raises(AttributeError),
    ):
        publish(Model(near), tmp_path, freeze=True)
    shutil.rmtree(tmp_path)
