"""keras.applications as the oracle, and the ways out of Python."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.classification import GOOGLENET_MEAN
from kcv.classification import ILSVRC_MEAN
from kcv.classification import VGG11
from kcv.classification import VGG_MEAN
from kcv.classification import AlexNet
from kcv.classification import GoogLeNet
from kcv.classification import LeNet5
from kcv.classification import Preprocessing
from kcv.classification import ResNet18

MODES = ("caffe", "torch", "tf")


def pixels():
    return np.random.default_rng(0).integers(0, 256, (2, 5, 6, 3), np.uint8)


def make(mode, **options):
    # keras.applications gives Caffe's networks BGR.
    if mode == "caffe":
        options.setdefault("bgr", True)
    return getattr(Preprocessing, mode)(**options)


def oracle(images, mode):
    return keras.applications.imagenet_utils.preprocess_input(
        np.asarray(images, "float32"), mode=mode
    )


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_is_that_of_keras_applications(mode, dtype):
    images = pixels().astype(dtype)
    got = make(mode)(images)
    assert got.dtype == "float32"
    np.testing.assert_allclose(got, oracle(images, mode), atol=2e-5)


def test_caffe_in_the_order_of_kcvs_models():
    got = Preprocessing.caffe()(pixels())
    expected = oracle(pixels(), "caffe")[..., ::-1]
    np.testing.assert_allclose(got, expected, atol=2e-5)
    got = Preprocessing.caffe(GOOGLENET_MEAN)(pixels())
    np.testing.assert_array_equal(got, pixels() - np.float32(GOOGLENET_MEAN))


def test_grey_images_take_one_number():
    got = Preprocessing(10, 2)(np.full((1, 2, 2, 1), 16, np.uint8))
    np.testing.assert_array_equal(got, np.full((1, 2, 2, 1), 3))


@pytest.mark.parametrize("mode", MODES)
def test_saved_in_a_model(mode, tmp_path):
    model = keras.Sequential([keras.Input((None, None, 3)), make(mode)])
    expected = model(pixels())
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(pixels()), expected)
    model.export(tmp_path / "exported", verbose=False)
    served = tf.saved_model.load(tmp_path / "exported").serve
    images = pixels().astype("float32")
    np.testing.assert_allclose(served(images), expected, atol=2e-5)
    loaded = keras.layers.deserialize(keras.layers.serialize(make(mode)))
    assert loaded.get_config() == model.layers[-1].get_config() | {
        "name": loaded.name
    }


def test_half_precision_comes_after_the_difference():
    layer = Preprocessing.caffe(dtype="mixed_bfloat16")
    got = layer(pixels())
    assert got.dtype == "bfloat16"
    expected = Preprocessing.caffe()(pixels())
    difference = np.abs(np.asarray(tf.cast(got, tf.float32)) - expected)
    # Half a unit in the last of bfloat16's eight digits.
    assert np.all(difference <= np.abs(expected) * 2.0**-8)


def test_numbers_are_checked():
    with pytest.raises(ValueError, match="`std` must be positive.*std=0"):
        Preprocessing(1.0, 0)
    with pytest.raises(ValueError, match="mean has 2 numbers .* 3 channels"):
        Preprocessing([1.0, 2.0])(pixels())


@pytest.mark.parametrize(
    ("variant", "pixels", "expected"),
    [
        ("modern", [0, 255], [-0.1307 / 0.3081, 0.8693 / 0.3081]),
        ("1998", [0, 255], [-0.1, 1.175]),
        ("caffe", [0, 256], [0, 1]),
    ],
)
def test_the_scalings_of_lenet(variant, pixels, expected):
    layer = LeNet5(variant=variant).get_layer("preprocessing")
    found = layer(np.float32(pixels)[:, None])
    np.testing.assert_allclose(np.ravel(found), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("build", "mean"),
    [
        (lambda **options: AlexNet(False, **options), ILSVRC_MEAN),
        (lambda **options: VGG11(False, **options), VGG_MEAN),
        (lambda **options: ResNet18(False, **options), VGG_MEAN),
        (lambda **options: GoogLeNet(False, **options), GOOGLENET_MEAN),
    ],
    ids=["alexnet", "vgg11", "resnet18", "googlenet"],
)
def test_a_classifier_subtracts_the_mean_of_its_authors(build, mean):
    model, bare = build(), build(include_preprocessing=False)
    bare.set_weights(model.get_weights())
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))
    expected = bare(np.float32(pixels - mean))
    np.testing.assert_allclose(
        model(pixels), expected, atol=1e-4 * np.abs(expected).max()
    )
