"""The outputs of keras.applications' own networks, and what may go wrong."""

import keras
import numpy as np
import pytest

from kcv.classification import VGG16
from kcv.classification import VGG19
from kcv.classification import ResNet18
from kcv.classification import ResNet50
from kcv.classification import ResNet101
from kcv.classification import ResNet152
from kcv.classification import vgg_head
from kcv.classification import vgg_trunk
from kcv.weights import load_keras_applications

applications = keras.applications


def randomize(model, seed=0):
    """Give every variable a value that shows, and keep activations near 1.

    Variances are small enough for the two epsilons to differ, and biases and
    means large enough for a lost one to matter.
    """
    generator = np.random.default_rng(seed)
    for variable in model.weights:
        v = generator.standard_normal(variable.shape).astype("float32")
        if variable.name == "kernel":
            v *= np.sqrt(2 / np.prod(variable.shape[:-1]))
        elif variable.name == "moving_variance":
            v = 1e-4 * np.exp(0.3 * v)
        elif variable.name == "gamma":
            # The last of a block adds to the shortcut: less of it.
            scale = 0.3 if "_3_bn" in variable.path else 1.0
            v = scale * (1e-2 + 1e-3 * v)
        else:
            v = 0.1 * v
        variable.assign(v)


def images(size=64):
    generator = np.random.default_rng(1)
    return generator.normal(0, 1, (2, size, size, 3)).astype("float32")


def relative_error(a, b):
    a, b = np.asarray(a), np.asarray(b)
    return np.abs(a - b).max() / np.abs(b).max()


@pytest.mark.parametrize(
    ("build", "original"),
    [
        (VGG16, applications.VGG16),
        (VGG19, applications.VGG19),
        (ResNet50, applications.ResNet50),
        pytest.param(ResNet101, applications.ResNet101, marks=pytest.mark.slow),
    ],
)
def test_logits_are_those_of_the_original(build, original):
    options = {
        "input_shape": (64, 64, 3),
        "classes": 7,
        "weights": None,
        "classifier_activation": None,
    }
    bgr = original(**options)
    randomize(bgr)
    rgb = build(include_preprocessing=False, **options)
    report = load_keras_applications(rgb, bgr)

    x = images()
    expected = bgr(x[..., ::-1])
    assert relative_error(rgb(x), expected) < 1e-5
    assert len(report.matched) == len(rgb.weights)
    # Not by chance: the colors matter.
    assert relative_error(rgb(x[..., ::-1]), expected) > 1e-2


def test_published_weights(vgg16_file):
    original = applications.VGG16(include_top=False, weights=vgg16_file)
    model = VGG16(
        include_top=False, weights=vgg16_file, include_preprocessing=False
    )
    x = images(96)
    assert relative_error(model(x), original(x[..., ::-1])) < 1e-4


def detector():
    """The parts of a Faster R-CNN that hold weights, models in a model."""
    image = keras.Input((None, None, 3))
    trunk = keras.Model(image, vgg_trunk(image)["conv5_3"], name="trunk")
    region = keras.Input((2, 2, 512))
    head = keras.Model(region, vgg_head(region), name="head")
    scores = keras.layers.Conv2D(9, 1, name="rpn_cls_score")
    maps = trunk(image)
    regions = keras.layers.GlobalAveragePooling2D()(maps)
    regions = keras.layers.RepeatVector(4)(regions)
    regions = keras.layers.Reshape((2, 2, 512))(regions)
    classes = keras.layers.Dense(3, name="cls_score")(head(regions))
    return keras.Model(image, [scores(maps), classes], name="detector")


def test_a_detector_takes_trunk_and_head():
    classifier = applications.VGG16(
        input_shape=(64, 64, 3), classes=5, weights=None
    )
    randomize(classifier)
    model = detector()
    with pytest.raises(ValueError, match="rpn_cls_score/kernel") as error:
        load_keras_applications(model, classifier)
    assert "left over in the source (2): predictions/kernel" in str(error.value)
    skip = ("rpn_", "cls_score", "fc8")
    report = load_keras_applications(model, classifier, skip=skip)
    assert len(report.matched) == 2 * (13 + 2)
    np.testing.assert_array_equal(
        model.get_layer("head").get_layer("fc6").get_weights()[0],
        classifier.get_layer("fc1").get_weights()[0],
    )
    # The same, said less precisely.
    report = load_keras_applications(model, classifier, strict=False)
    assert len(report.matched) == 30
    assert report.left_over == ("predictions/kernel", "predictions/bias")


def test_a_detector_must_say_that_the_head_stays(vgg16_file):
    model = detector()
    skip = ("rpn_", "cls_score")
    with pytest.raises(ValueError, match="missing in the source") as error:
        load_keras_applications(model, vgg16_file, skip=skip)
    assert "fc6/kernel, fc6/bias, fc7/kernel" in str(error.value)
    skip = (*skip, "fc6", "fc7")
    report = load_keras_applications(model, vgg16_file, skip=skip)
    assert len(report.matched) == 26


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("VGG16", VGG16),
        ("VGG19", VGG19),
        ("ResNet50", ResNet50),
        ("ResNet101", ResNet101),
        ("ResNet152", ResNet152),
    ],
)
@pytest.mark.usefixtures("zero_weights")
def test_the_download_is_of_the_models_own_network(monkeypatch, name, build):
    def download(include_top, weights):
        raise ConnectionError(f"{name} {include_top} {weights}")

    monkeypatch.setattr(keras.applications, name, download)
    with pytest.raises(ConnectionError, match=f"{name} False imagenet"):
        build(include_top=False, weights="imagenet")


def test_networks_without_a_download_are_refused():
    with pytest.raises(ValueError, match="ResNet101 and ResNet152.*FILE.pth"):
        ResNet18(weights="imagenet")
    with pytest.raises(ValueError, match="classes=10"):
        ResNet50(weights="imagenet", classes=10)


@pytest.mark.usefixtures("zero_weights")
def test_another_stride_is_refused():
    original = applications.ResNet50(include_top=False, weights=None)
    model = ResNet50(include_top=False, stride_in="3x3")
    with pytest.raises(ValueError, match='build it with stride_in="1x1"'):
        load_keras_applications(model, original)


@pytest.mark.usefixtures("zero_weights")
def test_the_pooling_without_a_border_is_refused():
    original = applications.ResNet50(include_top=False, weights=None)
    model = ResNet50(include_top=False, pool1="ceil")
    with pytest.raises(ValueError, match='build it with pool1="padded"'):
        load_keras_applications(model, original)


def test_another_input_size_is_refused():
    original = applications.VGG16(input_shape=(32, 32, 3), weights=None)
    model = VGG16(input_shape=(64, 64, 3))
    with pytest.raises(ValueError, match="512 inputs would take it") as error:
        load_keras_applications(model, original)
    assert "fc6/kernel: the model has (2048, 4096)" in str(error.value)


def test_a_foreign_model_is_refused():
    layer = keras.layers.Dense(1, name="head")
    foreign = keras.Sequential([keras.Input((3,)), layer])
    with pytest.raises(ValueError, match=r"layers head"):
        load_keras_applications(VGG16(include_top=False), foreign)
