"""A model that is given its regions is served with them."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from export import native
from kcv.serving import CenterCrop
from kcv.serving import ShortSide
from kcv.serving import publish
from kcv.serving.preparation import scale_places


class _Echo(keras.layers.Layer):
    """Answer with the very regions, scored by the image's mean."""

    def call(self, inputs):
        images, boxes = inputs
        scores = tf.reduce_mean(images, (1, 2, 3))[:, None]
        return {
            "boxes": boxes,
            "scores": scores + tf.zeros_like(boxes[..., 0]),
            "labels": tf.zeros_like(boxes[..., 0], tf.int32),
            "num_detections": tf.reduce_sum(
                tf.cast(boxes[..., 2] > boxes[..., 0], tf.int32), axis=1
            ),
        }

    def compute_output_spec(self, inputs):
        batch, count, _ = inputs[1].shape
        return {
            "boxes": keras.KerasTensor((batch, count, 4)),
            "scores": keras.KerasTensor((batch, count)),
            "labels": keras.KerasTensor((batch, count), "int32"),
            "num_detections": keras.KerasTensor((batch,), "int32"),
        }


def _echo(count=None):
    inputs = {
        "images": keras.Input((None, None, 3), name="images"),
        "image_sizes": keras.Input((2,), dtype="int32", name="image_sizes"),
        "proposals": keras.Input((count, 4), name="proposals"),
    }
    outputs = _Echo()([inputs["images"], inputs["proposals"]])
    return keras.Model(inputs, outputs, name="echo")


@pytest.fixture(
    scope="module", params=[False, True], ids=["variables", "frozen"]
)
def version(request, tmp_path_factory):
    return publish(
        _echo(),
        tmp_path_factory.mktemp("echo"),
        prepare=ShortSide(30, 50),
        freeze=request.param,
    )


def test_description(version):
    text = (version / "assets.extra" / "kcv.json").read_text()
    signatures = json.loads(text)["signatures"]
    proposals = {"dtype": "float32", "shape": [None, None, 4]}
    assert signatures["serving_bytes"]["inputs"] == {
        "image_bytes": {"dtype": "string", "shape": [None]},
        "proposals": proposals,
    }
    assert signatures["serving_default"]["inputs"] == {
        "images": {"dtype": "float32", "shape": [None, None, None, 3]},
        "proposals": proposals,
    }


def test_encoded_images_of_two_sizes_scale_their_own_proposals(
    version, program
):
    """Boxes over sides are the same before and after scaling."""
    shapes = np.array([[60, 80], [90, 40]])
    encoded = [
        tf.io.encode_png(np.full((*shape, 3), 7, np.uint8)).numpy()
        for shape in shapes
    ]
    boxes = np.zeros((2, 3, 4), np.float32)
    boxes[0, :2] = [[8, 6, 80, 60], [0, 0, 40, 15]]
    boxes[1, :1] = [[10, 9, 20, 45]]
    answer = native.run(
        program,
        version,
        "serving_bytes",
        {"image_bytes": encoded, "proposals": boxes},
    )
    expected = np.zeros((2, 3, 4))  # y1, x1, y2, x2
    expected[0, :2] = [[0.1, 0.1, 1, 1], [0, 0, 0.25, 0.5]]
    expected[1, :1] = [[0.1, 0.25, 0.5, 0.5]]
    np.testing.assert_allclose(answer["detection_boxes"], expected, atol=1e-6)
    assert answer["num_detections"].tolist() == [2, 1]
    assert answer["image_shape"].tolist() == shapes.tolist()


@pytest.mark.parametrize("count", [0, 5])
def test_float_images_leave_proposals_as_they_are(version, program, count):
    boxes = np.random.default_rng(0).uniform(0, 20, (2, count, 4))
    answer = native.run(
        program,
        version,
        "serving_default",
        {
            "images": np.ones((2, 20, 20, 3), np.float32),
            "proposals": boxes.astype(np.float32),
        },
    )
    np.testing.assert_allclose(
        answer["detection_boxes"], boxes[..., [1, 0, 3, 2]] / 20, rtol=1e-6
    )


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (np.zeros((1, 5, 4)), "each image of the batch needs its row"),
        (np.zeros((2, 5, 3)), "not compatible with expected"),
        (np.zeros((2, 4)), "not compatible with expected"),
    ],
)
def test_proposals_that_do_not_fit(version, boxes, message):
    run = tf.saved_model.load(str(version)).signatures["serving_default"]
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        run(
            images=tf.ones([2, 8, 8, 3]),
            proposals=tf.constant(boxes, tf.float32),
        )


def test_a_fixed_number_of_proposals(tmp_path):
    version = publish(_echo(count=3), tmp_path)
    run = tf.saved_model.load(str(version)).signatures["serving_default"]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[\?,3,4\]"):
        run(images=tf.ones([1, 8, 8, 3]), proposals=tf.zeros([1, 4, 4]))


def test_a_crop_is_refused(tmp_path):
    with pytest.raises(ValueError, match="prepare=CenterCrop"):
        publish(_echo(), tmp_path, prepare=CenterCrop(32, 32))


def test_proposals_follow_roundings_as_training_boxes_do():
    """500 x 333 pixels at a short side of 100 are 150 x 100."""
    boxes = tf.constant([[[0.0, 0, 500, 333], [50, 111, 250, 222]]])
    scaled = scale_places(
        boxes, tf.constant([[333, 500]]), tf.constant([[100, 150]])
    )
    expected = [[[0, 0, 150, 100], [15, 100 / 3, 75, 200 / 3]]]
    np.testing.assert_allclose(scaled, expected, rtol=1e-6)
