"""Interoperability with keras-cv: boxes, layers, models and cross-checks."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv

keras_cv = pytest.importorskip("keras_cv")

CLASSES = 8
TOLERANCE = 3  # pixels


def color(label):
    return 30 * (label + 1)


def painted_scenes():
    """Give two images of different sizes without end.

    Each object is a rectangle whose color tells its class.
    """

    def images():
        while True:
            for first, (height, width) in ((0, (90, 120)), (4, (130, 80))):
                image = np.zeros((height, width, 3), np.uint8)
                corners = np.array([[5, 8], [60, 10], [10, 50], [44, 60]])
                boxes = np.concatenate([corners, corners + [[30, 25]]], -1)
                boxes = np.minimum(boxes, [width, height, width, height])
                for number, (x1, y1, x2, y2) in enumerate(boxes):
                    image[y1:y2, x1:x2] = color(first + number), 255, 0
                yield {
                    "images": image,
                    "bounding_boxes": {
                        "boxes": boxes.astype(np.float32),
                        "labels": first + np.arange(4, dtype=np.int32),
                    },
                    "difficult": np.zeros(4, bool),
                    "is_crowd": np.zeros(4, bool),
                }

    def spec(dtype, *shape):
        return tf.TensorSpec(shape, dtype)

    return tf.data.Dataset.from_generator(
        images,
        output_signature={
            "images": spec(tf.uint8, None, None, 3),
            "bounding_boxes": {
                "boxes": spec(tf.float32, None, 4),
                "labels": spec(tf.int32, None),
            },
            "difficult": spec(tf.bool, None),
            "is_crowd": spec(tf.bool, None),
        },
    )


def check_boxes_follow_pixels(batch):
    """Compare boxes with the pixels of their color.

    The layers round boxes and images differently, and Mosaic enlarges images of
    height H, but not their boxes, by H / (H - 1).

    Returns:
        The number of boxes that were large enough to be compared.
    """
    images = np.asarray(batch["images"])
    all_boxes = np.asarray(batch["bounding_boxes"]["boxes"])
    all_labels = np.asarray(batch["bounding_boxes"]["labels"])
    compared = 0
    for image, boxes, labels in zip(images, all_boxes, all_labels, strict=True):
        # Resampling mixes the pixels at the edges of objects.
        solid = image[..., 1] > 254
        for label in range(CLASSES):
            painted = solid & (abs(image[..., 0] - color(label)) < 1)
            reached = np.zeros_like(painted)
            for box in boxes[labels == label]:
                x1, y1, x2, y2 = box.round().astype(int)
                reached[
                    max(y1 - TOLERANCE, 0) : y2 + TOLERANCE,
                    max(x1 - TOLERANCE, 0) : x2 + TOLERANCE,
                ] = True
                if min(x2 - x1, y2 - y1) <= 2 * TOLERANCE:
                    continue
                inside = painted[
                    y1 + TOLERANCE : y2 - TOLERANCE,
                    x1 + TOLERANCE : x2 - TOLERANCE,
                ]
                assert inside.all()
                compared += 1
            assert not (painted & ~reached).any()
    return compared


def flip_layer(rate=1.0):
    return keras_cv.layers.RandomFlip(
        "horizontal", rate=rate, bounding_box_format="xyxy", seed=1
    )


def resize_layer():
    return keras_cv.layers.JitteredResize(
        (96, 128), (0.75, 1.33), bounding_box_format="xyxy", seed=2
    )


def to_ragged_batches():
    return painted_scenes().map(kcv.data.to_keras_cv).ragged_batch(4)


PIPELINES = {
    "flip": lambda: to_ragged_batches().map(flip_layer()),
    "jittered resize": lambda: to_ragged_batches().map(resize_layer()),
    "mosaic": lambda: (
        to_ragged_batches()
        .map(resize_layer())
        .map(flip_layer(0.5))
        .map(keras_cv.layers.Mosaic(bounding_box_format="xyxy", seed=3))
    ),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_boxes_follow_the_pixels(name):
    keras.utils.set_random_seed(1)
    batches = PIPELINES[name]().map(kcv.data.from_keras_cv)
    compared = 0
    for batch in batches.take(3):
        compared += check_boxes_follow_pixels(batch)
    assert compared >= 20


def test_pipeline_ends_in_what_a_detector_takes():
    theirs = to_ragged_batches().map(kcv.data.from_keras_cv)
    ours = kcv.data.batch(painted_scenes(), 4)
    specs = [
        tf.nest.map_structure(
            lambda spec: (spec.dtype, spec.shape.rank), batches.element_spec
        )
        for batches in (
            theirs.map(kcv.data.detection_inputs),
            ours.map(kcv.data.detection_inputs),
        )
    ]
    assert specs[0] == specs[1]


def marked_example():
    return {
        "images": tf.zeros((20, 30, 3), tf.uint8),
        "bounding_boxes": {
            "boxes": tf.constant([[1.0, 2, 9, 8], [3, 4, 7, 9], [5, 5, 9, 9]]),
            "labels": tf.constant([2, 0, 1]),
        },
        "difficult": tf.constant([False, True, False]),
        "is_crowd": tf.constant([False, False, True]),
        "image_id": tf.constant("a"),
    }


def test_marked_objects_are_removed():
    found = kcv.data.to_keras_cv(marked_example())["bounding_boxes"]
    assert found["boxes"].numpy().tolist() == [[1, 2, 9, 8]]
    assert found["classes"].numpy().tolist() == [2]

    batch = tf.nest.map_structure(lambda x: x[None], marked_example())
    found = kcv.data.to_keras_cv(batch)["bounding_boxes"]
    assert found["classes"].numpy().tolist() == [[2, -1, -1]]
    assert found["boxes"].numpy()[0, 1:].tolist() == 2 * [4 * [-1]]
    assert keras_cv.bounding_box.validate_format(found)["is_batched"]


@pytest.mark.parametrize("batched", [False, True])
def test_round_trip(batched):
    scenes = kcv.data.digit_scenes("test").take(3)
    if batched:
        scenes = kcv.data.batch(scenes, 3, group_by_aspect=False)
    for example in scenes:
        found = kcv.data.from_keras_cv(kcv.data.to_keras_cv(example))
        np.testing.assert_array_equal(found["images"], example["images"])
        for key in ("boxes", "labels"):
            there = example["bounding_boxes"][key].numpy()
            back = found["bounding_boxes"][key].numpy()
            if batched:
                # One more row of padding.
                back = back[:, : there.shape[1]]
            np.testing.assert_array_equal(back, there)
        assert not found["difficult"].numpy().any()


def test_boxes_without_area_are_removed():
    batch = {
        "images": tf.zeros((1, 20, 30, 3)),
        "bounding_boxes": {
            "boxes": tf.constant([[[4.0, 4, 4, 9], [-1, -1, -1, -1]]]),
            "classes": tf.constant([[1.0, -1]]),
        },
    }
    found = kcv.data.from_keras_cv(batch)["bounding_boxes"]
    assert found["labels"].numpy().tolist() == [[-1]]
    assert found["boxes"].numpy().tolist() == [[[0, 0, 0, 0]]]


def random_boxes(count):
    rng = np.random.default_rng(4)
    corners = rng.uniform(0, 60, (count, 2))
    sides = rng.uniform(4, 50, (count, 2))
    return np.concatenate([corners, corners + sides], -1).astype(np.float32)


def test_iou_is_that_of_keras_cv():
    boxes = random_boxes(60)
    np.testing.assert_allclose(
        kcv.boxes.iou_matrix(boxes[:20], boxes[20:]),
        keras_cv.bounding_box.compute_iou(boxes[:20], boxes[20:], "xyxy"),
        atol=1e-6,
    )


def test_suppression_is_that_of_keras_cv():
    boxes = random_boxes(200)[None]
    scores = np.random.default_rng(5).uniform(0, 1, (1, 200)).astype("float32")
    indices, valid = kcv.layers.NonMaxSuppression(
        0.4, max_outputs=30, score_threshold=0.2
    )([boxes, scores])
    theirs = keras_cv.layers.NonMaxSuppression(
        bounding_box_format="xyxy",
        from_logits=False,
        iou_threshold=0.4,
        confidence_threshold=0.2,
        max_detections=30,
    )(boxes, scores[..., None], image_shape=(120, 120, 3))
    kept = np.asarray(indices)[np.asarray(valid)]
    count = int(theirs["num_detections"][0])
    assert len(kept) == count > 10
    np.testing.assert_array_equal(boxes[0, kept], theirs["boxes"][0, :count])
    np.testing.assert_array_equal(
        scores[0, kept], theirs["confidence"][0, :count]
    )


# Compiling these two models would take longer than their three eager steps.


@pytest.fixture(scope="module")
def backbone():
    model = kcv.classification.ResNet18(
        include_top=False, input_shape=(64, 64, 3)
    )
    model.pyramid_level_inputs = {
        "P2": "res2b_relu",
        "P3": "res3b_relu",
        "P4": "res4b_relu",
        "P5": "res5b_relu",
    }
    return model


IMAGES = np.random.default_rng(6).uniform(0, 255, (2, 64, 64, 3))


# RetinaNet names its input in a dictionary and trains on the bare images.
@pytest.mark.filterwarnings("ignore:(?s).*The structure of `inputs`")
def test_backbone_in_retinanet(backbone):
    model = keras_cv.models.RetinaNet(
        backbone=backbone, num_classes=4, bounding_box_format="xyxy"
    )
    model.compile(
        optimizer=keras.optimizers.SGD(0.01, global_clipnorm=10.0),
        box_loss="huber",
        classification_loss="focal",
        run_eagerly=True,
    )
    targets = {
        "boxes": np.float32([[[8, 8, 40, 40]], [[20, 10, 60, 50]]]),
        "classes": np.float32([[1], [3]]),
    }
    losses = model.fit(IMAGES, targets, epochs=3, verbose=0).history["loss"]
    assert losses[0] > losses[1] > losses[2]
    assert model.predict(IMAGES, verbose=0)["boxes"].shape == (2, 100, 4)


def test_backbone_in_deeplab(backbone):
    model = keras_cv.models.DeepLabV3Plus(backbone=backbone, num_classes=3)
    model.compile(
        "sgd",
        keras.losses.SparseCategoricalCrossentropy(ignore_class=255),
        run_eagerly=True,
    )
    masks = np.zeros((2, 64, 64), "int32")
    masks[:, 16:48, 16:48] = 1
    masks[:, :4] = 255
    losses = model.fit(IMAGES, masks, epochs=2, verbose=0).history["loss"]
    assert losses[0] > losses[1]
    assert model.predict(IMAGES, verbose=0).shape == (2, 64, 64, 3)
