"""Weights of a trained model in a model of other classes."""

import json
import logging

import keras
import numpy as np
import pytest

import kcv
from kcv.weights import TrainedWeights
from kcv.weights.assignment import SourceWeight
from kcv.weights.class_rows import ClassRows

NAMES = ("circle", "square", "triangle")


def detector(classes, weights=None):
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, 8, "same", name="conv1")(images)
    x = keras.layers.BatchNormalization(name="bn1")(x)
    parts = kcv.detection.custom_parts(
        keras.Model(images, x),
        keras.layers.Identity(),
        roi_size=2,
        units=(8,),
        batch_norm=True,
    )
    return kcv.detection.FasterRCNN(classes, parts, weights, rpn_filters=4)


@pytest.fixture(scope="module")
def trained():
    keras.utils.set_random_seed(0)
    return detector(3)


@pytest.fixture(scope="module")
def run(trained, tmp_path_factory):
    """The folder of a run of three classes."""
    folder = tmp_path_factory.mktemp("three")
    trained.save(folder / "model.keras")
    told = {"task": "detection", "prepare": None, "class_names": NAMES}
    (folder / "serving.json").write_text(json.dumps(told))
    return folder


def kernels(model):
    head = model.head
    return head.cls_score.kernel.numpy(), head.bbox_pred.kernel.numpy()


def assert_same(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_detector_goes_on_with_the_same_classes(trained, run):
    assert_same(detector(3, run), trained)
    same = TrainedWeights(run / "model.keras", NAMES)
    assert_same(detector(3, same), trained)


def test_a_detector_goes_on_with_one_class_more(trained, run, caplog):
    keras.utils.set_random_seed(1)
    model = detector(4, run)
    for part in ("trunk", "rpn"):
        assert_same(getattr(model, part), getattr(trained, part))
    assert_same(model.parts.head, trained.parts.head)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == (
        "faster_rcnn: 7 layers (conv1, bn1, rpn_conv_3x3 and 4 more) taken "
        f"from {run / 'model.keras'}; 2 layers (cls_score, bbox_pred) left as "
        "initialized."
    )


def test_units_are_taken_by_the_names_of_classes(trained, run, caplog):
    weights = TrainedWeights(run, ("cross", "triangle", "circle", "square"))
    keras.utils.set_random_seed(1)
    model = detector(4, weights)
    keras.utils.set_random_seed(1)
    random = detector(4)
    scores, boxes = kernels(model)
    taken = [0, 2, 3, 4], [0, 3, 1, 2]
    np.testing.assert_array_equal(
        scores[:, taken[0]], kernels(trained)[0][:, taken[1]]
    )
    boxes = boxes.reshape(-1, 5, 4)[:, taken[0]]
    expected = kernels(trained)[1].reshape(-1, 4, 4)[:, taken[1]]
    np.testing.assert_array_equal(boxes, expected)
    np.testing.assert_array_equal(scores[:, 1], kernels(random)[0][:, 1])
    units = "the units of the classes triangle, circle, square."
    assert f"of cls_score, bbox_pred {units}" in caplog.text


def test_units_of_other_classes_are_not_taken_as_theirs(trained, run, caplog):
    keras.utils.set_random_seed(1)
    other = detector(3, TrainedWeights(run, ("ant", "bee", "fly")))
    assert not np.isin(kernels(other)[0], kernels(trained)[0]).any()
    assert "(cls_score, bbox_pred) left as" in caplog.text


def test_files_that_do_not_fit_are_errors(trained, run, tmp_path):
    backup = tmp_path / "killed/backup"
    backup.mkdir(parents=True)
    trained.save_weights(backup / "epoch-2.weights.h5")
    assert_same(detector(3, backup / "epoch-2.weights.h5"), trained)
    (tmp_path / "folder").mkdir()
    segnet = kcv.segmentation.SegNet(3, blocks=((1, 4),))
    segnet.save(tmp_path / "segnet.keras")
    for name, error, text in (
        ("killed", ValueError, "not finished.*resumes; or.*epoch-2.weights"),
        ("folder", FileNotFoundError, "folder is not the folder of a run"),
        ("none", FileNotFoundError, "none', which does not exist"),
        ("segnet.keras", ValueError, "same system.*lacks 2 layers .conv1, bn1"),
    ):
        with pytest.raises(error, match=text) as caught:
            detector(3, tmp_path / name)
        assert "\n" not in str(caught.value)
    (tmp_path / "serving.json").write_text('{"class_names": 3}')
    with pytest.raises(ValueError, match="serving.json: class_names must be"):
        detector(3, TrainedWeights(tmp_path / "segnet.keras", NAMES))


def test_a_segmenter_and_a_classifier_go_on(tmp_path):
    names = ("background", *NAMES)
    blocks = ((1, 4), (1, 6))
    segnet = kcv.segmentation.SegNet(3, blocks=blocks)
    segnet.save(tmp_path / "model.keras")
    (tmp_path / "labels.txt").write_text("background\nsquare\ncircle\n")
    weights = TrainedWeights(tmp_path, names)
    larger = kcv.segmentation.SegNet(4, blocks=blocks, weights=weights)
    scores, before = (
        model.get_layer("conv1_1_D").kernel.numpy()
        for model in (larger, segnet)
    )
    np.testing.assert_array_equal(scores[..., :3], before[..., [0, 2, 1]])
    decoder = "conv2_1_D"
    assert_same(larger.get_layer(decoder), segnet.get_layer(decoder))

    lenet = kcv.classification.LeNet5(classes=2)
    lenet.save(tmp_path / "lenet.keras")
    larger = kcv.classification.LeNet5(
        classes=5, weights=tmp_path / "lenet.keras"
    )
    assert_same(larger.get_layer("C5"), lenet.get_layer("C5"))


def test_masks_and_faces_go_on(tmp_path):
    mask = kcv.masks.DeepMask("small")
    mask.save(tmp_path / "model.keras")
    assert_same(kcv.masks.DeepMask("small", tmp_path), mask)
    people = kcv.faces.Identification(5)
    face = kcv.faces.DeepID(people, size="small")
    face.save(tmp_path / "model.keras")
    fewer = kcv.faces.Identification(3)
    other = kcv.faces.DeepID(fewer, size="small", weights=tmp_path)
    assert_same(other.network, face.network)


def test_classes_of_one_name_are_matched_in_their_order():
    rows = ClassRows(
        ("crane", "cat", "crane"), ("cat", "crane", "crane"), {"fc": 0}
    )
    variables = {"fc": [keras.Variable(np.zeros((1, 3)), name="kernel")]}
    weight = SourceWeight("x", "fc/kernel", np.array([[1.0, 2.0, 3.0]]))
    (fitted,) = rows.take(variables, [weight])
    assert np.asarray(fitted.value).tolist() == [[2.0, 1.0, 3.0]]


def test_layers_of_unknown_names_are_compared_by_shape():
    rows = ClassRows(("a", "b"), ("b", "c"), {"scores": 0})
    variables = {"scores": [keras.Variable(np.zeros((3, 2)), name="kernel")]}
    odd = SourceWeight("x", "scores/kernel", np.ones((3, 5)))
    other = SourceWeight("x", "conv/kernel", np.ones((3, 2)))
    assert rows.take(variables, [odd, other]) == [odd, other]
    assert not rows.taken


def test_the_log_names_what_the_model_has_no_place_for(tmp_path, caplog):
    basic = kcv.segmentation.SegNetBasic(2, filters=4, depth=2)
    basic.save(tmp_path / "basic.keras")
    with caplog.at_level(logging.INFO):
        kcv.segmentation.SegNetBasic(
            2, filters=4, depth=1, weights=tmp_path / "basic.keras"
        )
    assert caplog.messages[-1].endswith(
        "; 4 layers (conv2_1, conv2_1_bn, conv_decode2 and 1 more) of the "
        "file not used."
    )
