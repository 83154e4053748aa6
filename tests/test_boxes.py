import numpy as np
import pytest

from kcv import boxes


def random_boxes(rng, *shape):
    corner = rng.uniform(0, 90, (*shape, 2))
    return np.concatenate(
        [corner, corner + rng.uniform(1, 60, (*shape, 2))], axis=-1
    ).astype("float32")


def pixel_iou(a, b):
    """Count the shared pixels of two integer boxes."""
    canvas = np.zeros((2, 64, 64), bool)
    for mask, (x1, y1, x2, y2) in zip(canvas, (a, b), strict=True):
        mask[y1:y2, x1:x2] = True
    return (canvas[0] & canvas[1]).sum() / (canvas[0] | canvas[1]).sum()


def test_iou_counts_pixels():
    rng = np.random.default_rng(0)
    corner = rng.integers(0, 30, (2, 12, 2))
    found = np.concatenate(
        [corner, corner + rng.integers(1, 30, (2, 12, 2))], -1
    )
    iou = np.asarray(boxes.iou_matrix(found[0], found[1]))
    for i, a in enumerate(found[0]):
        for j, b in enumerate(found[1]):
            assert iou[i, j] == pytest.approx(pixel_iou(a, b), abs=1e-6)


def test_coverage_counts_pixels_of_the_first_box():
    rng = np.random.default_rng(0)
    corner = rng.integers(0, 30, (2, 12, 2))
    a, b = np.concatenate([corner, corner + rng.integers(1, 30, (2, 12, 2))], 2)
    share = np.asarray(boxes.coverage_matrix(a, b))
    canvas = np.zeros((64, 64))
    for j, (x1, y1, x2, y2) in enumerate(b):
        canvas[:] = 0
        canvas[y1:y2, x1:x2] = 1
        for i, (x1, y1, x2, y2) in enumerate(a):
            expected = canvas[y1:y2, x1:x2].mean()
            assert share[i, j] == pytest.approx(expected, abs=1e-6)
    assert np.asarray(boxes.coverage_matrix(np.zeros((1, 4)), b)).max() == 0


def test_padding_overlaps_nothing():
    padding = np.zeros((1, 4), "float32")
    assert np.asarray(boxes.iou_matrix(padding, padding)).item() == 0
    assert np.asarray(boxes.area([[5.0, 5, 2, 9]])).item() == 0


def test_half_open_boxes_equal_the_inclusive_ones_of_caffe():
    # py-faster-rcnn: w = x2 - x1 + 1, center = x1 + 0.5 * w, inclusive x2.
    anchors = np.array([[-84.0, -40, 99, 55]])
    truth = np.array([[10.0, 5, 109, 54]])
    width, height = 184.0, 96.0
    expected = [
        ((10 + 50) - (-84 + 92)) / width,
        ((5 + 25) - (-40 + 48)) / height,
        np.log(100 / width),
        np.log(50 / height),
    ]
    deltas = boxes.encode(truth + [0, 0, 1, 1], anchors + [0, 0, 1, 1])
    np.testing.assert_allclose(deltas[0], expected, rtol=1e-6)


def test_decode_inverts_encode():
    rng = np.random.default_rng(1)
    truth, anchors = random_boxes(rng, 3, 20), random_boxes(rng, 3, 20)
    std = (0.1, 0.1, 0.2, 0.2)
    back = boxes.decode(boxes.encode(truth, anchors, std), anchors, std)
    np.testing.assert_allclose(back, truth, rtol=1e-4, atol=1e-3)


def test_decode_clamps_what_would_overflow():
    decoded = boxes.decode([[0.0, 0, 500, 500]], [[0.0, 0, 16, 16]])
    sides = np.asarray(decoded[0, 2:] - decoded[0, :2])
    np.testing.assert_allclose(sides, 1000, rtol=1e-4)


def test_encode_of_padding_is_finite():
    assert np.isfinite(boxes.encode(np.zeros((1, 4)), [[0.0, 0, 9, 9]])).all()


def test_clip_keeps_each_image_to_its_own_size():
    found = [[[-5.0, -5, 200, 200]], [[-5.0, -5, 200, 200]]]
    clipped = np.asarray(boxes.clip(found, [[100, 50], [30, 120]]))
    assert clipped[:, 0].tolist() == [[0, 0, 50, 100], [0, 0, 120, 30]]
