from inspect import signature

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.detection import AnchorSampling
from kcv.detection import BoxNormalization
from kcv.detection import DetectionSelection
from kcv.detection import FasterRCNN
from kcv.detection import ProposalSelection
from kcv.detection import RoISampling
from kcv.detection import vgg16_parts

LOSSES = {"loss", "rpn_cls_loss", "rpn_bbox_loss", "cls_loss", "bbox_loss"}


@pytest.fixture(scope="module")
def trained(make_detector, module_batch):
    """A detector that is sure enough of something to detect it."""
    model = make_detector(detections=DetectionSelection(0.02))
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(*module_batch, batch_size=2, epochs=20, verbose=0)
    return model


def test_fit_shows_the_four_losses_and_they_fall(trained, batch):
    history = {k: v[:12] for k, v in trained.history.history.items()}
    assert set(history) == LOSSES
    for values in history.values():
        assert np.isfinite(values).all()
    parts = sum(np.array(history[name]) for name in LOSSES - {"loss"})
    np.testing.assert_allclose(history["loss"], parts, rtol=1e-5)
    assert history["loss"][-1] < 0.6 * history["loss"][0]
    assert set(trained.evaluate(*batch, verbose=0, return_dict=True)) == LOSSES


def test_every_part_receives_gradients(make_detector, batch):
    model = make_detector()
    x, y = tf.nest.map_structure(tf.constant, batch)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y)
    for variable, gradient in zip(
        model.trainable_variables,
        tape.gradient(loss, model.trainable_variables),
        strict=True,
    ):
        assert gradient is not None, variable.path
        assert np.abs(gradient).max() > 0, variable.path


def test_images_without_objects_train_the_background(make_detector, batch):
    x, y = batch
    y = {**y, "labels": np.full((2, 3), -1, "int32")}
    model = make_detector()
    assert np.isfinite(model.compute_loss(x, y))
    values = {metric.name: float(metric.result()) for metric in model.metrics}
    assert values["rpn_cls_loss"] > 0
    assert values["cls_loss"] > 0
    assert values["rpn_bbox_loss"] == values["bbox_loss"] == 0


def test_boxes_may_have_no_rows_at_all(make_detector, batch):
    x, _ = batch
    y = {
        "boxes": np.zeros((2, 0, 4), "float32"),
        "labels": np.zeros((2, 0), "int32"),
    }
    assert np.isfinite(make_detector().compute_loss(x, y))


@pytest.mark.parametrize("key", ["difficult", "is_crowd"])
def test_difficult_and_crowd_do_not_take_part(make_detector, batch, key):
    x, y = batch
    model = make_detector()
    left_out = {**y, key: y["labels"] >= 0}
    model.compute_loss(x, left_out)
    values = {metric.name: float(metric.result()) for metric in model.metrics}
    assert values["rpn_bbox_loss"] == values["bbox_loss"] == 0


def test_loss_of_two_is_the_mean_of_two_alone(make_detector, batch):
    # All anchors and regions are taken, so that no chance is left.
    x, y = batch
    model = make_detector(
        anchor_sampling=AnchorSampling(4000),
        roi_sampling=RoISampling(60, fg_fraction=1.0),
    )
    together = model.compute_loss(x, y, training=False)
    alone = [
        model.compute_loss(
            {key: value[i : i + 1] for key, value in x.items()},
            {key: value[i : i + 1] for key, value in y.items()},
            training=False,
        )
        for i in range(2)
    ]
    np.testing.assert_allclose(together, np.mean(alone), rtol=1e-4)


def test_images_of_a_padded_batch_give_what_they_give_alone(trained, batch):
    x, _ = batch
    # What stands in the padding must not matter.
    x["images"][1, 50:] = 200
    together = trained.predict(x, verbose=0)
    assert together["num_detections"].min() > 0
    for i, (height, width) in enumerate(x["image_sizes"]):
        image = x["images"][i : i + 1, :height, :width]
        alone = trained.predict(image, verbose=0)
        for key, value in alone.items():
            np.testing.assert_allclose(
                together[key][i], value[0], rtol=1e-5, atol=1e-3, err_msg=key
            )


def test_predictions_keep_their_contract(trained, batch):
    x, _ = batch
    found = trained.predict(x, verbose=0)
    assert found["boxes"].shape == (2, 100, 4)
    for i, (height, width) in enumerate(x["image_sizes"]):
        count = found["num_detections"][i]
        boxes, scores = found["boxes"][i], found["scores"][i]
        assert (np.diff(scores) <= 0).all()
        assert (scores[:count] > 0.02).all()
        assert (scores[count:] == 0).all()
        assert (found["labels"][i, :count] >= 0).all()
        assert (found["labels"][i, count:] == -1).all()
        assert (boxes >= 0).all()
        assert (boxes <= [width, height, width, height]).all()
        assert (boxes[:count, 2:] > boxes[:count, :2]).all()


def test_regions_may_end_at_the_last_pixel(make_detector, batch, monkeypatch):
    x, y = batch
    y["boxes"][0, 0] = [50, 30, 96, 64]  # an object, which is a region, too
    for offset, ends in ((None, [96, 64]), (0.0, [95, 63])):
        model = make_detector(roi_end_offset=offset)
        assert model.get_config()["roi_end_offset"] == offset
        seen = []
        pool = model.head.roi_pool.call

        def look(inputs, pool=pool, seen=seen):
            seen.append(inputs[1])
            return pool(inputs)

        monkeypatch.setattr(model.head.roi_pool, "call", look)
        model.compute_loss(x, y)
        assert seen[0].numpy()[0, :, 2:].max(0).tolist() == ends
        assert seen[0].numpy()[1, :, 2].max() <= 70 - (offset is not None)


def test_it_finds_what_it_was_trained_on(make_detector, batch):
    x, y = batch
    model = make_detector(roi_sampling=RoISampling(32, fg_fraction=0.5))
    # To the end of the way, where rounding no longer tells machines apart.
    rate = keras.optimizers.schedules.CosineDecay(5e-3, 300)
    model.compile(keras.optimizers.Adam(rate))
    batches = tf.data.Dataset.from_tensors((x, y)).repeat()
    model.fit(batches, steps_per_epoch=300, shuffle=False, verbose=0)
    found = model.predict(x, verbose=0)
    best = found["boxes"][0, :2], found["labels"][0, :2]
    order = np.argsort(best[1])
    assert best[1][order].tolist() == [0, 2]
    np.testing.assert_allclose(best[0][order], y["boxes"][0, [1, 0]], atol=4)
    assert (found["scores"][1] < 0.5).all()


def test_mixed_precision_trains_and_keeps_boxes_exact(make_detector, batch):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = make_detector()
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile(keras.optimizers.Adam(3e-3))
    history = model.fit(*batch, batch_size=2, epochs=10, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    found = model.predict(batch[0], verbose=0)
    assert found["boxes"].dtype == found["scores"].dtype == np.float32


@pytest.mark.usefixtures("zero_weights")
def test_the_vgg16_of_the_paper():
    """With the layers fixed that a pretrained network does not train."""
    assert signature(FasterRCNN).parameters["backbone"].default == "vgg16"
    model = FasterRCNN(20, vgg16_parts(pretrained=True))
    trunk = model.parts.trunk
    frozen = [x.name for x in trunk.layers if x.weights and not x.trainable]
    assert frozen == ["conv1_1", "conv1_2", "conv2_1", "conv2_2"]
    assert len(model.trainable_variables) + 8 == len(model.weights)
    paths = {"/".join(v.path.split("/")[-2:]): v.shape for v in model.variables}
    # 9 anchors; 20 classes and background.
    assert paths["rpn_conv_3x3/kernel"] == (3, 3, 512, 512)
    assert paths["rpn_cls_score/kernel"] == (1, 1, 512, 18)
    assert paths["rpn_bbox_pred/kernel"] == (1, 1, 512, 36)
    assert paths["fc6/kernel"] == (7 * 7 * 512, 4096)
    assert paths["cls_score/kernel"] == (4096, 21)
    assert paths["bbox_pred/kernel"] == (4096, 84)
    # VGG-16 without fc8, the RPN, and the two layers of the head.
    assert model.count_params() == (
        (138_357_544 - 4_097_000)
        + (3 * 3 * 512 * 512 + 512)
        + (512 * 18 + 18)
        + (512 * 36 + 36)
        + (4096 * 21 + 21)
        + (4096 * 84 + 84)
    )
    assert model.anchor_sampling == AnchorSampling(256, 0.5, 0.7, 0.3)
    assert model.train_proposals == ProposalSelection(12000, 2000, 0.7, 16)
    assert model.test_proposals == ProposalSelection(6000, 300, 0.7, 16)
    assert model.roi_sampling == RoISampling(128, 0.25, 0.5, (0.0, 0.5))
    assert model.box_normalization == BoxNormalization(
        (0, 0, 0, 0), (0.1, 0.1, 0.2, 0.2)
    )
    assert model.detections == DetectionSelection(0.05, 0.3, 100)


def test_published_weights_reach_the_trunk(vgg16_file):
    model = FasterRCNN(2, "vgg16", weights=vgg16_file)
    original = keras.applications.VGG16(weights=None, include_top=False)
    original.load_weights(vgg16_file)
    kernel = model.parts.trunk.get_layer("conv1_1").kernel
    expected = original.get_layer("block1_conv1").kernel
    np.testing.assert_array_equal(kernel, expected.numpy()[:, :, ::-1])
    assert not model.parts.trunk.get_layer("conv2_2").trainable


def test_weights_of_another_network_are_refused(vgg16_file):
    with pytest.raises(ValueError, match="vgg16_imagenet_notop"):
        FasterRCNN(2, "resnet18", weights=vgg16_file)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 0}, "classes=0"),
        ({"classes": 3, "backbone": "vgg17"}, "backbone='vgg17'"),
        (
            {"classes": 3, "backbone": "resnet18", "weights": "nowhere.h5"},
            "nowhere.h5",
        ),
    ],
)
def test_errors(arguments, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        FasterRCNN(**arguments)


def test_it_is_a_layer_of_another_model_with_images_alone(
    make_detector, batch, tmp_path
):
    model = make_detector(detections=DetectionSelection(0.02))
    images = keras.Input((None, None, 3))
    keras.Model(images, model(images)).save(tmp_path / "outer.keras")
    outer = keras.models.load_model(tmp_path / "outer.keras")
    found = outer.predict(batch[0]["images"], verbose=0)
    expected = model.predict(batch[0]["images"], verbose=0)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)
