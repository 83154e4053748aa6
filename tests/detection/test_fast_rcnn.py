"""Fast R-CNN learns from given proposals and finds by them."""

from inspect import signature

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv import boxes as geometry
from kcv.detection import BoxNormalization
from kcv.detection import DetectionSelection
from kcv.detection import FastRCNN
from kcv.detection import RoISampling


def test_the_defaults_are_the_papers(make_fast):
    assert signature(FastRCNN).parameters["backbone"].default == "vgg16"
    model = FastRCNN(2, make_fast().parts)
    assert model.roi_sampling == RoISampling(64, 0.25, 0.5, (0.1, 0.5))
    assert model.detections == DetectionSelection(0.05, 0.3, 100)


def test_it_finds_what_it_was_trained_on(make_fast, proposed):
    x, y = proposed
    model = make_fast()
    rate = keras.optimizers.schedules.CosineDecay(5e-3, 200)
    model.compile(keras.optimizers.Adam(rate))
    batches = tf.data.Dataset.from_tensors((x, y)).repeat()
    history = model.fit(
        batches, steps_per_epoch=200, shuffle=False, verbose=0
    ).history
    assert set(history) == {"loss", "cls_loss", "bbox_loss"}
    total = np.add(history["cls_loss"], history["bbox_loss"])
    np.testing.assert_allclose(history["loss"], total, rtol=1e-5)
    found = model.predict(x, verbose=0)
    order = np.argsort(found["labels"][0, :2])
    assert found["labels"][0, :2][order].tolist() == [0, 2]
    boxes = found["boxes"][0, :2][order]
    np.testing.assert_allclose(boxes, y["boxes"][0, [1, 0]], atol=4)
    assert (found["scores"][1] < 0.5).all()


def test_two_images_are_two_of_one(make_fast, proposed):
    x, _ = proposed
    model = make_fast(detections=DetectionSelection(0.02))
    together = model.predict(x, verbose=0)
    assert together["num_detections"].min() > 0
    for i, (height, width) in enumerate(x["image_sizes"]):
        alone = model.predict(
            {
                "images": x["images"][i : i + 1, :height, :width],
                "proposals": x["proposals"][i : i + 1],
            },
            verbose=0,
        )
        for key, value in alone.items():
            np.testing.assert_allclose(
                together[key][i], value[0], rtol=1e-4, atol=1e-3, err_msg=key
            )


def test_no_proposals_find_nothing(make_fast, proposed):
    x, y = proposed
    model = make_fast(detections=DetectionSelection(0.0))
    # Padding, and a box beyond the image.
    x["proposals"][:] = 0
    x["proposals"][:, 0] = [200, 10, 240, 40]
    found = model.predict(x, verbose=0)
    assert found["num_detections"].tolist() == [0, 0]
    # Objects are regions all the same.
    model.compile(keras.optimizers.Adam(1e-3))
    loss = model.fit(x, y, batch_size=2, verbose=0).history["loss"]
    assert np.isfinite(loss).all()


def test_targets_normalised_by_class_are_the_same_boxes(make_fast, proposed):
    x, _ = proposed
    rng = np.random.default_rng(0)
    mean, std = rng.normal(0, 0.05, (3, 4)), rng.uniform(0.05, 0.3, (3, 4))
    normalized = make_fast(
        box_normalization=BoxNormalization(mean, std),
        detections=DetectionSelection(0.02),
    )
    plain = make_fast(
        box_normalization=BoxNormalization(np.zeros(4), np.ones(4)),
        detections=DetectionSelection(0.02),
    )
    plain.set_weights(normalized.get_weights())
    kernel, bias = normalized.head.bbox_pred.get_weights()
    bias = rng.normal(0, 0.3, bias.shape)
    normalized.head.bbox_pred.set_weights([kernel, bias])
    # As the reference does when it writes a snapshot.
    scale = np.concatenate([np.ones((1, 4)), std]).ravel()
    shift = np.concatenate([np.zeros((1, 4)), mean]).ravel()
    plain.head.bbox_pred.set_weights([kernel * scale, bias * scale + shift])
    expected, found = (m.predict(x, verbose=0) for m in (normalized, plain))
    assert expected["num_detections"].min() > 0
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x["images"], "dict of `images`, `proposals`"),
        (lambda x: {"images": x["images"]}, r"Received: \['images'\]"),
        (
            lambda x: {**x, "proposals": x["proposals"][:, :7]},
            "max_proposals=30 rows.*Received: 7 rows",
        ),
    ],
)
def test_what_it_is_not_called_with(make_fast, proposed, change, message):
    model = make_fast(max_proposals=30)
    with pytest.raises(ValueError, match=message):
        model(change(proposed[0]))


def test_every_part_receives_gradients(make_fast, proposed):
    model = make_fast()
    x, y = tf.nest.map_structure(tf.constant, proposed)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y)
    variables = model.trainable_variables
    for variable, gradient in zip(
        variables, tape.gradient(loss, variables), strict=True
    ):
        assert np.abs(gradient).max() > 0, variable.path


def test_the_papers_sample(make_fast, proposed, monkeypatch):
    """64 of an image, a quarter foreground, background of IoU [0.1, 0.5)."""
    x, y = proposed
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, [70, 40], (2, 900, 2))
    sides = rng.uniform(12, 45, (2, 900, 2))
    x["proposals"] = np.concatenate([corner, corner + sides], -1)
    x["proposals"] = np.minimum(x["proposals"], [96, 64, 96, 64])
    model = make_fast(roi_sampling=RoISampling(64, bg_iou=(0.1, 0.5)))
    seen = {}
    call = model.head.call

    def look(inputs, training=False):
        seen["regions"] = inputs[2]
        return call(inputs, training=training)

    monkeypatch.setattr(model.head, "call", look)
    model.compute_loss(x, y)
    regions = seen["regions"].numpy()
    assert regions.shape == (2, 64, 4)
    overlap = geometry.iou_matrix(regions[0], y["boxes"][0, :2]).numpy().max(1)
    assert (overlap[:16] >= 0.5).all()
    assert (overlap[16:] >= 0.1).all()
    assert (overlap[16:] < 0.5).all()


def test_padding_and_what_lies_outside_is_not_detected(make_fast, proposed):
    x, _ = proposed
    model = make_fast(classes=1, detections=DetectionSelection(float("-inf")))
    boxes = [[90, 5, 99, 60], [0, 0, 0, 0], [5, 5, 5, 60], [75, 5, 90, 20]]
    x["proposals"] = np.array([boxes] * 2, "float32")
    # The second image ends at column 70.
    found = model.predict(x, verbose=0)["num_detections"]
    assert found.tolist() == [2, 0]
    x["proposals"] = x["proposals"][:, :0]
    assert model.predict(x, verbose=0)["num_detections"].tolist() == [0, 0]


def test_scores_are_the_heads_and_boxes_are_decoded_per_class(
    make_fast, proposed
):
    """Boxes far apart: nothing is suppressed, so that every one is seen."""
    x, _ = proposed
    rng = np.random.default_rng(2)
    mean = rng.normal(0, 0.1, (3, 4)).astype("float32")
    std = rng.uniform(0.1, 0.3, (3, 4)).astype("float32")
    model = make_fast(
        box_normalization=BoxNormalization(mean, std),
        detections=DetectionSelection(float("-inf")),
    )
    model.head.bbox_pred.kernel.assign(
        rng.normal(0, 0.3, model.head.bbox_pred.kernel.shape)
    )
    corners = np.stack(np.meshgrid([2, 34, 66], [3, 35]), -1).reshape(-1, 2)
    boxes = np.hstack([corners, corners + 20]).astype("float32")
    x = {"images": x["images"][:1], "proposals": boxes[None]}
    found = model.predict(x, verbose=0)
    features, sizes, _ = model.trunk(model.preprocessing(x["images"]))
    logits, deltas = model.head([features, sizes, x["proposals"]])
    logits, deltas = logits.numpy()[0], deltas.numpy().reshape(6, 4, 4)
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    count = found["num_detections"][0]
    assert count > 6
    for row in range(count):
        label = found["labels"][0, row]
        gap = np.abs(scores[:, label + 1] - found["scores"][0, row])
        own = gap.argmin()
        assert gap[own] < 1e-6
        expected = geometry.decode(
            deltas[own, label + 1] * std[label] + mean[label], boxes[own]
        )
        np.testing.assert_allclose(
            found["boxes"][0, row],
            np.clip(expected, 0, [96, 64, 96, 64]),
            atol=1e-3,
        )


def test_box_targets_are_normalised_per_class(make_fast, proposed):
    """All regions are taken, and the head predicts no change at all."""
    x, y = proposed
    mean = np.array([[0.1, 0, 0, 0], [9, 9, 9, 9], [0, 0.2, 0.1, -0.1]])
    std = np.array([[0.1, 0.2, 0.3, 0.4], [9, 9, 9, 9], [0.2, 0.1, 0.4, 0.3]])
    model = make_fast(
        roi_sampling=RoISampling(60, fg_fraction=1.0),
        box_normalization=BoxNormalization(mean, std),
    )
    zeros = [np.zeros_like(w) for w in model.head.bbox_pred.get_weights()]
    model.head.bbox_pred.set_weights(zeros)
    x = {key: value[:1] for key, value in x.items()}
    y = {key: value[:1] for key, value in y.items()}
    model.compute_loss(x, y)
    objects, labels = y["boxes"][0, :2], y["labels"][0, :2]
    seen = np.minimum(x["proposals"][0, :25], [96, 64, 96, 64])
    regions = np.concatenate([np.maximum(seen, 0), objects])
    overlap = geometry.iou_matrix(regions, objects).numpy()
    total = 0.0
    for region, row in zip(regions.astype("float64"), overlap, strict=True):
        if row.max() >= 0.5:
            target, label = objects[row.argmax()], labels[row.argmax()]
            side, other = region[2:] - region[:2], target[2:] - target[:2]
            shift = (target[:2] + other / 2 - region[:2] - side / 2) / side
            delta = np.concatenate([shift, np.log(other / side)])
            error = np.abs((delta - mean[label]) / std[label])
            total += np.where(error < 1, error**2 / 2, error - 0.5).sum()
    assert total > 0
    values = {metric.name: float(metric.result()) for metric in model.metrics}
    assert values["bbox_loss"] == pytest.approx(total / len(regions), rel=1e-4)


def test_difficult_objects_are_learned_on_request(make_fast, proposed):
    x, y = proposed
    y["difficult"] = y["labels"] >= 0
    for keep_difficult in (False, True):
        model = make_fast(keep_difficult=keep_difficult)
        model.compute_loss(x, y)
        bbox_loss = float(model.loss_trackers["bbox_loss"].result())
        assert (bbox_loss > 0) == keep_difficult


def test_the_loss_is_of_images_or_of_regions(make_fast, proposed):
    """All regions are taken, so that no chance is left."""
    x, y = proposed
    sampling = RoISampling(60, fg_fraction=1.0)
    model = make_fast(roi_sampling=sampling)
    alone = [
        float(
            model.compute_loss(
                {key: value[i : i + 1] for key, value in x.items()},
                {key: value[i : i + 1] for key, value in y.items()},
                training=False,
            )
        )
        for i in range(2)
    ]
    regions = np.clip(x["proposals"], 0, [[[96, 64] * 2], [[70, 50] * 2]])
    count = (regions[..., 2:] > regions[..., :2]).all(-1).sum(1) + [2, 0]
    assert count[0] != count[1]
    for average, weights in (("image", None), ("region", count)):
        model = make_fast(roi_sampling=sampling, loss_average=average)
        together = float(model.compute_loss(x, y, training=False))
        expected = np.average(alone, weights=weights)
        assert together == pytest.approx(expected, rel=1e-4)
    with pytest.raises(ValueError, match="`loss_average` must be"):
        make_fast(loss_average="batch")


def test_mixed_precision_keeps_proposals_exact(make_fast):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make_fast(
            classes=1, detections=DetectionSelection(float("-inf"))
        )
    finally:
        keras.config.set_dtype_policy("float32")
    zeros = [np.zeros_like(w) for w in model.head.bbox_pred.get_weights()]
    model.head.bbox_pred.set_weights(zeros)
    # No bfloat16 is 513.
    x = {
        "images": np.zeros((1, 40, 600, 3), "float32"),
        "proposals": np.array([[[513, 3, 545, 29]]], "float32"),
    }
    found = model.predict(x, verbose=0)
    np.testing.assert_array_equal(found["boxes"][0, 0], [513, 3, 545, 29])


def test_published_weights_reach_the_trunk(vgg16_file):
    model = FastRCNN(2, "vgg16", weights=vgg16_file)
    original = keras.applications.VGG16(weights=None, include_top=False)
    original.load_weights(vgg16_file)
    np.testing.assert_array_equal(
        model.parts.trunk.get_layer("conv5_3").kernel,
        original.get_layer("block5_conv3").kernel.numpy(),
    )
    assert not model.parts.trunk.get_layer("conv2_2").trainable
