"""Requests that are no images, or too much of them, get an error."""

import io
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from export import native
from kcv.serving import CenterCrop
from kcv.serving import FixedSize
from kcv.serving import label_maps
from kcv.serving import publish
from kcv.serving.limits import Limits


def encode(height, width, kind="PNG", value=7):
    content = io.BytesIO()
    pixels = np.full((height, width, 3), value, np.uint8)
    Image.fromarray(pixels).save(content, kind)
    return content.getvalue()


@pytest.fixture(scope="module")
def model():
    images = keras.Input((None, None, 3), name="images")
    return keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))


@pytest.fixture(scope="module")
def limited(model, tmp_path_factory):
    """An export that takes 3 images of 200 pixels at most."""
    return publish(
        model,
        tmp_path_factory.mktemp("limited"),
        prepare=FixedSize(4, 5),
        max_batch=3,
        max_pixels=200,
    )


@pytest.fixture(scope="module")
def signatures(limited):
    return tf.saved_model.load(str(limited)).signatures


_WRONG = {
    "nan": np.nan,
    "infinity": np.inf,
    "minus infinity": -np.inf,
    "negative": -1.0,
    "above": 256.0,
    "huge": 3e38,
}


@pytest.mark.parametrize("case", _WRONG)
@pytest.mark.parametrize("place", ["everywhere", "first", "middle", "last"])
def test_pixels_that_are_none(signatures, case, place):
    images = np.full((2, 9, 11, 3), 100, np.float32)
    where = {"everywhere": slice(None), "first": 0, "middle": 311, "last": -1}
    images.reshape(-1)[where[place]] = _WRONG[case]
    with pytest.raises(tf.errors.InvalidArgumentError, match="finite and in 0"):
        signatures["serving_default"](images=tf.constant(images))


def test_pixels_at_the_ends_of_the_range(signatures):
    """A resized image leaves the range by what rounding adds."""
    images = np.zeros((1, 9, 11, 3), np.float32)
    for value in (0.0, 255.0, 255.00003, -1e-6):
        images[0, 3, 3] = value
        answer = signatures["serving_default"](images=tf.constant(images))
        assert np.isfinite(answer["outputs"]).all()


def test_batches_above_the_limit(signatures):
    images = np.zeros((4, 9, 9, 3), np.float32)
    encoded = [encode(9, 9)] * 4
    for name, inputs in (
        ("serving_default", {"images": tf.constant(images)}),
        ("serving_bytes", {"image_bytes": tf.constant(encoded)}),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match="max_batch=3"):
            signatures[name](**inputs)
        (key,) = inputs
        assert len(signatures[name](**{key: inputs[key][:3]}).popitem()[1]) == 3


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP", "GIF"])
def test_encoded_images_above_the_limit(signatures, kind):
    run = signatures["serving_bytes"]
    good = run(image_bytes=tf.constant([encode(10, 20, kind)]))
    assert good["image_shape"].numpy().tolist() == [[10, 20]]
    with pytest.raises(tf.errors.InvalidArgumentError, match="max_pixels"):
        run(image_bytes=tf.constant([encode(9, 9), encode(10, 21, kind)]))


def test_float_images_above_the_limit(signatures):
    with pytest.raises(tf.errors.InvalidArgumentError, match="max_pixels=200"):
        signatures["serving_default"](images=tf.zeros((1, 10, 21, 3)))


def test_the_native_loader_refuses_them_too(limited, program):
    images = np.zeros((1, 9, 9, 3), np.float32)
    images[0, 5, 5, 1] = np.nan
    for signature, inputs, match in (
        ("serving_default", {"images": images}, "finite and in 0"),
        ("serving_bytes", {"image_bytes": [encode(9, 9)] * 4}, "max_batch"),
    ):
        with pytest.raises(native.NativeError, match=f"status 1: .*{match}"):
            native.run(program, limited, signature, inputs)


def test_limits_are_described(limited):
    text = (limited / "assets.extra" / "kcv.json").read_text()
    assert json.loads(text)["limits"] == {
        "max_batch": 3,
        "max_pixels": 200,
        "max_proposals": 10_000,
    }


@pytest.mark.parametrize("value", [0, -1, 1.5, True])
@pytest.mark.parametrize("name", ["max_batch", "max_pixels", "max_proposals"])
def test_limits_are_positive_integers(name, value, model, tmp_path):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive"):
        publish(model, tmp_path, **{name: value})
    assert not list(tmp_path.iterdir())


def test_all_images_of_a_request_together():
    """Padded to one size, few pixels can become many."""
    limits = Limits(max_batch=9, max_pixels=10, max_proposals=1)
    assert limits.request_pixels == 100_000_000
    limits.check_total(tf.constant(100_000_000, tf.int64))
    with pytest.raises(tf.errors.InvalidArgumentError, match="together"):
        limits.check_total(tf.constant(100_000_001, tf.int64))


def test_a_row_of_pixels_does_not_grow_without_end():
    """A crop scales the short side first, and this one to 256 * 2,560,000."""
    row = tf.zeros((1, 10_000, 3), tf.uint8)
    with pytest.raises(tf.errors.InvalidArgumentError, match="so narrow that"):
        CenterCrop(256, 224)(row)
    assert CenterCrop(256, 224)(row[:, :500]).shape == (224, 224, 3)


@pytest.fixture(scope="module")
def placed(tmp_path_factory):
    """An export that is given boxes with its images."""
    inputs = {
        "images": keras.Input((None, None, 3), name="images"),
        "proposals": keras.Input((None, 4), name="proposals"),
    }
    means = keras.layers.GlobalAveragePooling2D()(inputs["images"])
    boxes = keras.layers.GlobalAveragePooling1D()(inputs["proposals"])
    outputs = keras.layers.Concatenate()([means, boxes])
    folder = publish(
        keras.Model(inputs, outputs),
        tmp_path_factory.mktemp("placed"),
        max_proposals=5,
    )
    return tf.saved_model.load(str(folder)).signatures


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
def test_places_that_are_none(placed, value):
    boxes = np.zeros((1, 3, 4), np.float32)
    boxes[0, 1, 2] = value
    for name, images in (
        ("serving_default", {"images": tf.zeros((1, 8, 8, 3))}),
        ("serving_bytes", {"image_bytes": tf.constant([encode(8, 8)])}),
    ):
        with pytest.raises(
            tf.errors.InvalidArgumentError, match="proposals must be finite"
        ):
            placed[name](proposals=tf.constant(boxes), **images)


def test_more_places_than_the_limit(placed):
    images = tf.zeros((1, 8, 8, 3))
    placed["serving_default"](images=images, proposals=tf.zeros((1, 5, 4)))
    with pytest.raises(tf.errors.InvalidArgumentError, match="max_proposals=5"):
        placed["serving_default"](images=images, proposals=tf.zeros((1, 6, 4)))


def test_label_maps_of_more_classes_than_they_can_hold(tmp_path):
    logits = tf.zeros((1, 2, 2, 256))
    assert label_maps(logits)["labels"].dtype == tf.uint8
    with pytest.raises(ValueError, match="at most 256 classes"):
        label_maps(tf.zeros((1, 2, 2, 257)))
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, keras.layers.Conv2D(257, 1)(images))
    with pytest.raises(ValueError, match="at most 256 classes"):
        publish(model, tmp_path, outputs=label_maps)
    assert not list(tmp_path.iterdir())


def test_a_base_that_is_a_file(model, tmp_path):
    file = tmp_path / "other"
    file.touch()
    for place in (file, file / "models"):
        with pytest.raises(ValueError, match="`base_dir` must be a folder"):
            publish(model, place)
