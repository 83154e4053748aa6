import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.boxes import decode
from kcv.boxes import iou_matrix
from kcv.detection import FastRCNN

LOSSES = {"loss", "cls_loss", "bbox_loss"}


@pytest.fixture
def trained(make_fast_rcnn, given):
    model = make_fast_rcnn(score_threshold=0.02)
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(*given, batch_size=2, epochs=20, verbose=0)
    return model


def test_fit_shows_the_two_losses_and_they_fall(make_fast_rcnn, given):
    model = make_fast_rcnn()
    model.compile(keras.optimizers.Adam(3e-3))
    history = model.fit(*given, batch_size=2, epochs=25, verbose=0).history
    assert set(history) == LOSSES
    parts = np.array(history["cls_loss"]) + history["bbox_loss"]
    np.testing.assert_allclose(history["loss"], parts, rtol=1e-5)
    assert history["loss"][-1] < 0.6 * history["loss"][0]
    assert set(model.evaluate(*given, verbose=0, return_dict=True)) == LOSSES


def test_every_part_receives_gradients(make_fast_rcnn, given):
    model = make_fast_rcnn()
    x, y = tf.nest.map_structure(tf.constant, given)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y)
    variables = model.trainable_variables
    for variable, gradient in zip(
        variables, tape.gradient(loss, variables), strict=True
    ):
        assert np.abs(gradient).max() > 0, variable.path


def test_the_papers_sample(make_fast_rcnn, given, monkeypatch):
    """64 of an image, a quarter foreground, background of IoU [0.1, 0.5)."""
    x, y = given
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, [70, 40], (2, 900, 2))
    sides = rng.uniform(12, 45, (2, 900, 2))
    x["proposals"] = np.concatenate([corner, corner + sides], -1)
    x["proposals"] = np.minimum(x["proposals"], [96, 64, 96, 64])
    model = make_fast_rcnn(roi_batch=64)
    seen = {}
    call = model.head.call

    def look(inputs, training=False):
        seen["regions"] = inputs[2]
        return call(inputs, training=training)

    monkeypatch.setattr(model.head, "call", look)
    model.compute_loss(x, y)
    regions = seen["regions"].numpy()
    assert regions.shape == (2, 64, 4)
    overlap = iou_matrix(regions[0], y["boxes"][0, :2]).numpy().max(1)
    assert (overlap[:16] >= 0.5).all()
    assert (overlap[16:] >= 0.1).all()
    assert (overlap[16:] < 0.5).all()


def test_objects_are_regions_too(make_fast_rcnn, given):
    x, y = given
    x["proposals"] = np.zeros_like(x["proposals"])
    model = make_fast_rcnn()
    model.compute_loss(x, y)
    values = {metric.name: float(metric.result()) for metric in model.metrics}
    # Nothing but foreground: the box targets of objects are zeros.
    assert values["cls_loss"] > 0.5
    assert values["bbox_loss"] < 0.05


def test_finds_what_it_was_trained_on(make_fast_rcnn, given):
    x, y = given
    model = make_fast_rcnn(roi_batch=32, roi_fg_fraction=0.5)
    rate = keras.optimizers.schedules.CosineDecay(5e-3, 100)
    model.compile(keras.optimizers.Adam(rate))
    model.fit(x, y, batch_size=2, epochs=100, verbose=0)
    found = model.predict(x, verbose=0)
    order = np.argsort(found["labels"][0, :2])
    assert found["labels"][0, :2][order].tolist() == [0, 2]
    np.testing.assert_allclose(
        found["boxes"][0, :2][order], y["boxes"][0, [1, 0]], atol=3
    )


def test_images_of_a_padded_batch_give_what_they_give_alone(trained, given):
    x, _ = given
    x["images"][1, 50:] = 200  # what stands in the padding must not matter
    together = trained.predict(x, verbose=0)
    assert together["num_detections"].min() > 0
    for i, (height, width) in enumerate(x["image_sizes"]):
        alone = trained.predict(
            {
                "images": x["images"][i : i + 1, :height, :width],
                "proposals": x["proposals"][i : i + 1, :20],
            },
            verbose=0,
        )
        for key, value in alone.items():
            np.testing.assert_allclose(
                together[key][i], value[0], rtol=1e-5, atol=1e-3, err_msg=key
            )


def test_padding_and_what_lies_outside_is_not_detected(make_fast_rcnn, given):
    x, _ = given
    model = make_fast_rcnn(classes=1, score_threshold=float("-inf"))
    boxes = [[90, 5, 99, 60], [0, 0, 0, 0], [5, 5, 5, 60], [75, 5, 90, 20]]
    x["proposals"] = np.array([boxes] * 2, "float32")
    # The second image ends at column 70.
    found = model.predict(x, verbose=0)["num_detections"]
    assert found.tolist() == [2, 0]
    x["proposals"] = x["proposals"][:, :0]
    assert model.predict(x, verbose=0)["num_detections"].tolist() == [0, 0]


def test_scores_are_the_heads_and_boxes_are_decoded_per_class(
    make_fast_rcnn, given
):
    """Boxes far apart: nothing is suppressed, so that every one is seen."""
    x, _ = given
    rng = np.random.default_rng(2)
    mean = rng.normal(0, 0.1, (3, 4)).astype("float32")
    std = rng.uniform(0.1, 0.3, (3, 4)).astype("float32")
    model = make_fast_rcnn(
        box_mean=mean, box_std=std, score_threshold=float("-inf")
    )
    model.head.bbox_pred.kernel.assign(
        rng.normal(0, 0.3, model.head.bbox_pred.kernel.shape)
    )
    corners = np.stack(np.meshgrid([2, 34, 66], [3, 35]), -1).reshape(-1, 2)
    boxes = np.hstack([corners, corners + 20]).astype("float32")
    x = {"images": x["images"][:1], "proposals": boxes[None]}
    found = model.predict(x, verbose=0)
    features, sizes, _ = model.trunk(model.normalization(x["images"]))
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
        expected = decode(
            deltas[own, label + 1] * std[label] + mean[label], boxes[own]
        )
        np.testing.assert_allclose(
            found["boxes"][0, row],
            np.clip(expected, 0, [96, 64, 96, 64]),
            atol=1e-3,
        )


def test_box_targets_are_normalised_per_class(make_fast_rcnn, given):
    """All regions are taken, and the head predicts no change at all."""
    x, y = given
    mean = np.array([[0.1, 0, 0, 0], [9, 9, 9, 9], [0, 0.2, 0.1, -0.1]])
    std = np.array([[0.1, 0.2, 0.3, 0.4], [9, 9, 9, 9], [0.2, 0.1, 0.4, 0.3]])
    model = make_fast_rcnn(
        roi_batch=60,
        roi_fg_fraction=1.0,
        roi_bg_iou=(0.0, 0.5),
        box_mean=mean,
        box_std=std,
    )
    zeros = [np.zeros_like(w) for w in model.head.bbox_pred.get_weights()]
    model.head.bbox_pred.set_weights(zeros)
    x = {key: value[:1] for key, value in x.items()}
    y = {key: value[:1] for key, value in y.items()}
    model.compute_loss(x, y)
    objects, labels = y["boxes"][0, :2], y["labels"][0, :2]
    regions = np.concatenate([x["proposals"][0, :20], objects])
    overlap = iou_matrix(regions, objects).numpy()
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


def test_save_and_load_without_custom_objects(make_fast_rcnn, given, tmp_path):
    x, y = given
    std = np.full((3, 4), 0.3, "float32")
    model = make_fast_rcnn(box_std=std, max_proposals=24, score_threshold=0.0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.settings() == model.settings()
    expected = model.predict(x, verbose=0)
    for key, value in again.predict(x, verbose=0).items():
        np.testing.assert_array_equal(value, expected[key])
    again.compile("sgd")
    again.fit(x, y, batch_size=2, verbose=0)


def test_mixed_precision_keeps_proposals_exact(make_fast_rcnn):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make_fast_rcnn(classes=1, score_threshold=float("-inf"))
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


def test_the_vgg16_of_the_paper():
    model = FastRCNN(20)
    assert sum(
        v.value.shape.num_elements() for v in model.trainable_variables
    ) == ((138_357_544 - 4_097_000) + (4096 * 21 + 21) + (4096 * 84 + 84))
    settings = model.settings()
    expected = {
        "roi_batch": 64,
        "roi_fg_fraction": 0.25,
        "roi_fg_iou": 0.5,
        "roi_bg_iou": (0.1, 0.5),
        "score_threshold": 0.05,
        "detection_iou": 0.3,
        "max_detections": 100,
    }
    assert {key: settings[key] for key in expected} == expected


def test_published_weights_reach_the_trunk(shared):
    file = shared / "weights" / "vgg16_imagenet_notop.weights.h5"
    if not file.exists():
        pytest.skip("the published weights of VGG-16 are not here")
    model = FastRCNN(2, "vgg16", weights=file)
    original = keras.applications.VGG16(weights=None, include_top=False)
    original.load_weights(file)
    np.testing.assert_array_equal(
        model.parts.trunk.get_layer("conv5_3").kernel,
        original.get_layer("block5_conv3").kernel.numpy(),
    )
    assert not model.parts.trunk.get_layer("conv2_2").trainable


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 0}, "classes=0"),
        ({"classes": 3, "backbone": "vgg17"}, "backbone='vgg17'"),
        ({"classes": 3, "box_std": (1, 1)}, r"box_std=\(1, 1\)"),
        ({"classes": 3, "box_std": (1, 1, 0, 1)}, "must be positive"),
        ({"classes": 3, "box_mean": np.zeros((2, 4))}, "4 for each of 3"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        FastRCNN(**arguments)


def test_what_it_is_called_with_is_checked(make_fast_rcnn, given):
    x, _ = given
    model = make_fast_rcnn(max_proposals=30)
    with pytest.raises(ValueError, match="max_proposals=30.*Received: 24 rows"):
        model(x)
    del x["proposals"]
    with pytest.raises(ValueError, match=r"\['image_sizes', 'images'\]"):
        model(x)
