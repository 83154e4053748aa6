"""Fast R-CNN learns from given proposals and finds by them."""

import keras
import numpy as np
import pytest

from kcv import boxes as geometry
from kcv.detection import FastRCNN
from kcv.detection import box_statistics
from kcv.detection import custom_parts


@pytest.fixture
def make_fast(small_trunk):
    """Function that builds a small detector with options of its own."""

    def make(classes=3, **options):
        keras.utils.set_random_seed(0)
        parts = custom_parts(small_trunk(), roi_size=3, units=(24,))
        settings = {"roi_batch": 16, "roi_bg_iou": (0.0, 0.5), "seed": 0}
        return FastRCNN(classes, parts, **{**settings, **options})

    return make


@pytest.fixture
def proposed(batch):
    """The batch, with proposals around its objects and elsewhere."""
    x, y = batch
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 40, (2, 30, 2))
    sides = rng.uniform(12, 40, (2, 30, 2))
    proposals = np.concatenate([corners, corners + sides], -1)
    near = y["boxes"][0, [0, 1] * 5] + rng.uniform(-4, 4, (10, 4))
    proposals[0, :10] = near
    proposals[0, 25:] = 0  # padding
    x = {**x, "proposals": proposals.astype("float32")}
    return x, y


def test_the_defaults_are_the_papers():
    settings = FastRCNN(2, "resnet18").get_config()
    expected = {
        "roi_batch": 64,
        "roi_fg_fraction": 0.25,
        "roi_fg_iou": 0.5,
        "roi_bg_iou": (0.1, 0.5),
        "detection_iou": 0.3,
        "max_detections": 100,
    }
    assert {key: settings[key] for key in expected} == expected


def test_it_finds_what_it_was_trained_on(make_fast, proposed):
    x, y = proposed
    model = make_fast()
    rate = keras.optimizers.schedules.CosineDecay(5e-3, 200)
    model.compile(keras.optimizers.Adam(rate))
    history = model.fit(x, y, batch_size=2, epochs=200, verbose=0).history
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
    model = make_fast(score_threshold=0.02)
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
    model = make_fast(score_threshold=0.0)
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
    normalised = make_fast(box_mean=mean, box_std=std, score_threshold=0.02)
    plain = make_fast(
        box_mean=np.zeros(4), box_std=np.ones(4), score_threshold=0.02
    )
    plain.set_weights(normalised.get_weights())
    kernel, bias = normalised.head.bbox_pred.get_weights()
    bias = rng.normal(0, 0.3, bias.shape)
    normalised.head.bbox_pred.set_weights([kernel, bias])
    # As the reference does when it writes a snapshot.
    scale = np.concatenate([np.ones((1, 4)), std]).ravel()
    shift = np.concatenate([np.zeros((1, 4)), mean]).ravel()
    plain.head.bbox_pred.set_weights([kernel * scale, bias * scale + shift])
    expected, found = (m.predict(x, verbose=0) for m in (normalised, plain))
    assert expected["num_detections"].min() > 0
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=1e-3)


def test_box_statistics_are_those_of_the_near_regions(proposed):
    x, y = proposed
    mean, std = box_statistics([(x, y)], classes=3)
    regions = np.concatenate([x["proposals"][0, :10], y["boxes"][0, :2]])
    targets = {0: [], 2: []}
    for region in regions:
        iou = np.asarray(geometry.iou_matrix(region[None], y["boxes"][0, :2]))
        best = iou[0].argmax()
        assert iou[0, best] >= 0.5
        label = int(y["labels"][0, best])
        truth = y["boxes"][0, best]
        targets[label].append(np.asarray(geometry.encode(truth, region)))
    for label, own in targets.items():
        np.testing.assert_allclose(mean[label], np.mean(own, 0), atol=1e-6)
        np.testing.assert_allclose(std[label], np.std(own, 0), atol=1e-5)
    assert mean[1].tolist() == [0] * 4  # a class without boxes
    assert std[1].tolist() == [1] * 4


def test_save_and_load(make_fast, proposed, tmp_path):
    x, _ = proposed
    mean, std = np.full((3, 4), 0.1), np.full((3, 4), 0.2)
    model = make_fast(box_mean=mean, box_std=std, score_threshold=0.02)
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    for key, value in again.predict(x, verbose=0).items():
        np.testing.assert_array_equal(value, expected[key])


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


def test_statistics_of_another_number_of_classes(make_fast):
    with pytest.raises(ValueError, match=r"box_std must.*\(3, 4\).*\(2, 4\)"):
        make_fast(box_std=np.ones((2, 4)))
