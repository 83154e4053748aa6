"""Predictions of a planted detector, brought back to original pixels."""

import keras
import numpy as np
import pytest

from kcv.metrics.collect import collect_detections
from kcv.metrics.voc import voc_average_precision


@keras.saving.register_keras_serializable("kcv_tests")
class Planted(keras.layers.Layer):
    """Read the answer from the image: rows of x1 y1 x2 y2 score label."""

    def call(self, images):
        rows = images[:, :, :6, 0]  # (B, M, 6)
        count = keras.ops.sum(rows[..., 4] > 0, axis=1)
        return {
            "boxes": rows[..., :4],
            "scores": rows[..., 4],
            "labels": keras.ops.cast(rows[..., 5], "int32"),
            "num_detections": keras.ops.cast(count, "int32"),
        }


def detector():
    images = keras.Input((None, None, 3), name="images")
    sizes = keras.Input((2,), dtype="int32", name="image_sizes")
    inputs = {"images": images, "image_sizes": sizes}
    return keras.Model(inputs, Planted()(images))


def batch(ids, truths, founds, scales, canvas=8):
    """Pad lists of rows as `kcv.data.batch` does."""
    size = len(ids)
    images = np.zeros((size, canvas, canvas, 3), np.float32)
    images[:, :, 5] = -1  # labels of padded detections
    boxes = np.zeros((size, 3, 4), np.float32)
    labels = np.full((size, 3), -1, np.int32)
    difficult = np.zeros((size, 3), bool)
    for i, (truth, found) in enumerate(zip(truths, founds, strict=True)):
        for k, (*box, label, hard) in enumerate(truth):
            boxes[i, k], labels[i, k], difficult[i, k] = box, label, hard
        for k, row in enumerate(found):
            images[i, k, :6, 0] = row
    return {
        "images": images,
        "image_sizes": np.full((size, 2), canvas, np.int32),
        "image_id": np.array([name.encode() for name in ids], object),
        "bounding_boxes": {"boxes": boxes, "labels": labels},
        "difficult": difficult,
        "is_crowd": np.zeros((size, 3), bool),
        "scale": np.array(scales, np.float32),
    }


BATCHES = [
    batch(
        ["a", "b"],
        [[(0, 0, 10, 20, 0, 0), (4, 4, 8, 8, 2, 1)], []],
        [[(0, 0, 10, 18, 0.75, 0)], []],
        [2.0, 0.5],
    ),
    # A last batch of another size, on another canvas.
    batch(
        ["c"],
        [[(1, 2, 3, 4, 1, 0)]],
        [[(1, 2, 3, 4, 0.5, 1), (0, 0, 1, 1, 0.25, 0)]],
        [0.5],
        canvas=10,
    ),
]


def test_padding_goes_and_original_pixels_come_back():
    ground_truth, detections = collect_detections(detector(), BATCHES)
    assert list(ground_truth) == list(detections) == ["a", "b", "c"]
    truth, found = ground_truth["a"], detections["a"]
    np.testing.assert_array_equal(truth["boxes"], [[0, 0, 5, 10], [2, 2, 4, 4]])
    np.testing.assert_array_equal(truth["labels"], [0, 2])
    np.testing.assert_array_equal(truth["difficult"], [False, True])
    np.testing.assert_array_equal(found["boxes"], [[0, 0, 5, 9]])
    np.testing.assert_array_equal(found["scores"], [0.75])
    np.testing.assert_array_equal(found["labels"], [0])
    assert len(ground_truth["b"]["boxes"]) == len(detections["b"]["boxes"]) == 0
    np.testing.assert_array_equal(ground_truth["c"]["boxes"], [[2, 4, 6, 8]])
    np.testing.assert_array_equal(detections["c"]["labels"], [1, 0])
    result = voc_average_precision(ground_truth, detections)
    assert result["average_precision"][0] == 1
    assert result["average_precision"][1] == 1


def test_pixels_of_the_resized_image_on_request():
    ground_truth, detections = collect_detections(
        detector(), BATCHES, original_pixels=False
    )
    np.testing.assert_array_equal(detections["a"]["boxes"], [[0, 0, 10, 18]])
    np.testing.assert_array_equal(ground_truth["c"]["boxes"], [[1, 2, 3, 4]])


def test_a_tf_dataset_gives_the_same():
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(BATCHES[0]).batch(1)
    _, detections = collect_detections(detector(), dataset)
    assert list(detections) == ["a", "b"]
    np.testing.assert_array_equal(detections["a"]["boxes"], [[0, 0, 5, 9]])


def test_a_model_is_given_the_proposals_of_the_batch():
    class Returned(keras.Model):
        """A detector that answers with its proposals."""

        def call(self, inputs):
            boxes = inputs["proposals"]
            return {
                "boxes": boxes,
                "scores": keras.ops.ones_like(boxes[..., 0]),
                "labels": keras.ops.zeros_like(boxes[..., 0], "int32"),
                "num_detections": keras.ops.sum(
                    keras.ops.cast(boxes[..., 2] > 0, "int32"), axis=1
                ),
            }

    proposals = np.zeros((2, 3, 4), np.float32)
    proposals[0, :2] = [[0, 0, 4, 8], [2, 2, 6, 6]]
    with_proposals = {**BATCHES[0], "proposals": proposals}
    _, detections = collect_detections(Returned(), [with_proposals])
    assert detections["a"]["boxes"].tolist() == [[0, 0, 2, 4], [1, 1, 3, 3]]
    assert detections["b"]["boxes"].shape == (0, 4)


def test_an_id_that_comes_twice_raises():
    with pytest.raises(ValueError, match="'a' occurs twice.*repeat"):
        collect_detections(detector(), BATCHES[:1] * 2)


def test_an_empty_data_set_raises():
    with pytest.raises(ValueError, match="not a single batch"):
        collect_detections(detector(), [])
