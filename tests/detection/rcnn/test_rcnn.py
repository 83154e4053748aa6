from inspect import signature

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.boxes import decode
from kcv.detection import RCNN
from kcv.detection import DetectionSelection
from kcv.detection import RoISampling
from kcv.detection import train_rcnn
from kcv.detection import train_svms
from kcv.detection import window_parts
from kcv.detection.rcnn.features import FeatureStore


@pytest.fixture(scope="module")
def trained(tuned, dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    train_rcnn(tuned, dataset, folder)
    store = FeatureStore(folder, [f"scene/{i}" for i in range(12)])
    return tuned, store


def test_fine_tuning_learns_the_windows(make_rcnn, inputs):
    model = make_rcnn()
    model.compile(keras.optimizers.Adam(3e-3))
    history = model.fit(*inputs(), batch_size=4, epochs=20, verbose=0).history
    assert list(history) == ["loss"]
    assert history["loss"][0] > 0.9  # log(4) is 1.39
    assert history["loss"][-1] < 0.1
    assert model.evaluate(*inputs(), verbose=0) < 0.2


def test_only_the_network_is_fine_tuned(make_rcnn, inputs):
    model = make_rcnn()
    x, y = tf.nest.map_structure(tf.constant, inputs(slice(4)))
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y)
    names = [v.path for v in model.trainable_variables]
    assert names[-2:] == ["fc8/kernel", "fc8/bias"]
    assert not any("svm" in name or "bbox" in name for name in names)
    gradients = tape.gradient(loss, model.trainable_variables)
    for name, gradient in zip(names, gradients, strict=True):
        assert np.abs(gradient).max() > 0, name


def test_a_batch_is_a_quarter_objects_and_of_all_its_images(
    make_rcnn, inputs, monkeypatch
):
    """32 foreground and 96 background windows, as the paper draws them."""
    model = make_rcnn(roi_sampling=RoISampling(128))
    seen = {}
    warp = model.describe.warp.warp

    def look(pixels, boxes, owners, sizes):
        seen.update(boxes=boxes.numpy(), owners=owners.numpy())
        return warp(pixels, boxes, owners, sizes)

    monkeypatch.setattr(model.describe.warp, "warp", look)
    x, y = inputs()
    model.compute_loss(x, y)
    overlap = []
    for box, owner in zip(seen["boxes"], seen["owners"], strict=True):
        objects = y["boxes"][owner][y["labels"][owner] >= 0]
        low = np.maximum(box[:2], objects[:, :2])
        high = np.minimum(box[2:], objects[:, 2:])
        common = np.prod(np.maximum(high - low, 0), axis=1)
        areas = np.prod(objects[:, 2:] - objects[:, :2], axis=1)
        own = np.prod(box[2:] - box[:2])
        overlap.append((common / (areas + own - common)).max())
    overlap = np.array(overlap)
    assert (overlap[:32] >= 0.5).all()
    assert (overlap[32:] < 0.5).all()
    assert len(set(seen["owners"])) == 12
    assert (np.prod(seen["boxes"][:, 2:] - seen["boxes"][:, :2], 1) > 0).all()


@pytest.mark.parametrize("count", [0, 3])
def test_images_without_objects_or_proposals_train_the_background(
    make_rcnn, inputs, count
):
    x, y = inputs(slice(2))
    x["proposals"] = x["proposals"][:, 12 : 12 + count]
    y["labels"] = np.full_like(y["labels"], -1)
    loss = make_rcnn().compute_loss(x, y)
    # Nothing at all to learn from is no loss.
    assert (float(loss) > 0) == (count > 0)


def test_mirroring_is_for_training_alone(make_rcnn, inputs):
    x, y = inputs(slice(4))
    losses = {}
    for mirror in (False, True):
        model = make_rcnn(mirror=mirror, roi_sampling=RoISampling(64))
        losses[mirror] = [float(model.compute_loss(x, y)) for _ in range(2)]
        losses[mirror].append(
            float(make_rcnn(mirror=mirror).compute_loss(x, y, training=False))
        )
    assert losses[True][2] == losses[False][2]  # not when it is measured
    assert losses[True][0] != losses[False][0]


def test_finds_the_objects(trained, inputs):
    model, _ = trained
    x, y = inputs()
    found = model.predict(x, verbose=0)
    for i in range(12):
        objects = y["boxes"][i][y["labels"][i] >= 0]
        best = found["boxes"][i, : len(objects)]
        order, true = np.argsort(best[:, 0]), np.argsort(objects[:, 0])
        np.testing.assert_allclose(best[order], objects[true], atol=5)
        labels = found["labels"][i, : len(objects)]
        assert labels[order].tolist() == y["labels"][i][true].tolist()


def test_scores_are_scikit_learns_and_boxes_the_regressors(trained, inputs):
    """Far apart, so that nothing is suppressed, and everything is seen."""
    model, store = trained
    machines = train_svms(store, ["a", "b", "c"], store.scale("fc7"))
    x, _ = inputs(slice(2))
    corners = np.stack(np.meshgrid([2, 34, 66], [3, 35]), -1).reshape(-1, 2)
    x["proposals"] = np.tile(np.hstack([corners, corners + 20]), (2, 1, 1))
    x["proposals"] = x["proposals"].astype("float32")
    fc7, pool5 = (np.asarray(v) for v in model.features(x))
    found = model.predict(x, verbose=0)
    assert found["num_detections"].tolist() == [18, 18]
    kernel, bias = model.bbox_regression.get_weights()
    for i in range(2):
        scores = machines.decision_function(fc7[i].astype("float64"))
        expected = np.sort(scores.ravel())[::-1]
        np.testing.assert_allclose(
            found["scores"][i, :18], expected, rtol=0, atol=1e-5
        )
        deltas = (pool5[i] @ kernel + bias).reshape(6, 3, 4)
        boxes = np.asarray(decode(deltas, x["proposals"][i][:, None]))
        boxes = boxes.clip(0, [96, 64, 96, 64])
        for row in range(18):
            label = found["labels"][i, row]
            own = np.argmin(np.abs(scores[:, label] - found["scores"][i, row]))
            np.testing.assert_allclose(
                found["boxes"][i, row], boxes[own, label], atol=1e-3
            )


def test_images_of_a_padded_batch_give_what_they_give_alone(trained, inputs):
    model, _ = trained
    x, _ = inputs(slice(2))
    x["image_sizes"] = np.array([[64, 96], [50, 70]], "int32")
    x["images"] = x["images"].copy()
    x["images"][1, 50:] = 200  # what stands in the padding must not matter
    together = model.predict(x, verbose=0)
    assert together["num_detections"].min() > 2
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
                together[key][i], value[0], rtol=1e-5, atol=1e-4, err_msg=key
            )


@pytest.mark.parametrize("chunk", [1, 5, 1000])
def test_chunks_do_not_matter(trained, make_rcnn, inputs, chunk):
    model, _ = trained
    other = make_rcnn(chunk=chunk)
    other.set_weights(model.get_weights())
    x, _ = inputs(slice(3))
    expected = model.predict(x, verbose=0)
    for key, value in other.predict(x, verbose=0).items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("count", [0, 4])
def test_padding_and_proposals_outside_are_no_detections(
    trained, inputs, count
):
    model, _ = trained
    x, _ = inputs(slice(2))
    x["proposals"] = np.zeros((2, count, 4), "float32")
    x["proposals"][:, :1] = [96, 0, 120, 30]
    found = model.predict(x, verbose=0)
    assert found["num_detections"].tolist() == [0, 0]
    assert (found["labels"] == -1).all()
    assert (found["scores"] == 0).all()


def test_mixed_precision_keeps_boxes_and_scores_exact(make_rcnn, inputs):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make_rcnn()
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile(keras.optimizers.Adam(3e-3))
    history = model.fit(*inputs(), batch_size=4, epochs=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    found = model.predict(inputs()[0], verbose=0)
    assert found["boxes"].dtype == found["scores"].dtype == np.float32
    # Untrained regressors leave the proposals as they are; bfloat16 would
    # move them by a quarter of a pixel.
    kept = found["boxes"][0, : found["num_detections"][0]]
    apart = np.abs(kept[:, None] - inputs()[0]["proposals"][0]).max(-1)
    assert apart.min(1).max() < 1e-4


@pytest.mark.parametrize(
    ("backbone", "side", "parameters"),
    # The classifiers' published counts, less fc8 of 1000 classes.
    [
        ("alexnet", 227, 60_965_224 - 4_097_000),
        ("caffenet", 227, 60_965_224 - 4_097_000),
        ("vgg16", 224, 138_357_544 - 4_097_000),
    ],
)
def test_the_networks_of_the_paper(backbone, side, parameters, zero_weights):
    parts = window_parts(backbone)
    assert parts.trunk.input_shape == (None, side, side, 3)
    assert parts.trunk.count_params() + parts.head.count_params() == parameters
    assert parts.head.output_shape == (None, 4096)
    pool5 = (7, 7, 512) if backbone == "vgg16" else (6, 6, 256)
    assert parts.trunk.output_shape[1:] == pool5


def test_published_weights_reach_the_trunk(vgg16_file):
    model = RCNN(2, "vgg16", weights=vgg16_file)
    original = keras.applications.VGG16(weights=None, include_top=False)
    original.load_weights(vgg16_file)
    kernel = model.parts.trunk.get_layer("conv5_3").kernel
    expected = original.get_layer("block5_conv3").kernel
    np.testing.assert_array_equal(kernel, expected)
    with pytest.raises(ValueError, match="vgg16_imagenet_notop"):
        RCNN(2, "alexnet", weights=vgg16_file)


def test_the_constants_of_the_paper(make_rcnn):
    assert signature(RCNN).parameters["backbone"].default == "alexnet"
    assert signature(RCNN).parameters["context"].default == 16
    model = RCNN(20, make_rcnn().parts, context=2)
    assert model.fc8.kernel.shape == (24, 21)
    assert model.svm.kernel.shape == (24, 20)
    assert model.bbox_regression.kernel.shape == (4 * 4 * 12, 80)
    assert model.mirror is True
    assert model.roi_sampling == RoISampling(128, 0.25, 0.5, (0.0, 0.5))
    assert model.detections == DetectionSelection(float("-inf"), 0.3, 100)


def test_a_fixed_number_of_proposals(make_rcnn, inputs):
    model = make_rcnn(max_proposals=24)
    x, _ = inputs(slice(1))
    more = {**x, "proposals": np.zeros((1, 25, 4), "float32")}
    with pytest.raises(ValueError, match="max_proposals=24 .* 25 rows"):
        model.predict(more, verbose=0)
    assert model.predict(x, verbose=0)["boxes"].shape == (1, 100, 4)
    # Now Keras has a graph of any number.
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        model.predict(more, verbose=0)


def test_errors(make_rcnn, inputs):
    x, _ = inputs(slice(1))
    del x["proposals"]
    with pytest.raises(ValueError, match="'image_sizes', 'images'"):
        make_rcnn().predict(x, verbose=0)
    with pytest.raises(ValueError, match="classes=0"):
        RCNN(0)
    with pytest.raises(ValueError, match="backbone='vgg17'"):
        RCNN(3, "vgg17")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.h5"):
        RCNN(3, make_rcnn().parts, weights="nowhere.h5", context=2)
