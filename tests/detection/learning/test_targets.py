"""Objects of a batch, and the ground truth that nothing can be learned from."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.detection.learning.targets import get_objects
from kcv.detection.learning.targets import take


@pytest.fixture
def y():
    return {
        "boxes": np.array([[[8, 8, 40, 40], [5, 6, 9, 9], [0, 0, 0, 0]]], "f"),
        "labels": np.array([[2, 0, -1]]),
        "difficult": np.array([[True, False, False]]),
    }


def test_objects_and_one_to_point_at(y):
    objects = get_objects(y, classes=3)
    assert objects.boxes.dtype == "float32"
    assert objects.labels.dtype == "int32"
    np.testing.assert_array_equal(objects.boxes[:, :3], y["boxes"])
    assert objects.boxes[0, 3].numpy().tolist() == [0, 0, 0, 0]
    assert objects.labels.numpy().tolist() == [[2, 0, -1, -1]]
    assert objects.valid.numpy().tolist() == [[False, True, False, False]]


def test_difficult_objects_take_part_on_request_and_crowds_never(y):
    y["is_crowd"] = np.array([[False, True, False]])
    found = get_objects(y, keep_difficult=True).valid
    assert found.numpy().tolist() == [[True, False, False, False]]
    assert not get_objects(y).valid.numpy().any()


def test_an_image_without_rows():
    y = {"boxes": np.zeros((2, 0, 4)), "labels": np.zeros((2, 0))}
    assert get_objects(y, 3).labels.numpy().tolist() == [[-1], [-1]]


def _changed(y, row, box=None, label=None):
    if box is not None:
        y["boxes"][0, row] = box
    if label is not None:
        y["labels"][0, row] = label
    return y


WRONG = [
    (lambda y: _changed(y, 1, [9, 6, 9, 9]), "x1 < x2.*9 6 9 9"),
    (lambda y: _changed(y, 1, [5, 9, 9, 6]), r"x1 < x2.*5 9 9 6"),
    # Difficult objects, too.
    (lambda y: _changed(y, 0, [40, 8, 8, 40]), "x1 < x2.*40 8 8 40"),
    (lambda y: _changed(y, 0, [np.nan, 8, 8, 40]), "x1 < x2.*nan 8 8 40"),
    (lambda y: _changed(y, 1, label=3), "less than classes=3.*Received.*3"),
    (lambda y: _changed(y, 2, label=-2), "or -1 for padding.*-2"),
    (lambda y: {**y, "boxes": y["boxes"] / 64}, "in pixels.*0.125 0.125"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
@pytest.mark.parametrize("graph", [False, True])
def test_what_is_no_ground_truth_is_named_with_what_was_seen(
    y, change, message, graph
):
    function = tf.function(get_objects) if graph else get_objects
    # TensorFlow prints 5 and 5.0, with and without commas.
    message = re.sub(r"(?<=\d|n) (?=\d)", "(.0)?,? ", message)
    y = {key: tf.constant(value) for key, value in change(y).items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s){message}"):
        function(y, 3)


def test_a_pixel_in_the_corner_is_no_relative_box(y):
    y = _changed(y, 1, [0, 0, 1, 1])
    assert get_objects(y).valid.numpy().sum() == 1


def test_weights_survive_an_inverted_box(make_detector, batch):
    """The step fails before it changes anything."""
    x, y = batch
    y["boxes"][0, 0] = [40, 8, 8, 40]
    model = make_detector()
    model.compile(keras.optimizers.SGD(0.1))
    before = model.get_weights()
    with pytest.raises(tf.errors.InvalidArgumentError, match="x1 < x2"):
        model.fit(x, y, batch_size=2, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


@pytest.mark.parametrize("y", [None, np.zeros((1, 4)), {"boxes": 0}])
def test_what_is_no_dict_of_boxes_and_labels(y):
    with pytest.raises(ValueError, match="`y` must be a dict of `boxes` and"):
        get_objects(y)


def test_take_picks_rows_of_each_image():
    values = np.arange(12).reshape(2, 3, 2)
    found = take(values, [[2], [0]]).numpy()
    assert found.tolist() == [[[4, 5]], [[6, 7]]]
