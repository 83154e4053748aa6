"""Names, units and dtypes of what an export answers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.serving import TopClasses
from kcv.serving import detection_outputs
from kcv.serving import label_maps
from kcv.serving import pictures
from kcv.serving.outputs import choose_outputs
from kcv.serving.outputs import predictions_as_outputs
from kcv.serving.outputs import servable


def test_detections_by_hand():
    """An image of 50 rows and 200 columns."""
    predictions = {
        "boxes": tf.constant([[[20.0, 10, 100, 50], [0, 0, 0, 0]]]),
        "scores": tf.constant([[0.5, 0.0]]),
        "labels": tf.constant([[3, -1]]),
        "num_detections": tf.constant([1]),
    }
    named = detection_outputs(predictions, tf.constant([[50, 200]]))
    np.testing.assert_allclose(
        named["detection_boxes"], [[[0.2, 0.1, 1.0, 0.5], [0, 0, 0, 0]]]
    )
    assert named["detection_scores"].numpy().tolist() == [[0.5, 0.0]]
    assert named["detection_classes"].numpy().tolist() == [[4, 0]]
    assert named["num_detections"].numpy().tolist() == [1]


def test_landmarks_become_keypoints():
    predictions = {
        "boxes": tf.zeros([1, 1, 4]),
        "scores": tf.ones([1, 1]),
        "labels": tf.zeros([1, 1], tf.int32),
        "num_detections": tf.constant([1]),
        "landmarks": tf.constant([[[[20.0, 10.0], [100.0, 40.0]]]]),
    }
    named = detection_outputs(predictions, tf.constant([[50, 200]]))
    np.testing.assert_allclose(
        named["detection_keypoints"], [[[[0.2, 0.1], [0.8, 0.5]]]]
    )


def test_detections_are_named_by_their_labels():
    predictions = {
        "boxes": tf.zeros([1, 4, 4]),
        "scores": tf.zeros([1, 4]),
        "labels": tf.constant([[1, 0, 2, -1]]),
        "num_detections": tf.constant([3]),
    }
    sizes = tf.constant([[50, 200]])
    assert "class_names" not in detection_outputs(predictions, sizes)
    # A label beyond the names is no error.
    named = detection_outputs(predictions, sizes, ["cat", "chat"])
    names = named["class_names"].numpy().tolist()
    assert names == [[b"chat", b"cat", b"", b""]]


def test_each_image_has_its_own_size():
    boxes = tf.fill([2, 1, 4], 10.0)
    predictions = {
        "boxes": boxes,
        "scores": boxes[..., 0],
        "labels": tf.zeros([2, 1], tf.int32),
        "num_detections": tf.ones([2], tf.int32),
    }
    sizes = tf.constant([[10, 20], [40, 80]])
    found = detection_outputs(predictions, sizes)["detection_boxes"]
    np.testing.assert_allclose(
        found, [[[1, 0.5, 1, 0.5]], [[0.25, 0.125, 0.25, 0.125]]]
    )


def test_the_default_is_by_what_the_model_gives(detector):
    assert choose_outputs(detector) is detection_outputs
    images = keras.Input((4, 4, 3))
    assert choose_outputs(keras.Model(images, images)) is predictions_as_outputs
    model = keras.Model(images, {"boxes": images})
    assert choose_outputs(model) is predictions_as_outputs


def test_dtypes_that_json_carries():
    named = servable(
        {
            "bfloat16": tf.ones([1], tf.bfloat16),
            "float64": tf.ones([1], tf.float64),
            "int64": tf.ones([1], tf.int64),
            "uint8": tf.ones([1], tf.uint8),
        }
    )
    assert {name: t.dtype.name for name, t in named.items()} == {
        "bfloat16": "float32",
        "float64": "float32",
        "int64": "int32",
        "uint8": "uint8",
    }


def test_the_best_classes_are_named_in_order():
    outputs = TopClasses(["cat", "dog", "cow"], count=2)
    probabilities = tf.constant([[0.1, 0.6, 0.3], [0.4, 0.2, 0.4]])
    named = outputs(probabilities)
    np.testing.assert_array_equal(named["classes"], [[1, 2], [0, 2]])
    np.testing.assert_array_equal(
        named["class_names"], [[b"dog", b"cow"], [b"cat", b"cow"]]
    )
    np.testing.assert_allclose(named["scores"], [[0.6, 0.3], [0.4, 0.4]])
    np.testing.assert_array_equal(named["probabilities"], probabilities)


def test_as_many_classes_as_there_are():
    assert TopClasses(["cat"], 5)(tf.ones((2, 1)))["classes"].shape == (2, 1)


def test_names_that_do_not_fit():
    with pytest.raises(ValueError, match="3 classes. Received 2 names"):
        TopClasses(["cat", "dog"])(tf.ones((1, 3)))
    with pytest.raises(ValueError, match="count=0"):
        TopClasses(["cat"], 0)


def test_pictures_are_clipped_and_rounded():
    values = tf.constant([-7.0, 0.4, 0.6, 254.6, 300.0])
    named = pictures(tf.reshape(values, (1, 1, 5, 1)))
    assert named["images"].dtype == tf.uint8
    assert named["images"].numpy().ravel().tolist() == [0, 0, 1, 255, 255]


def test_label_maps_name_and_score():
    probabilities = [[[0.2, 0.7, 0.1], [0.5, 0.3, 0.2]]]
    named = label_maps(tf.math.log([probabilities]))
    assert named["labels"].dtype == tf.uint8
    assert named["labels"].numpy().tolist() == [[[1, 0]]]
    np.testing.assert_allclose(named["scores"], [[[0.7, 0.5]]], rtol=1e-5)
    np.testing.assert_allclose(
        named["class_scores"], [[0.5, 0.7, 0.2]], rtol=1e-5
    )


def test_label_maps_list_the_names():
    logits = tf.zeros([2, 3, 4, 2])
    assert "class_names" not in label_maps(logits)
    names = label_maps(logits, class_names=["background", "é"])["class_names"]
    assert names.numpy().tolist() == 2 * [[b"background", "é".encode()]]
    with pytest.raises(ValueError, match="2 classes. Received 1 names"):
        label_maps(logits, class_names=["background"])
