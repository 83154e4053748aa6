"""The cascade as a detector, with networks whose answers are known.

A window is a face if it is bright: the networks compare the mean of its red
channel with a gray level.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv
from kcv.faces import cascade
from kcv.faces.cascade import Stage
from kcv.faces.cascade import WindowScan
from kcv.faces.cascade import WindowSelection
from kcv.faces.cascade.detection import Windows
from kcv.faces.cascade.detection import _suppressed
from kcv.faces.cascade.suppression import suppress
from kcv.faces.cascade.windows import crop_windows
from kcv.faces.cascade.windows import octaves

RNG = np.random.default_rng(0)


def bright(size, level, slope=0.2):
    """A network for which bright windows are faces."""
    images = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(1, 1, use_bias=False)(images)
    x = keras.layers.AveragePooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(2)(x)
    x = keras.layers.Softmax()(x)
    model = keras.Model(images, x, name=f"bright{size}")
    kernel = np.zeros((1, 1, 3, 1))
    kernel[0, 0, 0] = 1
    dense = np.zeros((size**2 // 4, 2))
    dense[:, 1] = 4 * slope / size**2
    model.set_weights([kernel, dense, np.array([0, -slope * level])])
    return model


def pattern(size, number):
    """A calibration network that always chooses one pattern."""
    images = keras.Input((size, size, 3))
    x = keras.layers.Flatten()(images)
    x = keras.layers.Dense(45, kernel_initializer="zeros")(x)
    x = keras.layers.Softmax()(x)
    model = keras.Model(images, x, name=f"pattern{size}")
    model.layers[-2].bias.assign(50.0 * np.eye(45)[number])
    return model


def scene(height=96, width=128):
    """A dark image with two bright squares."""
    image = np.full((height, width, 3), 20, "float32")
    image[20:52, 16:48] = 220
    image[56:80, 88:112] = 220
    return image


SCAN = WindowScan(min_face=24, step=2 ** (1 / 3), stride=2)


def detector(**options):
    stages = [
        Stage(bright(12, 180), None, WindowSelection(0.5, iou=0.6)),
        Stage(bright(24, 190), None, WindowSelection(0.5, iou=0.3)),
    ]
    return cascade.FaceCascade(stages, scan=SCAN, **options)


@pytest.fixture(scope="module")
def model():
    return detector(max_detections=7)


def iou(box, other):
    return float(kcv.boxes.iou_matrix([box], [other])[0, 0])


def test_bright_squares_are_found(model):
    found = model.predict(scene()[None], verbose=0)
    count = int(found["num_detections"][0])
    boxes = found["boxes"][0, :count]
    assert count >= 2
    assert max(iou(box, [16, 20, 48, 52]) for box in boxes) > 0.5
    assert max(iou(box, [88, 56, 112, 80]) for box in boxes) > 0.5
    assert (np.diff(found["scores"][0, :count]) <= 0).all()
    np.testing.assert_array_equal(found["labels"][0, :count], 0)
    np.testing.assert_array_equal(found["labels"][0, count:], -1)
    np.testing.assert_array_equal(found["boxes"][0, count:], 0)
    assert boxes.min() >= 0
    assert (boxes <= [128, 96, 128, 96]).all()


def test_nothing_bright_is_no_face(model):
    found = model.predict(np.zeros((2, 50, 60, 3)), verbose=0)
    assert found["num_detections"].tolist() == [0, 0]
    assert found["boxes"].shape == (2, 7, 4)


@pytest.mark.parametrize("size", [(1, 1), (10, 20_000), (23, 40), (24, 24)])
def test_images_of_any_size_have_an_answer(model, size):
    found = model(np.full((1, *size, 3), 220, "float32"))
    assert int(found["num_detections"][0]) == (min(size) >= 24)


def test_faces_of_an_image_do_not_depend_on_the_batch(model):
    small, large = scene(), scene(80, 128)
    batch = np.full((2, 110, 140, 3), 255, "float32")
    batch[0, :96, :128] = small
    batch[1, :80, :128] = large
    sizes = np.array([[96, 128], [80, 128]], "int32")
    together = model({"images": batch, "image_sizes": sizes})
    for row, image in enumerate((small, large)):
        alone = model(image[None])
        for name, values in alone.items():
            np.testing.assert_array_equal(together[name][row], values[0])


def test_every_window_survives_thresholds_of_zero():
    all_of_them = WindowSelection(0.0, iou=1.0, max_windows=10_000)
    stages = [
        Stage(bright(12, 180), None, all_of_them),
        Stage(bright(24, 190), None, all_of_them),
    ]
    scan = WindowScan(24, step=2.0, stride=2, max_windows=10_000)
    model = cascade.FaceCascade(stages, scan=scan, max_detections=2000)
    found = model(scene(96, 128)[None])
    # 48 x 64 pixels have 19 x 27 windows, 24 x 32 have 7 x 11. At 12 x 16,
    # which is a face of 96 pixels, there are 1 x 3.
    assert int(found["num_detections"][0]) == 19 * 27 + 7 * 11 + 3
    sides = found["boxes"][0, :, 2:] - found["boxes"][0, :, :2]
    assert {*np.unique(sides)} == {0, 24, 48, 96}


def test_scores_are_those_of_the_crops():
    stages = [
        Stage(bright(12, 120, 0.01), None, WindowSelection(0.0, iou=1.0)),
        Stage(bright(24, 120, 0.01), None, WindowSelection(0.0, iou=1.0)),
    ]
    image = RNG.uniform(0, 255, (48, 48, 3)).astype("float32")
    scan = WindowScan(24, step=2.0, stride=4)
    found = cascade.FaceCascade(stages, scan=scan)(image[None])
    boxes = found["boxes"][0].numpy().astype(int)
    for box, score in zip(boxes, found["scores"][0].numpy(), strict=True):
        if score:
            x1, y1, x2, y2 = box
            mean = image[y1:y2, x1:x2, 0].mean()
            expected = 1 / (1 + np.exp(-0.01 * (mean - 120)))
            assert score == pytest.approx(expected, abs=1e-5)


def test_windows_are_calibrated(model):
    # Pattern 8 * 3 + ... : s = 1.21, x = y = 0.17.
    stages = [
        Stage(bright(12, 180), pattern(12, 44), WindowSelection(0.5, iou=1.0))
    ]
    plain = [Stage(bright(12, 180), None, WindowSelection(0.5, iou=1.0))]
    scan = WindowScan(24, step=2.0, stride=4)
    moved = cascade.FaceCascade(stages, scan=scan)(scene()[None])
    before = cascade.FaceCascade(plain, scan=scan)(scene()[None])
    boxes = before["boxes"][0].numpy()
    sides = boxes[:, 2:] - boxes[:, :2]
    corners = boxes[:, :2] - 0.17 * sides / 1.21
    expected = np.concatenate([corners, corners + sides / 1.21], axis=1)
    expected = np.clip(expected, 0, [128, 96, 128, 96])
    np.testing.assert_allclose(moved["boxes"][0], expected, atol=1e-4)


def test_the_dense_scan_equals_crops():
    net = cascade.Net12(13)
    for weight in net.weights:
        weight.assign(RNG.standard_normal(weight.shape) / 4)
    select = WindowSelection(0.0, iou=1.0, max_windows=5000)
    model = cascade.FaceCascade(
        [Stage(net, None, select)],
        scan=WindowScan(12, step=2.0, stride=2, max_windows=5000),
        max_detections=1000,
    )
    image = RNG.uniform(0, 255, (37, 41, 3)).astype("float32")
    found = model(image[None])
    count = int(found["num_detections"][0])
    boxes = found["boxes"][0, :count].numpy()
    scores = found["scores"][0, :count].numpy()
    whole = (boxes[:, 2] - boxes[:, 0] == 12) & (boxes[:, 2:] < [41, 37]).all(1)
    corners = boxes[whole, :2].astype(int)
    crops = [image[y : y + 13, x : x + 13] for x, y in corners]
    np.testing.assert_allclose(
        net(np.stack(crops))[:, 1], scores[whole], atol=1e-5
    )
    assert whole.sum() == 13 * 15


def test_windows_are_means_of_what_they_cover():
    image = RNG.uniform(0, 255, (64, 96, 3)).astype("float32")
    levels = octaves(tf.constant(image))
    boxes = np.float32([[0, 0, 48, 48], [48, 16, 96, 64], [16, 8, 40, 32]])
    windows = crop_windows(levels, tf.constant(boxes), 12)
    for box, window in zip(boxes.astype(int), windows, strict=True):
        x1, y1, x2, y2 = box
        step = (x2 - x1) // 12
        cells = image[y1:y2, x1:x2].reshape(12, step, 12, step, 3)
        np.testing.assert_allclose(window, cells.mean((1, 3)), atol=1e-3)


def test_what_lies_outside_of_the_image_is_gray():
    levels = octaves(tf.fill((32, 32, 3), 7.0))
    boxes = tf.constant([[-60.0, 0, -12, 48], [40, 40, 60, 60]])
    windows = crop_windows(levels, boxes, 12)
    np.testing.assert_array_equal(windows, 127.5)


def test_suppression_stays_within_a_scale():
    boxes = tf.constant([[0.0, 0, 10, 10], [0, 0, 10, 9], [2, 2, 6, 6]])
    scores = tf.constant([0.9, 0.8, 0.7])
    assert suppress(boxes, scores, 0.5).numpy().tolist() == [0, 2]
    assert suppress(boxes, scores, 0.5, 0.9).numpy().tolist() == [0]
    groups = tf.constant([0, 1, 1])
    kept = suppress(boxes, scores, 0.5, groups=groups)
    assert kept.numpy().tolist() == [0, 1, 2]
    kept = suppress(boxes, scores, 0.5, 0.9, groups)
    assert kept.numpy().tolist() == [0, 1]


@pytest.mark.parametrize(
    ("across", "first", "last"),
    [(None, 2, 1), (True, 1, 1), (False, 2, 2)],
)
def test_scales_suppress_each_other_as_told(across, first, last):
    # The same face at two scales, with an IoU of 0.64.
    windows = Windows(
        tf.constant([[0.0, 0, 20, 20], [2, 2, 18, 18]]),
        tf.constant([0.9, 0.8]),
        tf.constant([1, 0]),
    )
    selection = WindowSelection(0.5, iou=0.3, across_scales=across)
    for is_last, count in ((False, first), (True, last)):
        kept = _suppressed(windows, selection, is_last)
        assert len(kept.boxes) == count


def test_enlarged_windows_at_the_border_show_the_image():
    image = tf.fill((20, 30, 3), 7.0)
    boxes = tf.constant([[0.0, 0, 20, 20], [10, 0, 30, 20], [20, 10, 30, 20]])
    windows = crop_windows(octaves(image), boxes, 48)
    np.testing.assert_allclose(windows, 7.0, rtol=1e-6)


def test_export_answers_as_predict_does(model, tmp_path):
    model.export(tmp_path / "saved", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "saved")
    for size in ((96, 128), (60, 52), (20, 30)):
        image = scene()[None, : size[0], : size[1]]
        sizes = np.array([size], "int32")
        found = loaded.serve({"images": image, "image_sizes": sizes})
        for name, values in model.predict(image, verbose=0).items():
            np.testing.assert_array_equal(found[name], values)


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        (WindowScan, {"min_face": 0}),
        (WindowScan, {"step": 1.0}),
        (WindowScan, {"stride": 3}),
        (WindowScan, {"max_windows": 0}),
        (WindowSelection, {"threshold": 1.5}),
        (WindowSelection, {"iou": -0.1}),
        (WindowSelection, {"smaller": 2}),
        (WindowSelection, {"max_windows": 0}),
        (WindowSelection, {"across_scales": 2}),
    ],
)
def test_wrong_settings_are_refused(settings, options):
    (argument,) = options
    with pytest.raises(ValueError, match=f"`{argument}` must be"):
        settings(**options)


def test_wrong_stages_are_refused():
    with pytest.raises(ValueError, match="`stages` must have a stage"):
        cascade.FaceCascade([])
    with pytest.raises(ValueError, match="windows of 12 or 13"):
        cascade.FaceCascade([Stage(bright(24, 9))])
    with pytest.raises(ValueError, match="with 2 and a"):
        cascade.FaceCascade([Stage(bright(12, 9), bright(12, 9))])
    with pytest.raises(TypeError, match=r"`stages\[0\].selection` must be"):
        cascade.FaceCascade([Stage(bright(12, 9), None, 0.5)])
    with pytest.raises(TypeError, match="`scan` must be"):
        cascade.FaceCascade([Stage(bright(12, 9))], scan=24)
