"""Every region is seen at the scale that suits it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.detection import DetectionSelection
from kcv.detection.parts import image_pyramid
from kcv.detection.parts.image_pyramid import nearest_level

SCALES = (32, 64, 128)


@pytest.fixture(autouse=True)
def small_regions(monkeypatch):
    """Regions of the tests' images, of 12 to 40 pixels, use all scales."""
    monkeypatch.setattr(image_pyramid, "CANONICAL_SIDE", 28)


def test_levels_equal_numpy(monkeypatch):
    monkeypatch.setattr(image_pyramid, "CANONICAL_SIDE", 224)
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 300, (200, 2))
    boxes = np.concatenate(
        [corners, corners + rng.uniform(1, 300, (200, 2))], 1
    )
    scales = np.array([480, 576, 688, 864, 1200]) / 375
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    expected = np.abs(areas[:, None] * scales**2 - 224**2).argmin(1)
    assert set(expected) == set(range(5))
    levels = nearest_level(tf.constant(boxes, "float32"), tf.constant(scales))
    np.testing.assert_array_equal(levels, expected)


def test_its_own_scale_is_no_pyramid(make_fast, proposed):
    x, _ = proposed
    x = {"images": x["images"][:1], "proposals": x["proposals"][:1]}
    expected = make_fast(detections=DetectionSelection(0.02)).predict(
        x, verbose=0
    )
    model = make_fast(detections=DetectionSelection(0.02), test_scales=(64,))
    assert expected["num_detections"] > 5
    for key, value in model.predict(x, verbose=0).items():
        np.testing.assert_allclose(value, expected[key], atol=1e-5)


def test_regions_have_the_scores_of_their_scale(make_fast, proposed):
    x, _ = proposed
    image, proposals = x["images"][:1], x["proposals"][0, :25]
    single = make_fast(detections=DetectionSelection(-1.0))
    model = make_fast(detections=DetectionSelection(-1.0), test_scales=SCALES)
    scales = np.array(SCALES) / 64
    levels = nearest_level(proposals, scales).numpy()
    assert set(levels) == {0, 1, 2}
    for scale, box in zip(scales[levels], proposals, strict=True):
        size = (64 * scale, 96 * scale)
        expected = single.predict(
            {
                "images": tf.image.resize(image, np.int32(size)).numpy(),
                "proposals": scale * box[None, None],
            },
            verbose=0,
        )
        found = model.predict(
            {"images": image, "proposals": box[None, None]}, verbose=0
        )
        np.testing.assert_allclose(
            found["scores"], expected["scores"], rtol=1e-4, atol=1e-5
        )
        np.testing.assert_allclose(
            found["boxes"], expected["boxes"] / scale, rtol=1e-3, atol=1e-2
        )


def test_two_images_are_two_of_one(make_fast, proposed):
    x, _ = proposed
    model = make_fast(detections=DetectionSelection(0.02), test_scales=SCALES)
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


def test_it_trains_saves_and_loads(make_fast, proposed, tmp_path):
    x, y = proposed
    model = make_fast(detections=DetectionSelection(0.02), test_scales=SCALES)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(x, y, batch_size=2, verbose=0)
    expected = model(x)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.test_scales == SCALES
    for key, value in loaded(x).items():
        np.testing.assert_array_equal(value, expected[key])


@pytest.mark.parametrize("scales", [(), (0, 600), (600, 2400)])
def test_no_scales(make_fast, scales):
    with pytest.raises(ValueError, match="`test_scales` must be short sides"):
        make_fast(test_scales=scales)


def test_the_last_pixel_is_scaled(make_fast, proposed, monkeypatch):
    """As in Fast R-CNN's code: (x2 - 1) * scale of a half-open box."""
    x, _ = proposed
    regions = x["proposals"][:1, :5].round()
    model = make_fast(test_scales=(128,), roi_end_offset=1.0)
    seen = []
    pool = model.head.roi_pool.call

    def look(inputs):
        seen.append(inputs[1])
        return pool(inputs)

    monkeypatch.setattr(model.head.roi_pool, "call", look)
    pyramid = model.get_layer("pyramid")
    pyramid.call([x["images"][:1], x["image_sizes"][:1], regions])
    expected = np.clip(regions - [0, 0, 1, 1], 0, [95, 63, 95, 63]) * 2
    np.testing.assert_allclose(seen[0], expected)
